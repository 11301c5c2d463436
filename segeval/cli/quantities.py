"""``segeval quantities``: what can be computed, and how it is defined."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from segeval.cli.writing import print_text


def quantities(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME…", help="Quantities or groups to explain; without any, all are listed."),
    ] = None,
    search: Annotated[
        str | None, typer.Option("--search", metavar="WORD", help="List those that speak of a word, like surface.")
    ] = None,
    format_: Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="What stdout carries.")] = "table",
) -> None:
    """List quantities by group, or explain some: formula, direction, when undefined, settings, source."""
    from segeval.quantities import all_quantities
    from segeval.quantities.explanation import as_json, explain, listed, named, searched

    found = named(names) if names else all_quantities()
    if search is not None:
        found = searched(search, found)
    if format_ == "json":
        text = as_json(found)
    elif names and search is None:
        text = "\n".join(map(explain, found))
    else:
        text = listed(found)
    print_text(text)

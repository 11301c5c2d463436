"""``segeval formats``: what can be read."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from segeval.cli.writing import print_page, print_text


def formats(
    format_: Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="What stdout carries.")] = "table",
) -> None:
    """List the formats that are read: endings, by which library, what is streamed, and what is missing."""
    from segeval.outputs.formats import formats_json, page_of_formats
    from segeval.readers.catalogue import formats_read

    if format_ == "json":
        print_text(formats_json(formats_read()))
    else:
        print_page(page_of_formats(formats_read()))

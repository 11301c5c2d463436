"""``segeval protocols``: the challenges whose evaluation is known, and a look at a file of one's own."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from segeval.cli.writing import print_text
from segeval.errors import UsageError

_CHECK = "check"


def protocols(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[check] [NAME|FILE]",
            help="The one to explain; without it, all are listed. check FILE reads one of your own as --protocol does.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="What stdout carries.")] = "table",
) -> None:
    """List the procedures of challenges that --protocol knows, explain one, or check a file of one's own."""
    from segeval.settings import settings_of
    from segeval.settings.protocol_documents import as_json, document_of, every_document
    from segeval.settings.protocol_words import explained, listed

    if not words:
        print_text(as_json(every_document()) if format_ == "json" else listed())
        return
    *before, wanted = words
    if before not in ([], [_CHECK]) or (wanted == _CHECK and not before):
        raise UsageError(f"{' '.join(words)}: give one name or file, or {_CHECK} and a file")
    settings_of({"protocol": wanted})  # refused as --protocol would refuse it
    found = document_of(wanted)
    print_text(as_json([found]) if format_ == "json" else explained(found))

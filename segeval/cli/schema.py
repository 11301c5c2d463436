"""``segeval schema``: the JSON Schema of what segeval writes as JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from segeval.cli.writing import print_page, print_text


def schema(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[report|verdict|comparison|…]",
            help="The document whose schema to print, or the schema that a document names (segeval-inspect/1); "
            "without it, all are listed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of a document that segeval writes, or list them."""
    from segeval.results.strict_json import json_indented
    from segeval.schemas import SCHEMAS
    from segeval.schemas import schema as schema_of_document

    if name is not None:
        print_text(json_indented(schema_of_document(name)))
        return
    from segeval.outputs.page import Listing

    rows = [(name, one.title, one.written_by) for name, one in SCHEMAS.items()]
    print_page([Listing(("name", "document", "written by"), rows)])

"""``segeval inspect``: what segeval sees in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from segeval.cli.scoring import Scoring, with_reading_options
from segeval.cli.writing import print_text


@with_reading_options
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A volume, or a folder of one mask per class.")],
    reading: Scoring,
    format_: Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="What stdout carries.")] = "table",
) -> None:
    """Say what a file holds: format, grid, kind, labels with names and voxels, remarks."""
    from segeval.cases.inspection import inspect_file
    from segeval.outputs.inspection import render_inspection, render_inspection_json
    from segeval.settings import settings_of

    render = render_inspection if format_ == "table" else render_inspection_json
    print_text(render(inspect_file(file, settings_of(reading))))

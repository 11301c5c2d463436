"""Options of commands that write a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segeval.choices import Format

FormatOption = Annotated[
    Format,
    typer.Option("--format", "-f", envvar="SEGEVAL_FORMAT", help="What stdout carries.", rich_help_panel="Output"),
]
OutputOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write a file too: .csv, .json, .md, .txt, .html or .parquet (under --format nnunet, .json is nnU-Net's). "
        "Repeatable.",
        rich_help_panel="Output",
    ),
]
WideOption = Annotated[
    bool, typer.Option("--wide", help="The table shows every quantity, whatever its width.", rich_help_panel="Output")
]

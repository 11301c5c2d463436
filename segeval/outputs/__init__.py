"""A report as text, or as bytes for a file alone: one format per file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from segeval.choices import FileFormat, Format
from segeval.outputs.batch import scored_sentence
from segeval.outputs.csv_output import render_csv
from segeval.outputs.markdown import render_markdown
from segeval.outputs.nnunet import render_nnunet, require_nnunet_quantities
from segeval.outputs.parquet import render_parquet, require_pyarrow
from segeval.outputs.table import render_table
from segeval.report import Report

__all__ = ["OUTPUTS", "Output", "format_of_ending", "scored_sentence"]


def _nothing(_: Sequence[str]) -> None:
    """Most formats can be written always."""


@dataclass(frozen=True)
class Output:
    """render: the report as text that ends with a newline, or as bytes. endings: of the files it is written to.

    shows_remarks: the text holds the report's remarks; otherwise they go to stderr.
    require: given the keys of the columns, raises the SegevalError that rendering would end in.
    """

    render: Callable[[Report], str | bytes]
    endings: tuple[str, ...]
    shows_remarks: bool = True
    require: Callable[[Sequence[str]], None] = _nothing


OUTPUTS: dict[FileFormat, Output] = {
    "table": Output(render_table, (".txt",)),
    "csv": Output(render_csv, (".csv",), shows_remarks=False),
    "json": Output(lambda report: report.to_json() + "\n", (".json",)),
    "markdown": Output(render_markdown, (".md", ".markdown")),
    "nnunet": Output(render_nnunet, (".json",), shows_remarks=False, require=require_nnunet_quantities),
    "parquet": Output(render_parquet, (".parquet",), shows_remarks=False, require=require_pyarrow),
}


def format_of_ending(name: str, asked: Format | None = None) -> FileFormat | None:
    """The format that a file name asks for by its ending; where two share it, the one asked for, else the first."""
    found = [format_ for format_, output in OUTPUTS.items() if name.lower().endswith(output.endings)]
    return asked if asked in found else next(iter(found), None)

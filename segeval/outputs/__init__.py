"""A report as text: one format per file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segeval.choices import Format
from segeval.outputs.csv_output import render_csv
from segeval.outputs.markdown import render_markdown
from segeval.outputs.table import render_table
from segeval.report import Report

__all__ = ["OUTPUTS", "Output", "format_of_ending"]


@dataclass(frozen=True)
class Output:
    """render: the report as text that ends with a newline. endings: of the files it is written to.

    shows_remarks: the text holds the report's remarks; otherwise they go to stderr.
    """

    render: Callable[[Report], str]
    endings: tuple[str, ...]
    shows_remarks: bool = True


OUTPUTS: dict[Format, Output] = {
    "table": Output(render_table, (".txt",)),
    "csv": Output(render_csv, (".csv",), shows_remarks=False),
    "json": Output(lambda report: report.to_json() + "\n", (".json",)),
    "markdown": Output(render_markdown, (".md", ".markdown")),
}


def format_of_ending(name: str) -> Format | None:
    """The format that a file name asks for by its ending."""
    return next((f for f, output in OUTPUTS.items() if name.lower().endswith(output.endings)), None)

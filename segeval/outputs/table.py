"""The table that people read: blocks of columns that fit the width, label by label."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segeval.outputs.cells import TITLES, blocks, cell_text, row_title
from segeval.printable import printable
from segeval.report import ALL, MEAN, CaseResult, Column, Report, Row

_MOST_ROWS = 500
_LONG_HEADER = 11
_GAP = 2  # between columns
_TITLE_WIDTH = 24


def render_table(report: Report) -> str:
    """The table as plain text, 80 columns wide."""
    text = io.StringIO()
    print_table(report, Console(file=text, width=80, color_system=None, force_terminal=False))
    return text.getvalue()


def print_table(report: Report, console: Console) -> None:
    """Print the report on a console, as wide and as coloured as that is."""
    for case in report.cases:
        _print_case(report, case, console)
    for remark in report.remarks:
        _print_line(console, f"remark: {remark}", "yellow")
    _print_line(console, report.signature, "dim")


def _print_case(report: Report, case: CaseResult, console: Console) -> None:
    _print_line(console, f"case {case.case}", "bold")
    if case.prediction is not None and case.reference is not None:
        _print_line(console, f"prediction {case.prediction}")
        _print_line(console, f"reference  {case.reference}")
    if case.hashes is not None:
        for side, digest in zip(("prediction", "reference "), case.hashes, strict=True):
            _print_line(console, f"sha256 {side} {digest}")
    labels = [row for row in case.rows if row.label not in (MEAN, ALL)]
    rows = labels[:_MOST_ROWS] + [row for row in case.rows if row.label in (MEAN, ALL)]
    for title, columns in blocks(report):
        for number, part in enumerate(_parts(columns, rows, console.width)):
            console.print()
            console.print(_table(title if number == 0 else "", part, rows))
    console.print()
    if len(labels) > _MOST_ROWS:
        _print_line(console, f"… and {len(labels) - _MOST_ROWS} more labels; --format csv or json has all of them")
    for remark in case.remarks:
        _print_line(console, f"remark: {remark}", "yellow")


def _print_line(console: Console, text: str, style: str = "") -> None:
    """A line of its own words: no markup in file names, no breaking inside them."""
    console.print(Text(printable(text), style), soft_wrap=True)


def _parts(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[list[Column]]:
    """The columns in groups that fit the width beside the label's column, of about equal size."""
    titles = [*TITLES.values(), *(row_title(row) for row in rows)]
    room = width - min(max(map(cell_len, titles)), _TITLE_WIDTH)
    needed = [_GAP + _column_width(column, rows) for column in columns]
    for most in range(len(columns), 0, -1):
        parts = [slice(start, start + most) for start in range(0, len(columns), most)]
        if most == 1 or all(sum(needed[part]) <= room for part in parts):
            even = -(-len(columns) // len(parts))
            evened = [slice(start, start + even) for start in range(0, len(columns), even)]
            if all(sum(needed[part]) <= room for part in evened):
                parts = evened
            return [list(columns[part]) for part in parts]
    return []


def _column_width(column: Column, rows: Sequence[Row]) -> int:
    header = max(len(line) for line in _header(column.key).split("\n"))
    return max([header, *(len(cell_text(row, column)) for row in rows)])


def _header(key: str) -> str:
    """A long name broken where it may be."""
    return key if len(key) <= _LONG_HEADER else key.replace("_", "_\n").replace(":", "\n:")


def _table(title: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    table = Table(box=None, padding=(0, 0, 0, _GAP), pad_edge=False, header_style="bold")
    table.add_column(
        Text(title or "", style="bold underline"), vertical="bottom", max_width=_TITLE_WIDTH, overflow="fold"
    )
    for column in columns:
        table.add_column(Text(_header(column.key)), justify="right", vertical="bottom", no_wrap=True)
    summaries = False
    for row in rows:
        if not any(column.key in row.values for column in columns):
            continue
        if row.label in (MEAN, ALL) and not summaries:
            summaries = True
            if table.row_count:
                table.add_row("────", *("─" * _column_width(column, rows) for column in columns), style="dim")
        cells = (Text(cell_text(row, column), style=_style(row, column)) for column in columns)
        table.add_row(Text(row_title(row), "bold" if summaries else ""), *cells)
    return table


def _style(row: Row, column: Column) -> str:
    """Green near the best end of a bounded scale, red near its worst."""
    value = row.values.get(column.key)
    if value is None or math.isnan(value):
        return "dim"
    if column.best is None or column.worst is None or math.isinf(column.worst):
        return ""
    goodness = (value - column.worst) / (column.best - column.worst)
    return "green" if goodness >= 0.8 else "yellow" if goodness >= 0.5 else "red"

"""CSV: one row per case and label, one column per quantity, an empty cell for undefined."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence

from segeval.results.columns import AFTER_VALUES, BEFORE_VALUES
from segeval.results.json_text import compact
from segeval.results.report import CaseResult, Report, Value
from segeval.results.rows import Rows
from segeval.words.printable import printable

_MOST_LINES = 2000  # held as text
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_csv(report: Report) -> str:
    """Full float precision. Control characters in names are escaped: a row is a line."""
    return "".join(csv_pieces(report))


def csv_pieces(report: Report) -> Iterator[str]:
    """The same, some cases at a time."""
    keys = tuple(column.key for column in report.columns)
    of_batch = report.summary is not None
    lines = [line_of([*BEFORE_VALUES, *keys, *(AFTER_VALUES if of_batch else ())])]
    for case in report.cases:
        name = text_cell(case.case)
        after = f",{line_of([case.status, text_cell(case.reason or '')])}" if of_batch else ""
        lines += [f"{line_of([name, *label])}{numbers}{after}" for label, numbers in _rows(case, keys)]
        if not case.rows and of_batch:  # it stands there once, without a label
            lines.append(f"{line_of([name, '', ''])}{',' * len(keys)}{after}")
        if len(lines) > _MOST_LINES:
            yield "\n".join(lines) + "\n"
            lines = []
    yield "\n".join([*lines, ""])


def line_of(cells: Sequence[str]) -> str:
    """Cells, without a line end, as the standard library's writer quotes them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _rows(case: CaseResult, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, str], str]]:
    """Label and name, and a comma before each number, of every row."""
    rows = case.rows
    if isinstance(rows, Rows) and rows.table.keys == keys:
        for number in rows.numbers:
            line, cells = rows.table.line(number), rows.table.cells(number)
            yield (text_cell(line.label), text_cell(line.name or "")), _numbers(cells)
        return
    for row in rows:
        yield (text_cell(row.label), text_cell(row.name or "")), _numbers([row.values.get(key) for key in keys])


def _numbers(cells: Sequence[Value | None]) -> str:
    """Each number behind a comma, as Python writes it: what JSON writes likewise is written by its encoder, which is
    five times as fast."""
    text = compact(cells)[1:-1].replace("null", "")
    if "e" in text or "0.0000" in text or not cells:
        return "".join(f",{number_cell(cell)}" for cell in cells)
    return f",{text}"


def text_cell(text: str | int) -> str:
    """A name as a spreadsheet shows it and does not run it: an apostrophe makes text of a formula. Numbers stay."""
    if isinstance(text, int):
        return str(text)
    guard = "'" if text.startswith(_STARTS_A_FORMULA) else ""
    return guard + printable(text)


def number_cell(value: Value | None) -> str:
    """The number in full; empty where it is undefined."""
    return "" if value is None or math.isnan(value) else repr(value)

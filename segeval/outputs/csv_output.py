"""CSV: one row per case and label, one column per quantity, an empty cell for undefined."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

from segeval.printable import printable
from segeval.report import CaseResult, Report, Row, Value

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_csv(report: Report) -> str:
    """Full float precision. Control characters in names are escaped: a row is a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [column.key for column in report.columns]
    writer.writerow(["case", "label", "name", *keys, *(["status", "reason"] if report.summary is not None else [])])
    for case, row in tidy_rows(report):
        label, name, values = ("", "", {}) if row is None else (row.label, row.name or "", row.values)
        line = [
            text_cell(case.case),
            text_cell(label),
            text_cell(name),
            *(number_cell(values.get(key)) for key in keys),
        ]
        if report.summary is not None:
            line += [case.status, text_cell(case.reason or "")]
        writer.writerow(line)
    return text.getvalue()


def tidy_rows(report: Report) -> Iterator[tuple[CaseResult, Row | None]]:
    """Every row with its case; in a batch a case without rows stands there once, without a label."""
    for case in report.cases:
        for row in case.rows:
            yield case, row
        if not case.rows and report.summary is not None:
            yield case, None


def text_cell(text: str | int) -> str:
    """A name as a spreadsheet shows it and does not run it: an apostrophe makes text of a formula. Numbers stay."""
    if isinstance(text, int):
        return str(text)
    guard = "'" if text.startswith(_STARTS_A_FORMULA) else ""
    return guard + printable(text)


def number_cell(value: Value | None) -> str:
    """The number in full; empty where it is undefined."""
    return "" if value is None or math.isnan(value) else repr(value)

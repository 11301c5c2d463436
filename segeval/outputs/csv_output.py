"""CSV: one row per case and label, one column per quantity, an empty cell for undefined."""

from __future__ import annotations

import csv
import io
import math

from segeval.printable import printable
from segeval.report import Report, Value


def render_csv(report: Report) -> str:
    """Full float precision. Control characters in names are escaped: a row is a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [column.key for column in report.columns]
    writer.writerow(["case", "label", "name", *keys])
    for case in report.cases:
        for row in case.rows:
            label, name = printable(str(row.label)), printable(row.name or "")
            writer.writerow([printable(case.case), label, name, *(_cell(row.values.get(key)) for key in keys)])
    return text.getvalue()


def _cell(value: Value | None) -> str:
    return "" if value is None or math.isnan(value) else repr(value)

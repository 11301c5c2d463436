"""A challenge's own table as CSV: a line per case, a column per number, by the challenge's names, and the means."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping

from segeval.errors import UsageError
from segeval.outputs.csv_output import text_cell
from segeval.results.report import CaseResult, Report


def challenge_pieces(report: Report) -> Iterator[str]:
    """The table. Raises UsageError for a report of no protocol, or of one that names no columns."""
    columns = columns_of(report.settings)
    cases = [(case, [_value(case, of) for of in columns.values()]) for case in report.cases]
    found: dict[str, list[float]] = {name: [] for name in columns}
    yield _line(["case", *columns])
    for case, values in cases:
        yield _line([text_cell(case.case), *map(_cell, values)])
        for of_column, value in zip(found.values(), values, strict=True):
            of_column += [] if math.isnan(value) else [value]
    yield _line(["mean", *(_cell(math.fsum(of) / len(of) if of else math.nan) for of in found.values())])


def columns_of(settings: Mapping[str, object]) -> Mapping[str, str]:
    """The columns of the protocol that the settings were under. Raises UsageError where there are none."""
    protocol = settings.get("protocol")
    columns = protocol.get("columns") if isinstance(protocol, Mapping) else None
    if not isinstance(columns, Mapping) or not columns:
        raise UsageError("--format challenge writes the columns of a --protocol that names some; see segeval protocols")
    return columns


def _value(case: CaseResult, of: str) -> float:
    """``liver.dice`` of a case, by the label's name or value; NaN where it is undefined or absent."""
    label, _, key = of.partition(".")
    for row in case.rows:
        if label in (row.name, str(row.label)):
            value = row.values.get(key)
            return math.nan if value is None else float(value)
    return math.nan


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()

"""Several reports as arrays over the same cases: which labels, quantities and cases they have, and the values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from segeval.array_types import Floats
from segeval.errors import UsageError
from segeval.quantities.bootstrap import BLOCK
from segeval.report import ALL, MEAN, CaseResult, Column, Report, Row

Label = int | str


class CaseTable(Struct, frozen=True):
    """A report by case and label. statuses: of every case; rows: of the evaluated ones."""

    name: str
    report: Report
    statuses: Mapping[str, str]
    rows: Mapping[str, Mapping[Label, Row]]


class LabelLine(Struct, frozen=True):
    """A label over the cases: the quantities that it has in any of them, in the order of the columns."""

    label: Label
    name: str | None
    columns: tuple[Column, ...]


def case_table(name: str, report: Report) -> CaseTable:
    """The report by case and label. Raises UsageError where it holds a case twice."""
    statuses: dict[str, str] = {}
    for case in report.cases:
        if case.case in statuses:
            raise UsageError(f"{name}: case {case.case!r} occurs twice, so no pairs can be made; score again")
        statuses[case.case] = _status(case)
    rows = {case.case: {row.label: row for row in case.rows} for case in report.cases if not statuses[case.case]}
    return CaseTable(name, report, statuses, rows)


def label_lines(tables: Sequence[CaseTable], columns: Sequence[Column]) -> list[LabelLine]:
    """Labels ascending, regions in order of appearance, ``mean``, ``all``."""
    names: dict[Label, str | None] = {}
    present: dict[Label, set[str]] = {}
    for table in tables:
        for case in sorted(table.rows):
            for label, row in table.rows[case].items():
                names[label] = names.get(label) or row.name
                known = present.setdefault(label, set())
                if not row.values.keys() <= known:
                    known.update(row.values)
    labels = sorted(label for label in names if isinstance(label, int))
    regions = [label for label in names if isinstance(label, str) and label not in (MEAN, ALL)]
    ordered = [label for label in (*labels, *regions, MEAN, ALL) if label in names]
    return [LabelLine(x, names[x], tuple(c for c in columns if c.key in present[x])) for x in ordered]


def blocks(lines: Sequence[LabelLine], rows: int) -> Iterator[Sequence[LabelLine]]:
    """The lines in groups whose arrays of so many rows stay small."""
    group: list[LabelLine] = []
    for line in lines:
        if group and rows * sum(len(member.columns) for member in (*group, line)) > BLOCK:
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def values_of(table: CaseTable, cases: Sequence[str], lines: Sequence[LabelLine]) -> Floats:
    """(cases, quantities of all lines); NaN where a case, a label or a quantity is absent or undefined."""
    values = np.full((len(cases), sum(len(line.columns) for line in lines)), np.nan)
    for place, case in enumerate(cases):
        first = 0
        found = table.rows.get(case, {})
        for line in lines:
            if (row := found.get(line.label)) is not None:
                numbers = [row.values.get(column.key, math.nan) for column in line.columns]
                values[place, first : first + len(numbers)] = numbers
            first += len(line.columns)
    return values


def _status(case: CaseResult) -> str:
    """Why the case has no values; empty where it was evaluated."""
    if case.status == "error":
        return "failed" + (f": {case.reason}" if case.reason else "")
    if case.status == "missing" and not case.rows:
        return "without a prediction"
    return ""

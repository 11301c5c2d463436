"""Several reports as arrays over the same cases: which labels, quantities and cases they have, and the values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from segeval.array_types import Floats
from segeval.errors import UsageError
from segeval.quantities.bootstrap import BLOCK
from segeval.results.report import CaseResult, Column, Label, Report
from segeval.results.slices import Results, in_order


class CaseTable(Struct, frozen=True, eq=False):
    """A report by case and label, without its text: many cases of several reports are held side by side.

    statuses: of every case. places: of the evaluated ones among the results. references: SHA-256, where known.
    """

    name: str
    signature: str
    columns: tuple[Column, ...]
    references: Mapping[str, str]
    statuses: Mapping[str, str]
    places: Mapping[str, int]
    results: Results


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
    evaluated = sorted((case for case in report.cases if not statuses[case.case]), key=lambda case: case.case)
    results = Results.of(evaluated, [column.key for column in report.columns])
    return CaseTable(
        name=name,
        signature=report.signature,
        columns=report.columns,
        references={case.case: case.hashes[1] for case in report.cases if case.hashes},
        statuses=statuses,
        places={case.case: place for place, case in enumerate(evaluated)},
        results=results,
    )


def label_lines(tables: Sequence[CaseTable], columns: Sequence[Column]) -> list[LabelLine]:
    """Labels ascending, regions in order of appearance, ``mean``, ``all``."""
    names: dict[Label, str | None] = {}
    present: dict[Label, set[str]] = {}
    for table in tables:
        for line in table.results.lines:
            names[line.label] = names.get(line.label) or line.name
            present.setdefault(line.label, set()).update(table.results.keys(line.label))
    return [LabelLine(x, names[x], tuple(c for c in columns if c.key in present[x])) for x in in_order(names)]


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
    position = np.full(table.results.size, -1)  # of each evaluated case among those asked for
    for place, case in enumerate(cases):
        if case in table.places:
            position[table.places[case]] = place
    first = 0
    for line in lines:
        found, numbers = table.results.cells(line.label, [column.key for column in line.columns])
        at = position[found]
        columns = slice(first, first + len(line.columns))
        values[at[at >= 0], columns] = numbers if (at >= 0).all() else numbers[at >= 0]
        first = columns.stop
    return values


def _status(case: CaseResult) -> str:
    """Why the case has no values; empty where it was evaluated."""
    if case.status == "error":
        return "failed" + (f": {case.reason}" if case.reason else "")
    if case.status == "missing" and not case.rows:
        return "without a prediction"
    return ""

"""Several reports as arrays over the same cases: which labels, quantities and cases they have, and the values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.array_types import Floats
from segeval.errors import UsageError
from segeval.quantities.bootstrap import BLOCK
from segeval.results.label_names import folded, numbers_under, shared_numbers
from segeval.results.report import CaseResult, Column, Label, Report
from segeval.results.slices import Results, in_order
from segeval.targets import BACKGROUND
from segeval.words.printable import shortened


class CaseTable(Struct, frozen=True, eq=False):
    """A report by case and label, without its text: many cases of several reports are held side by side.

    statuses: of every case. places: of the evaluated ones among the results. references: SHA-256, where known.
    numbers: what each of its labels is numbered beside the other reports', where that is otherwise; own: and back.
    """

    name: str
    signature: str
    columns: tuple[Column, ...]
    references: Mapping[str, str]
    statuses: Mapping[str, str]
    places: Mapping[str, int]
    results: Results
    numbers: Mapping[int, int] = {}
    own: Mapping[int, int] = {}

    def label_of(self, own: Label) -> Label:
        """Beside the other reports."""
        return self.numbers.get(own, own) if isinstance(own, int) else own

    def own_label(self, label: Label) -> Label | None:
        """The report's own label; None where it has none."""
        if not self.numbers or not isinstance(label, int) or label == BACKGROUND:
            return label
        return self.own.get(label)


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


def under_common_names(tables: Sequence[CaseTable]) -> tuple[list[CaseTable], list[str]]:
    """The tables with one numbering for all, and remarks: where a number has another name than in a report before, the
    labels are told apart by name, as those of two files are."""
    names: dict[int, str] = {}
    found: list[CaseTable] = []
    remarks: list[str] = []
    for table in tables:
        own = {line.label: line.name or "" for line in table.results.lines if isinstance(line.label, int)}
        named = {label: name for label, name in own.items() if name and label != BACKGROUND}
        if any(names.get(label) and folded(name) != folded(names[label]) for label, name in named.items()):
            told = {label: name or f"\0{label}" for label, name in own.items()}  # which nobody is called
            nameless = {label: label for label, name in own.items() if not name and names.get(label) == ""}
            numbers = numbers_under(told, names, nameless | shared_numbers(told, names))
            table = replace(table, numbers=numbers, own={new: old for old, new in numbers.items()})
            moved = [f"{own[old] or 'label'} {old} is {new}" for old, new in sorted(numbers.items()) if old != new]
            remarks.append(
                f"{table.name}: labels are told apart by name and numbered as in {tables[0].name}: "
                f"{shortened(', '.join(moved), 300)}"
            )
        for label, name in own.items():
            number = table.numbers.get(label, label)
            names[number] = names.get(number) or name
        found.append(table)
    return found, remarks


def label_lines(tables: Sequence[CaseTable], columns: Sequence[Column]) -> list[LabelLine]:
    """Labels ascending, regions in order of appearance, ``mean``, ``all``."""
    names: dict[Label, str | None] = {}
    present: dict[Label, set[str]] = {}
    for table in tables:
        for line in table.results.lines:
            label = table.label_of(line.label)
            names[label] = names.get(label) or line.name
            present.setdefault(label, set()).update(table.results.keys(line.label))
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
        found, numbers = table.results.cells(table.own_label(line.label), [column.key for column in line.columns])
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

"""The values of many cases by line and column, for whoever asks for numbers over cases."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.results.rows import ABSENT, ALL, MEAN, Label, Line, Row, Rows, Table


class HasRows(Protocol):
    """A case, as far as its rows go."""

    @property
    def rows(self) -> Sequence[Row]: ...


def label_order(label: Label) -> tuple[int, int, str]:
    """Labels ascending, regions by name, ``mean``, ``all``."""
    if isinstance(label, int):
        return 0, label, ""
    return {MEAN: 2, ALL: 3}.get(label, 1), 0, label


def in_order(labels: Collection[Label]) -> list[Label]:
    """Labels ascending, regions in the order in which they come, ``mean``, ``all``: the order of every report."""
    numbers = sorted(label for label in labels if isinstance(label, int))
    regions = [label for label in labels if isinstance(label, str) and label not in (MEAN, ALL)]
    every: list[Label] = [*numbers, *regions, MEAN, ALL]
    return [label for label in every if label in labels]


def one_table(cases: Iterable[HasRows], keys: Sequence[str]) -> tuple[Table, list[Rows]]:
    """The rows of all cases in one table, without a copy where they are in one already.

    keys: the columns, which the rows' other quantities follow.
    """
    rows = [case.rows for case in cases]
    tables = {id(found.table) if isinstance(found, Rows) else 0 for found in rows if found}
    if len(tables) == 1 and 0 not in tables:
        known = next(found.table for found in rows if isinstance(found, Rows) and found)
        return known, [found if isinstance(found, Rows) else Rows(known, 0, 0) for found in rows]
    every = dict.fromkeys(keys)
    for found in rows:
        every.update(dict.fromkeys(key for row in found for key in row.values))
    table = Table(every)
    return table, [table.add(found) for found in rows]


def rows_of_cases(rows: Sequence[Rows]) -> tuple[Integers, Integers]:
    """Which case each row is of, and its number in the table; case after case."""
    counts = np.array([len(found) for found in rows], np.int64)
    firsts = np.array([found.numbers.start for found in rows], np.int64)
    case_of = np.repeat(np.arange(len(rows)), counts)
    return case_of, np.arange(len(case_of)) + np.repeat(firsts - counts.cumsum() + counts, counts)


class Results:
    """Cases × lines × columns. A line is a label, a region, ``mean`` or ``all``: one line per label, whose name is the
    first that any case gives it.

    lines: labels ascending, regions in order of appearance, ``mean``, ``all``.
    """

    def __init__(self, table: Table, size: int, case_of: Integers, numbers: Integers) -> None:
        """case_of: which of so many cases each row is of, ascending; numbers: of the rows in the table."""
        self.table, self.size = table, size
        self._place_of_key = {key: place for place, key in enumerate(table.keys)}
        self._met, self.lines, line_of = _merged(table, table.line_of[numbers])
        order = np.argsort(line_of, kind="stable")
        ends = np.bincount(line_of, minlength=len(self.lines)).cumsum()
        self._cases = dict(zip(self._labels, np.split(case_of[order], ends[:-1]), strict=False))
        self._rows = dict(zip(self._labels, np.split(numbers[order], ends[:-1]), strict=False))

    @classmethod
    def of(cls, cases: Sequence[HasRows], keys: Sequence[str]) -> Self:
        """Of these cases, in their order. keys: of the columns."""
        table, rows = one_table(cases, keys)
        return cls(table, len(cases), *rows_of_cases(rows))

    def __repr__(self) -> str:
        return f"Results({self.size} cases, {[(x, self._cases[x].tolist()) for x in self._labels]}, {self.table})"

    @property
    def _labels(self) -> list[Label]:
        return [line.label for line in self.lines]

    @cached_property
    def names(self) -> dict[Label, tuple[str, ...]]:
        """Every name that any case gives a label."""
        found: dict[Label, dict[str, None]] = {label: {} for label in self._labels}
        for line in self._met:
            if line.name:
                found[line.label][line.name] = None
        return {label: tuple(names) for label, names in found.items()}

    def keys(self, label: Label) -> frozenset[str]:
        """The columns that the label has in any case, undefined ones among them."""
        known = self._keys.get(label)
        if known is None:
            held = (self.table.kinds[self._rows[label]] != ABSENT).any(axis=0)
            known = self._keys[label] = frozenset(key for key, has in zip(self.table.keys, held, strict=True) if has)
        return known

    @cached_property
    def _keys(self) -> dict[Label, frozenset[str]]:
        return {}

    def cells(self, label: Label | None, keys: Sequence[str]) -> tuple[Integers, Floats]:
        """Which cases have the label, ascending, and its values there, (those cases, keys); NaN where there is none."""
        if label is None or label not in self._rows:
            return np.empty(0, np.int64), np.empty((0, len(keys)))
        places = [self._place_of_key.get(key, -1) for key in keys]
        found = self.table.values[np.ix_(self._rows[label], np.array(places, np.intp))]
        for column, place in enumerate(places):
            if place < 0:
                found[:, column] = np.nan
        return self._cases[label], found

    def values(self, label: Label | None, keys: Sequence[str]) -> Floats:
        """(cases, keys); NaN where the case, the label or the quantity is absent or undefined."""
        cases, values = self.cells(label, keys)
        found = np.full((self.size, len(keys)), np.nan)
        found[cases] = values
        return found

    def presence(self, label: Label, key: str) -> NDArray[np.bool_]:
        """(cases,): which have a cell there, an undefined value's among them."""
        found = np.zeros(self.size, bool)
        if label in self._rows and key in self._place_of_key:
            found[self._cases[label]] = self.table.kinds[self._rows[label], self._place_of_key[key]] != ABSENT
        return found


def names_of(lines: Iterable[Line | Row]) -> dict[int, str]:
    """The names of labels by their values; the last one where several lines have one label."""
    return {line.label: line.name for line in lines if isinstance(line.label, int) and line.name is not None}


def _merged(table: Table, line_of_row: NDArray[np.int32]) -> tuple[list[Line], tuple[Line, ...], Integers]:
    """The lines that occur; one per label, in their order; and for each row the place of its own among those."""
    found, first = np.unique(line_of_row, return_index=True)
    met = [table.lines[place] for place in found[np.argsort(first)]]
    names: dict[Label, str | None] = {}
    for line in met:
        names[line.label] = names.get(line.label) or line.name
    ordered = in_order(names)
    place_of = {label: place for place, label in enumerate(ordered)}
    places = np.array([place_of.get(line.label, -1) for line in table.lines], np.int64)
    return met, tuple(Line(label, names[label]) for label in ordered), places[line_of_row]

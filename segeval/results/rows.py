"""A row of values, and the rows of many cases as columns: eight bytes a value, and views that look like rows."""

from __future__ import annotations

import math
from array import array
from binascii import crc32
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, overload

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats

MEAN = "mean"
ALL = "all"

Label = int | str
Value = int | float
"""A number; NaN means undefined."""

ABSENT, UNDEFINED, WHOLE, REAL = range(4)
"""What stands in a cell: nothing, an undefined value, an integer, a float."""

_KINDS: dict[type, int] = {int: WHOLE, bool: WHOLE, type(None): ABSENT}
_MOST_EXACT = 1 << 53


class Row(Struct, frozen=True):
    """One row: a label, a region, ``mean`` or ``all``.

    values: by column key; a quantity that this kind of row does not have is absent, an undefined one is NaN.
    n: how many values stand behind each mean (the ``mean`` row only).
    of: how many labels those could have been.
    """

    label: Label
    name: str | None
    values: Mapping[str, Value]
    n: Mapping[str, int] | None = None
    of: int | None = None


class Line(Struct, frozen=True):
    """A label, a region, ``mean`` or ``all`` as rows of many cases bear it."""

    label: Label
    name: str | None


class Packed(Struct, frozen=True):
    """Rows of a table as JSON holds them: labels with names, cells and their kinds in base64, counts behind means."""

    lines: list[tuple[Label, str | None]]
    values: bytes
    kinds: bytes
    means: list[list[int] | None]


class Table:
    """The rows of many cases, added one case after the other; a row is found by its number.

    keys: of the quantities. lines: every label with its name, in order of appearance.
    values: (rows, keys), NaN where a cell holds nothing or an undefined value; kinds: (rows, keys), what stands in each
    cell. line_of: (rows,), the place of each row's label among the lines. They are views, and the table must not grow
    while anybody holds one.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = tuple(keys)
        self.lines: list[Line] = []
        self._place_of_line: dict[tuple[Label, str | None], int] = {}
        # The standard library's arrays grow without a copy of the whole beside them, NumPy's do not.
        self._values, self._kinds, self._lines = array("d"), bytearray(), array("i")
        self._means, self._mean_of = array("i"), {}  # type: array[int], dict[int, int]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._lines)

    def __repr__(self) -> str:
        """In a line, other values another one."""
        return f"Table({len(self)} rows, {self.keys}, {self.lines}, values {crc32(self._values):08x})"

    @property
    def values(self) -> Floats:
        """(rows, keys), float64."""
        return np.frombuffer(self._values, np.float64).reshape(-1, len(self.keys)) if self.keys else self._nothing()

    @property
    def kinds(self) -> NDArray[np.uint8]:
        """(rows, keys): ABSENT, UNDEFINED, WHOLE or REAL."""
        found = np.frombuffer(self._kinds, np.uint8)
        return found.reshape(-1, len(self.keys)) if self.keys else found.reshape(len(self), 0)

    @property
    def line_of(self) -> NDArray[np.int32]:
        """(rows,): places among the lines."""
        return np.frombuffer(self._lines, np.int32)

    def add(self, rows: Iterable[Row]) -> Rows:
        """The same rows, held here.

        Raises KeyError for a quantity that is no column, ValueError for an integer that float64 does not hold.
        """
        if isinstance(rows, Rows):
            return rows if rows.table is self else self._add_rows(rows)
        first = len(self)
        for row in rows:
            self._add_row(row)
        return Rows(self, first, len(self) - first)

    def widened(self, keys: Iterable[str]) -> Table:
        """The same rows in a table that has these columns, too."""
        table = Table(dict.fromkeys((*self.keys, *keys)))
        table.add(Rows(self, 0, len(self)))
        return table

    def add_packed(self, packed: Packed) -> Rows:
        """The rows that were packed. Raises ValueError for what was packed of another table."""
        first, count = len(self), len(packed.lines)
        cells = count * len(self.keys)
        if (len(packed.values), len(packed.kinds), len(packed.means)) != (8 * cells, cells, count):
            raise ValueError("the rows are not whole")
        self._lines.extend(self._place(label, name) for label, name in packed.lines)
        self._values.frombytes(packed.values)
        self._kinds += packed.kinds
        for row, mean in enumerate(packed.means, first):
            if mean is not None:
                self._add_mean(row, mean)
        return Rows(self, first, count)

    def row(self, number: int) -> Row:
        """A row, made anew."""
        line = self.line(number)
        values = {key: value for key, value in zip(self.keys, self.cells(number), strict=True) if value is not None}
        n, of = counts_behind(self.keys, self.packed_means(number))
        return Row(line.label, line.name, values, n, of)

    def cells(self, number: int) -> list[Value | None]:
        """The values of a row in the order of the keys: integers are such, undefined is NaN, and None is absent."""
        found: list[Value | None] = self.numbers_of(range(number, number + 1))
        places = _places(self.kinds_of(range(number, number + 1)))
        for place in places[ABSENT]:
            found[place] = None
        for place in places[UNDEFINED]:
            found[place] = math.nan  # this very object: rows whose undefined values are the same are equal
        return found

    def numbers_of(self, numbers: range) -> list[Any]:
        """The values of some rows one after the other: integers are such, undefined and absent ones are NaN."""
        width, found = len(self.keys), self._values[self._cells(numbers)].tolist()
        kinds = self.kinds_of(numbers)
        for first in range(0, len(found), max(width, 1)):
            for place in _places(kinds[first : first + width])[WHOLE]:
                found[first + place] = int(found[first + place])
        return found

    def kinds_of(self, numbers: range) -> bytes:
        """What stands in each cell of some rows, one after the other."""
        return bytes(self._kinds[self._cells(numbers)])

    def line(self, number: int) -> Line:
        """The label of a row, with its name."""
        return self.lines[self._lines[number]]

    def _cells(self, numbers: range) -> slice:
        return slice(numbers.start * len(self.keys), numbers.stop * len(self.keys))

    def packed_means(self, number: int) -> array[int] | None:
        """The counts behind each mean of a row, and what they could have been last; −1 where there is none."""
        at = self._mean_of.get(number)
        return None if at is None else self._means[at * (len(self.keys) + 1) : (at + 1) * (len(self.keys) + 1)]

    def _place(self, label: Label, name: str | None) -> int:
        """The line's place; a new line is one more."""
        place = self._place_of_line.setdefault((label, name), len(self.lines))
        if place == len(self.lines):
            self.lines.append(Line(label, name))
        return place

    def _add_row(self, row: Row) -> None:
        cells = list(map(row.values.get, self.keys))
        if len(cells) - cells.count(None) != len(row.values):
            raise KeyError(*sorted(row.values.keys() - set(self.keys)))
        n, of = row.n, -1 if row.of is None else row.of
        try:
            numbers = array("d", [math.nan if cell is None else cell for cell in cells])
            means = None if n is None else array("i", [*(n.get(key, -1) for key in self.keys), of])
        except OverflowError as problem:
            raise ValueError(f"the row {row.label}: {problem}") from None
        kinds = bytes(map(_KINDS.get, map(type, cells), repeat(REAL)))
        if (total := sum(numbers)) != total:  # something is undefined or absent
            kinds = bytes(UNDEFINED if cell != cell else kind for cell, kind in zip(cells, kinds, strict=True))
        if WHOLE in kinds and any(isinstance(cell, int) and abs(cell) > _MOST_EXACT for cell in cells):
            raise ValueError(f"the row {row.label} holds an integer of more than 53 bits")
        if means is not None:
            self._add_mean(len(self), means)
        self._values += numbers
        self._kinds += kinds
        self._lines.append(self._place(row.label, row.name))

    def _add_mean(self, row: int, counts: Sequence[int]) -> None:
        if len(counts) != len(self.keys) + 1:
            raise ValueError("the counts behind a mean are not whole")
        self._mean_of[row] = len(self._means) // (len(self.keys) + 1)
        self._means.extend(counts)

    def _add_rows(self, rows: Rows) -> Rows:
        """Rows of another table; columns at a time where both have the same."""
        theirs, first = rows.table, len(self)
        if theirs.keys != self.keys:
            return self.add(list(rows))  # a row at a time
        cells = theirs._cells(rows.numbers)
        self._values += theirs._values[cells]
        self._kinds += theirs._kinds[cells]
        for number in rows.numbers:
            if (mean := theirs.packed_means(number)) is not None:
                self._add_mean(len(self), mean)
            line = theirs.line(number)
            self._lines.append(self._place(line.label, line.name))
        return Rows(self, first, len(rows))

    def _nothing(self) -> Floats:
        return np.empty((len(self), 0), np.float64)


class Rows(Sequence[Row]):
    """The rows of a case in a table: a row is made when it is asked for."""

    __slots__ = ("numbers", "table")

    def __init__(self, table: Table, first: int, count: int) -> None:
        """So many rows from the first one on."""
        self.table, self.numbers = table, range(first, first + count)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        numbers = self.numbers[index]
        return self.table.row(numbers) if isinstance(numbers, int) else tuple(map(self.table.row, numbers))

    def __iter__(self) -> Iterator[Row]:
        return map(self.table.row, self.numbers)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (Rows, tuple)) else NotImplemented

    def __repr__(self) -> str:
        return repr(tuple(self))

    __hash__ = None  # type: ignore[assignment]

    def packed(self) -> Packed:
        """These rows for JSON, bit for bit."""
        table, cells = self.table, self.table._cells(self.numbers)
        means = map(table.packed_means, self.numbers)
        return Packed(
            [(line.label, line.name) for line in map(table.line, self.numbers)],
            table._values[cells].tobytes(),
            bytes(table._kinds[cells]),
            [None if mean is None else mean.tolist() for mean in means],
        )

    def value(self, label: Label, key: str) -> float:
        """Of this label's row; NaN where it is undefined, and where there is no such row or quantity."""
        table = self.table
        for number in reversed(self.numbers):
            if table.line(number).label == label and key in table.keys:
                return table._values[number * len(table.keys) + table.keys.index(key)]
        return math.nan


def counts_behind(keys: Sequence[str], packed: Sequence[int] | None) -> tuple[dict[str, int] | None, int | None]:
    """How many values stand behind each mean of a row, and how many those could have been; of `packed_means`."""
    if packed is None:
        return None, None
    *counts, of = packed
    return {key: n for key, n in zip(keys, counts, strict=True) if n >= 0}, of if of >= 0 else None


def lines_of(rows: Sequence[Row]) -> Iterator[Line | Row]:
    """Label and name of every row, without its values where they are held in a table."""
    return map(rows.table.line, rows.numbers) if isinstance(rows, Rows) else iter(rows)


@lru_cache(maxsize=1024)
def _places(kinds: bytes) -> tuple[tuple[int, ...], ...]:
    """Where each kind of cell stands, by the kind; the rows of a report know few patterns."""
    return tuple(tuple(place for place, found in enumerate(kinds) if found == kind) for kind in range(REAL))

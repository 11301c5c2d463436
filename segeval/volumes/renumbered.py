"""A label map whose labels get other numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import LabelError
from segeval.volumes.volume import DerivedSource, Piece

_TABLE_VALUES = 1 << 16


class Renumbered(DerivedSource, frozen=True):
    """The labels under other numbers.

    numbers: old to new; a label that is not listed stays. taken: numbers that a label without a name may not have here,
    because they mean another one. of_code: the code of a voxel of several labels, from its code here; None for a number
    that is none. name: what messages call the volume.
    """

    numbers: Mapping[int, int]
    taken: frozenset[int]
    of_code: Callable[[int], int | None]
    name: str

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int64 if self.source.dtype.kind in "biu" else np.float64)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The labels; the values of floats that are no integers stay. Raises LabelError for a taken number."""
        size = min(max([*self.numbers, *self.taken, 0]) + 1, _TABLE_VALUES)
        table = np.arange(size, dtype=np.int64)
        for old, new in self.numbers.items():
            if 0 <= old < size:
                table[old] = new
        forbidden = np.zeros(size, dtype=bool)
        forbidden[[value for value in self.taken if 0 <= value < size]] = True
        for piece in self.source.pieces(channel):
            with np.errstate(invalid="ignore"):
                small = (piece >= 0) & (piece < size)
                if piece.dtype.kind == "f":
                    small &= piece == np.floor(piece)
            values = piece[small].astype(np.intp)
            if forbidden.take(values).any():
                raise self._taken(int(values[forbidden.take(values)][0]))
            renumbered = piece.astype(self.dtype)
            renumbered[small] = table.take(values)
            if not small.all():
                self._renumber_others(piece, renumbered, ~small)
            yield renumbered

    def _renumber_others(self, piece: Piece, renumbered: Piece, others: NDArray[np.bool_]) -> None:
        for value in np.unique(piece[others]).tolist():
            if value in self.taken:
                raise self._taken(value)
            new = self.numbers.get(value, self.of_code(value) if isinstance(value, int) else None)
            if new is not None:
                renumbered[piece == value] = new

    def _taken(self, value: int) -> LabelError:
        return LabelError(
            f"{self.name}: holds label {value} without a name, and {value} is the number of another label, as the "
            "names say; name the labels of both volumes with --labels"
        )

"""Pairs of values counted per slice of each axis while they stream by.

Runs of equal pairs are counted, not voxels: along the first axis a run adds its two ends, along the others its length.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.codebook import Codebook
from segeval.tallies.profiles import PairProfile

_MOST_WAITING = 1 << 15  # runs
_MOST_BYTES = 64 << 20
_MOST_CELLS = 1 << 22  # of the table of pairs


class SliceCounter:
    """Takes the runs of two volumes in the order of their voxels, the first axis fastest.

    every: counts the pairs of equal values, too, but for background in both; without it, only errors, which are few.
    given_up: there were more different pairs than 64 MiB hold the slices of: noise, no segmentation.
    """

    def __init__(self, shape: tuple[int, ...], ignore: int | None, *, every: bool) -> None:
        self.given_up = False
        self._every = every
        self._shape, self._ignore = shape or (1,), ignore
        self._position = 0
        self._reference, self._prediction = Codebook(), Codebook()
        self._row_of = np.full((16, 16), -1, dtype=np.int32)  # by codes (reference, prediction)
        self._pairs: list[tuple[int, int]] = []  # codes, by row
        self._counts = [np.zeros((16, n + (axis == 0)), dtype=np.int64) for axis, n in enumerate(shape)]
        self._waiting: list[tuple[Integers, Integers, NDArray[Any], NDArray[Any]]] = []
        self._entries = 0

    def another(self) -> SliceCounter:
        """One that has counted nothing, of the same volumes."""
        return SliceCounter(self._shape, self._ignore, every=self._every)

    def add(self, prediction: NDArray[Any], reference: NDArray[Any], starts: Integers | None, size: int) -> None:
        """The runs of a block of ``size`` voxels: their values, and where they start; None for a run per voxel."""
        first, self._position = self._position, self._position + size
        if self.given_up:
            return
        there = (prediction != 0) | (reference != 0) if self._every else prediction != reference
        if self._ignore is not None:
            there &= reference != self._ignore
        kept = np.flatnonzero(there)
        if not kept.size:
            return
        if starts is None:
            begin, lengths = kept, np.ones(kept.size, dtype=np.int64)
        else:
            begin = starts.take(kept)
            kept += 1
            ends = starts.take(kept, mode="clip")
            if kept[-1] == starts.size:
                ends[-1] = size
            kept -= 1
            lengths = ends - begin
        codes = self._reference.encode(reference.take(kept)), self._prediction.encode(prediction.take(kept))
        self._waiting.append((begin + first, lengths, *codes))
        self._entries += kept.size
        if self._entries > _MOST_WAITING:
            self._count_waiting()

    def profile(self) -> PairProfile | None:
        """Of everything added; None where it was given up."""
        self._count_waiting()
        if self.given_up:
            return None
        references, predictions = self._reference.values, self._prediction.values
        found = {}
        for row, (r, p) in enumerate(self._pairs):
            along = np.cumsum(self._counts[0][row, :-1])
            found[references[r], predictions[p]] = (along, *(counts[row].copy() for counts in self._counts[1:]))
        return PairProfile(self._shape, found)

    def _count_waiting(self) -> None:
        if not self._waiting:
            return
        begin, lengths, reference, prediction = map(np.concatenate, zip(*self._waiting, strict=True))
        self._waiting.clear()
        self._entries = 0
        rows = self._rows(reference, prediction)
        if self.given_up:
            return
        self._count(rows, begin, lengths)

    def _count(self, rows: Integers, begin: Integers, lengths: Integers) -> None:
        rows, lines, low, high = _cut_at_lines(rows, begin, lengths, self._shape[0])
        ends, width = self._counts[0].reshape(-1), self._shape[0] + 1
        np.add.at(ends, rows * width + low, 1)
        np.add.at(ends, rows * width + high, -1)
        for size, counts in zip(self._shape[1:], self._counts[1:], strict=True):
            lines, slices = lines // size, lines % size
            np.add.at(counts.reshape(-1), rows * size + slices, high - low)

    def _rows(self, reference: NDArray[Any], prediction: NDArray[Any]) -> Integers:
        """The row of each pair of codes; pairs that are new get the next ones."""
        needed = len(self._reference.values), len(self._prediction.values)
        have = self._row_of.shape
        if needed[0] > have[0] or needed[1] > have[1]:
            sides = [max(old, 2 * new) for old, new in zip(have, needed, strict=True)]
            if math.prod(sides) > _MOST_CELLS:
                self._give_up()
                return np.empty(0, dtype=np.int64)
            larger = np.full(sides, -1, dtype=np.int32)
            larger[: have[0], : have[1]] = self._row_of
            self._row_of = larger
        cells = self._row_of.reshape(-1)
        joint = reference * np.int64(self._row_of.shape[1]) + prediction
        rows: Integers = cells.take(joint)
        if rows.min() < 0:
            fresh = np.unique(joint[rows < 0])
            cells[fresh] = np.arange(len(self._pairs), len(self._pairs) + fresh.size)
            self._pairs += [divmod(cell, self._row_of.shape[1]) for cell in fresh.tolist()]
            self._make_room()
            rows = cells.take(joint)
        return rows.astype(np.int64)

    def _make_room(self) -> None:
        missing = len(self._pairs) - len(self._counts[0])
        if missing <= 0:
            return
        more = max(missing, len(self._counts[0]))
        if 8 * (len(self._counts[0]) + more) * sum(self._shape) > _MOST_BYTES:
            self._give_up()
            return
        self._counts = [
            np.concatenate((counts, np.zeros((more, counts.shape[1]), np.int64))) for counts in self._counts
        ]

    def _give_up(self) -> None:
        self.given_up = True
        self._counts, self._pairs = [], []


def _cut_at_lines(
    rows: Integers, begin: Integers, lengths: Integers, line: int
) -> tuple[Integers, Integers, Integers, Integers]:
    """Runs cut where a line of the first axis ends: (rows, numbers of the lines, first voxel there, the one behind)."""
    first, last = begin // line, (begin + lengths - 1) // line
    count = last - first + 1
    if (count > 1).any():
        rows, end = np.repeat(rows, count), np.repeat(begin + lengths, count)
        within = np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count)
        lines, begin = np.repeat(first, count) + within, np.repeat(begin, count)
    else:
        lines, end = first, begin + lengths
    low = np.maximum(begin - lines * line, 0)
    high = np.minimum(end - lines * line, line)
    return rows, lines, low, high

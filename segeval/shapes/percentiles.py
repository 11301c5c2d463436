"""The 95th percentile of many samples at once, whose values come in ascending order, a few equal ones at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers

_SHARE = 0.95


class Ranks:
    """The two values of each sample that its percentile lies between, as far as they have come.

    sizes: how many values each sample has, at least one.
    """

    def __init__(self, sizes: Integers) -> None:
        place = (sizes - 1) * _SHARE
        self._rank = np.floor(place).astype(np.int64)
        self._part = place - self._rank
        self._next = self._rank + (self._part > 0)
        self._taken = np.zeros(len(sizes), dtype=np.int64)
        self._low, self._high = np.zeros(len(sizes)), np.zeros(len(sizes))

    def open(self) -> NDArray[np.bool_]:
        """Which samples need further values."""
        return np.asarray(self._taken <= self._next)

    def take_in(self, value: float, samples: NDArray[np.integer]) -> None:
        """One value for each of these samples, no less than any before; a sample may occur several times."""
        before = self._taken
        self._taken = before + np.bincount(samples, minlength=len(before))
        for values, rank in ((self._low, self._rank), (self._high, self._next)):
            values[(before <= rank) & (rank < self._taken)] = value

    def take_the_rest(self, values: Floats, samples: NDArray[np.integer]) -> None:
        """All further values of some samples, in any order, none less than those before."""
        order = np.lexsort((values, samples))
        values, samples = values[order], samples[order]
        rank = self._taken.take(samples) + np.arange(len(values)) - np.searchsorted(samples, samples)
        for found, wanted in ((self._low, self._rank), (self._high, self._next)):
            here = np.flatnonzero(rank == wanted.take(samples))
            found[samples[here]] = values[here]

    def percentiles(self) -> Floats:
        """By linear interpolation; as NumPy does it, to the last bit."""
        step = self._high - self._low
        return np.asarray(
            np.where(self._part < 0.5, self._low + step * self._part, self._high - step * (1 - self._part))
        )

"""Probabilities against a reference mask, counted in the cells of ``segeval.tallies.histogram``, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.tallies.histogram import (
    BINS,
    CELLS,
    CUTS,
    FIRST_CELLS,
    OCTAVE_CUTS,
    SMALLEST_EXPONENT,
    TAIL_CELLS,
    ProbabilityHistogram,
)

_BLOCK = 1 << 14  # voxels whose work arrays stay in a core's cache; measured: 1.3 times faster than 1 << 16
_CUT_BITS = OCTAVE_CUTS.bit_length() - 1
_SHIFT = np.finfo(np.float64).nmant - _CUT_BITS
_BELOW_SMALLEST = ((SMALLEST_EXPONENT + 1023) << _CUT_BITS) - 1  # 1023: the bias of a float64's exponent


class ProbabilityBins:
    """Counts several targets; any chunking gives the same counts exactly and the same sums to 1e-9."""

    def __init__(self, targets: int) -> None:
        self._counted = ProbabilityHistogram.empty(targets)

    def add(self, target: int, p: NDArray[np.floating[Any]], inside: NDArray[np.bool_]) -> None:
        """Count one target's probabilities in [0, 1] and its reference mask, two 1-D arrays of equal length.

        A NaN is counted too, in whichever bin, and makes its sum NaN: whoever reads the map refuses it after the
        last voxel.
        """
        for start in range(0, p.size, _BLOCK):
            block = np.ascontiguousarray(p[start : start + _BLOCK], dtype=np.float64)
            cells = cells_of(block)
            self._counted.voxels[target] += np.bincount(cells, minlength=CELLS)
            self._counted.inside[target] += np.bincount(cells[inside[start : start + _BLOCK]], minlength=CELLS)
            self._counted.probability[target] += np.bincount(cells, weights=block, minlength=CELLS)

    def histogram(self) -> ProbabilityHistogram:
        """Everything added so far; what is added later does not change it."""
        counted = self._counted
        return ProbabilityHistogram(counted.voxels.copy(), counted.inside.copy(), counted.probability.copy())


def cells_of(p: Floats) -> Integers:
    """The cell of each probability, exact: no comparison is rounded."""
    with np.errstate(invalid="ignore"):  # NaN
        bins = (p * BINS).astype(np.int64)
    np.clip(bins, 0, BINS - 1, out=bins)
    cells: Integers = FIRST_CELLS[bins]
    cells += p >= CUTS[bins]
    first, last = np.flatnonzero(bins == 0), np.flatnonzero(bins == BINS - 1)  # cheaper than masks
    cells[first] = _octave_cells(p[first])
    cells[last] = CELLS - 1 - _octave_cells(1 - p[last])
    return cells


def _octave_cells(small: Floats) -> Integers:
    """The cell within a tail, by a float64's exponent and the first three bits behind its point, which ascend with it.

    1 − p is exact for p of the last bin, so the last cells are too.
    """
    cells = small.view(np.int64) >> _SHIFT
    cells -= _BELOW_SMALLEST
    return np.clip(cells, 0, TAIL_CELLS - 1, out=cells)

"""Pairs of labels, counted in NumPy.

Label maps are long runs: comparing each voxel with its neighbour in both volumes finds the runs at the speed of
memory, and only the first voxel of a run is looked up. Where runs are short the voxels are counted one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.kernels.codebook import Codebook
from segeval.tallies import Confusion

_SHORT_RUNS = 0.25  # runs per voxel above which run-length counting loses
_DENSE_BINS = 1 << 20


class NumpyLabelKernel:
    """Counts pairs of labels in a sparse joint histogram: linear in voxels, however many labels there are."""

    def __init__(self, ignore: int | None = None) -> None:
        self._ignore = ignore
        self._reference = Codebook()
        self._prediction = Codebook()
        self._pairs: dict[tuple[int, int], int] = {}  # by codes

    def add(self, prediction: NDArray[Any], reference: NDArray[Any]) -> None:
        """Count two 1-D integer arrays of equal length."""
        if not prediction.size:
            return None
        changed = prediction[1:] != prediction[:-1]
        changed |= reference[1:] != reference[:-1]
        inner = np.flatnonzero(changed)
        if inner.size > _SHORT_RUNS * prediction.size:
            return self._count(prediction, reference, None)
        starts = np.concatenate(([0], inner + 1))
        lengths = np.diff(starts, append=prediction.size)
        return self._count(prediction[starts], reference[starts], lengths)

    def confusion(self) -> Confusion:
        """The joint histogram, ignored voxels left out."""
        r, p = self._reference.values, self._prediction.values
        return Confusion({(r[i], p[j]): n for (i, j), n in self._pairs.items() if r[i] != self._ignore})

    def _count(self, prediction: NDArray[Any], reference: NDArray[Any], lengths: NDArray[Any] | None) -> None:
        p, r = self._prediction.encode(prediction), self._reference.encode(reference)
        columns, rows = len(self._prediction.values), len(self._reference.values)
        joint = r.astype(np.int64)
        joint *= columns
        joint += p
        if columns * rows <= _DENSE_BINS:
            counts = np.bincount(
                joint, lengths
            )  # float64 where weighted: exact, a piece has far fewer than 2^53 voxels
            keys = np.flatnonzero(counts)
            found = counts[keys]
        else:
            keys, places = np.unique(joint, return_inverse=True)
            found = np.bincount(places, lengths)
        for key, count in zip(keys.tolist(), found.tolist(), strict=True):
            pair = divmod(key, columns)
            self._pairs[pair] = self._pairs.get(pair, 0) + int(count)

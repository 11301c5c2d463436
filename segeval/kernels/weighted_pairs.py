"""Weights of voxels, added up by pair of labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.kernels.codebook import Codebook

_BLOCK = 1 << 18
_SIDE = 1 << 8  # codes of either volume up to which a block's weights are added in a table
_UNFOLDED = 1 << 7  # sums of blocks that are kept apart, of each pair


class WeightedPairs:
    """Adds the weights of pairs of labels, block by block; the blocks' sums are added exactly."""

    def __init__(self, ignore: int | None) -> None:
        self._ignore = ignore
        self._reference, self._prediction = Codebook(), Codebook()
        self._sums: dict[tuple[int, int], list[float]] = {}

    def add(self, prediction: NDArray[Any], reference: NDArray[Any], weights: Floats) -> None:
        """Three 1-D arrays of equal length: labels, and weights in float64."""
        for first in range(0, prediction.size, _BLOCK):
            block = slice(first, first + _BLOCK)
            self._add(
                self._prediction.encode(prediction[block]), self._reference.encode(reference[block]), weights[block]
            )

    def weights(self) -> Mapping[tuple[int, int], float]:
        """By (reference value, prediction value), ignored voxels left out."""
        references, predictions = self._reference.values, self._prediction.values
        return {
            (references[r], predictions[p]): math.fsum(parts)
            for (r, p), parts in self._sums.items()
            if references[r] != self._ignore
        }

    def _add(self, prediction: NDArray[np.int32], reference: NDArray[np.int32], weights: Floats) -> None:
        side = max(len(self._prediction.values), len(self._reference.values), 1)
        joint = reference * np.int64(side) + prediction
        if side <= _SIDE:
            met = np.flatnonzero(np.bincount(joint))
            sums = np.bincount(joint, weights)[met]
        else:
            met, places = np.unique(joint, return_inverse=True)
            sums = np.bincount(places, weights)
        for pair, weight in zip(met.tolist(), sums.tolist(), strict=True):
            parts = self._sums.setdefault(divmod(pair, side), [])
            parts.append(weight)
            if len(parts) > _UNFOLDED:
                total = math.fsum(parts)
                parts[:] = [total, math.fsum((*parts, -total))]

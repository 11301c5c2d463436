"""Weights of voxels, added up by pair of labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.kernels.codebook import Codebook
from segeval.kernels.exact_sums import UNFOLDED, folded

_BLOCK = 1 << 18
_SIDE = 1 << 8  # codes of either volume up to which a block's weights are added in a table


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
            self._add(prediction[block], reference[block], weights[block])

    def weights(self) -> Mapping[tuple[int, int], float]:
        """By (reference value, prediction value), ignored voxels left out."""
        return {pair: math.fsum(parts) for pair, parts in self._sums.items() if pair[0] != self._ignore}

    def _add(self, prediction: NDArray[Any], reference: NDArray[Any], weights: Floats) -> None:
        if _alike(prediction) and _alike(reference):  # background, mostly
            self._include(int(reference[0]), int(prediction[0]), float(weights.sum()))
            return
        p, r = self._prediction.encode(prediction), self._reference.encode(reference)
        side = max(len(self._prediction.values), len(self._reference.values), 1)
        joint = r * np.int64(side) + p
        if side <= _SIDE:
            sums = np.bincount(joint, weights)
            met = np.flatnonzero(sums)
            sums = sums[met]
        else:
            met, places = np.unique(joint, return_inverse=True)
            sums = np.bincount(places, weights)
        references, predictions = self._reference.values, self._prediction.values
        for pair, weight in zip(met.tolist(), sums.tolist(), strict=True):
            r_code, p_code = divmod(pair, side)
            self._include(references[r_code], predictions[p_code], weight)

    def _include(self, reference: int, prediction: int, weight: float) -> None:
        parts = self._sums.setdefault((reference, prediction), [])
        parts.append(weight)
        if len(parts) > UNFOLDED:
            parts[:] = folded(parts)


def _alike(labels: NDArray[Any]) -> bool:
    """Whether all labels are one; the first look costs nothing."""
    return bool(labels[0] == labels[-1] and (labels == labels[0]).all())

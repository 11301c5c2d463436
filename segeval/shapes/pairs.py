"""Pairs of instances that share voxels: all that matching needs to know."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers

_DENSE = 1 << 16  # entries of a joint histogram that is an array, as long as there are so few


class Pairs(Struct, frozen=True):
    """Pairs of a reference and a prediction instance, and the voxels that the two share.

    Indices count from 0; the pairs ascend by reference, then by prediction. Three int64 arrays of shape (pairs,).
    """

    reference: Integers
    prediction: Integers
    voxels: Integers

    def __getitem__(self, chosen: NDArray[Any] | slice) -> Pairs:
        return Pairs(self.reference[chosen], self.prediction[chosen], self.voxels[chosen])


def counted(first: Integers, second: Integers, voxels: Integers) -> tuple[Integers, Integers, Integers]:
    """The distinct pairs, ascending, and the sums of their voxels; in numbers from 0."""
    columns = int(second.max(initial=0)) + 1
    keys = first * columns + second
    if (int(first.max(initial=0)) + 1) * columns <= max(_DENSE, 2 * keys.size):
        sums = np.bincount(keys, voxels)
        pairs = np.flatnonzero(sums)
        sums = sums[pairs]
    else:
        pairs, place = np.unique(keys, return_inverse=True)
        sums = np.bincount(place, voxels, len(pairs))
    return pairs // columns, pairs % columns, sums.astype(np.int64)

"""Two partitions of the same voxels, as their joint histogram has them: which parts meet, and in how many voxels."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.tallies.tally import Confusion
from segeval.targets import BACKGROUND


class Partition(Struct, frozen=True, eq=False):
    """Parts that share voxels, a pair of a part of the reference and one of the prediction each.

    reference, prediction: places of the parts, int64, (pairs,). shared: their common voxels, int64, (pairs,).
    in_background: which pairs lie in the reference's label 0.
    """

    reference: Integers
    prediction: Integers
    shared: Integers
    in_background: NDArray[np.bool_]

    @classmethod
    def of(cls, confusion: Confusion) -> Partition:
        """Of the values as stored. In linear time: a histogram of millions of pairs takes seconds."""
        count = len(confusion.pairs)
        values = np.fromiter((value for pair in confusion.pairs for value in pair), np.int64, 2 * count).reshape(-1, 2)
        shared = np.fromiter(confusion.pairs.values(), np.int64, count)
        reference, prediction = (np.unique(values[:, side], return_inverse=True)[1].reshape(-1) for side in (0, 1))
        return cls(reference, prediction, shared, values[:, 0] == BACKGROUND)

    def without_background(self) -> Partition:
        """The voxels that the reference gives a label."""
        kept = ~self.in_background
        return Partition(self.reference[kept], self.prediction[kept], self.shared[kept], self.in_background[kept])

    def sizes(self) -> tuple[Integers, Integers]:
        """Voxels of each part of the reference, and of each of the prediction, by their places."""
        return _by_part(self.reference, self.shared), _by_part(self.prediction, self.shared)


def _by_part(place: Integers, shared: Integers) -> Integers:
    found = np.zeros(int(place.max(initial=-1)) + 1, np.int64)
    np.add.at(found, place, shared)
    return found

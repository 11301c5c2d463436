"""Two partitions of the same voxels, as their joint histogram has them: which parts meet, and in how many voxels."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.tallies.tally import Confusion
from segeval.targets import BACKGROUND


class Partition(Struct, frozen=True, eq=False):
    """Parts that share voxels, a pair of a part of the reference and one of the prediction each.

    reference, prediction: places of the parts, int64, (pairs,). shared: their common voxels, int64, (pairs,).
    in_background: which pairs lie in the reference's label 0.
    reference_values, prediction_values: the values of the parts, by their places, (parts,); int64, or uint64 where one
    is larger.
    """

    reference: Integers
    prediction: Integers
    shared: Integers
    in_background: NDArray[np.bool_]
    reference_values: NDArray[np.integer]
    prediction_values: NDArray[np.integer]

    @classmethod
    def of(cls, confusion: Confusion) -> Partition:
        """Of the values as stored. In linear time: a histogram of millions of pairs takes seconds."""
        count = len(confusion.pairs)
        wide = any(max(pair) >= 1 << 63 for pair in confusion.pairs)  # ids of 64 bits without a sign
        each = (value for pair in confusion.pairs for value in pair)
        values = np.fromiter(each, np.uint64 if wide else np.int64, 2 * count).reshape(-1, 2)
        shared = np.fromiter(confusion.pairs.values(), np.int64, count)
        (of_r, reference), (of_p, prediction) = (np.unique(values[:, side], return_inverse=True) for side in (0, 1))
        return cls(reference.reshape(-1), prediction.reshape(-1), shared, values[:, 0] == BACKGROUND, of_r, of_p)

    def without_background(self) -> Partition:
        """The voxels that the reference gives a label."""
        kept = ~self.in_background
        return replace(
            self,
            reference=self.reference[kept],
            prediction=self.prediction[kept],
            shared=self.shared[kept],
            in_background=self.in_background[kept],
        )

    def sizes(self) -> tuple[Integers, Integers]:
        """Voxels of each part of the reference, and of each of the prediction, by their places."""
        return _by_part(self.reference, self.shared), _by_part(self.prediction, self.shared)


def _by_part(place: Integers, shared: Integers) -> Integers:
    found = np.zeros(int(place.max(initial=-1)) + 1, np.int64)
    np.add.at(found, place, shared)
    return found

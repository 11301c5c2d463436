"""Which instances share voxels: what matching by any rule needs to know."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from segeval.array_types import Floats, Integers


class Overlaps(Struct, frozen=True, eq=False):
    """All instances of one target by their sizes, and every pair that shares a voxel, whatever matches.

    prediction, reference: voxels of each instance, shape (instances,). pairs: int64, shape (3, pairs), places among the
    reference's and the prediction's instances, and shared voxels.
    """

    prediction: Integers
    reference: Integers
    pairs: Integers

    @classmethod
    def none(cls) -> Overlaps:
        """Of a target that neither volume has."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing, np.zeros((3, 0), dtype=np.int64))

    @property
    def iou(self) -> Floats:
        """Of each pair."""
        reference, prediction, shared = self.pairs
        return np.asarray(shared / (self.reference[reference] + self.prediction[prediction] - shared))

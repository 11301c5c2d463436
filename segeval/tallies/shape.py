"""What place and shape are compared by: per target, the moments of both masks and the bands along their borders.

The definitions are in docs/quantities.md. Records are frozen and do not add: they are of whole volumes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from msgspec import Struct, field

from segeval.array_types import Floats

Band = tuple[int, int]
"""Voxels that the bands of both masks share, and voxels of either."""


def _nothing() -> Floats:
    return np.empty(0)


class Moments(Struct, frozen=True, eq=False):
    """Of the voxel centres of a mask.

    voxels: how many. centroid_mm: shape (axes,), from the first voxel of the target's box. covariance_mm2: shape (axes,
    axes), divided by the number of voxels.
    """

    voxels: int = 0
    centroid_mm: Floats = field(default_factory=_nothing)
    covariance_mm2: Floats = field(default_factory=_nothing)


class TargetShape(Struct, frozen=True, eq=False):
    """Both masks of one label or region. bands: by the share of the diagonal that they are wide."""

    prediction: Moments = Moments()
    reference: Moments = Moments()
    bands: Mapping[float, Band] = field(default_factory=dict)

    @property
    def comparable(self) -> bool:
        """Whether both volumes have the target."""
        return bool(self.prediction.voxels and self.reference.voxels)

    @property
    def missed(self) -> bool:
        """Whether exactly one volume has it."""
        return bool(self.prediction.voxels) != bool(self.reference.voxels)


class Shapes(Struct, frozen=True):
    """Every target of a pair of volumes, in the order of the rows.

    missed_mm: the distance, mm or NaN, of a target that is empty in exactly one volume.
    """

    targets: tuple[TargetShape, ...]
    missed_mm: float = math.nan

"""Where in a volume the voxels of a target were right and wrong: counted per slice of each stored axis.

Like a tally, a profile of pairs adds over the pieces of a pair of volumes. It does not add over cases, whose slices are
of different places.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from segeval.array_types import Integers
from segeval.targets import TargetKey


class PairProfile(Struct, frozen=True, eq=False):
    """How many voxels of each slice have this (reference value, prediction value), as stored.

    shape: of the volumes. pairs: per axis an int64 array of shape (slices of the axis,). Pairs of equal values may be
    left out; background in both volumes, and ignored voxels, are.
    """

    shape: tuple[int, ...]
    pairs: Mapping[tuple[int, int], tuple[Integers, ...]]

    def __add__(self, other: PairProfile) -> PairProfile:
        """Of the voxels of both. Raises ValueError for volumes of other shapes."""
        if self.shape != other.shape:
            raise ValueError(f"profiles of volumes of {self.shape} and {other.shape} voxels do not add")
        pairs = dict(self.pairs)
        for pair, counts in other.pairs.items():
            mine = pairs.get(pair)
            pairs[pair] = counts if mine is None else tuple(a + b for a, b in zip(mine, counts, strict=True))
        return PairProfile(self.shape, pairs)


class AxisProfile(Struct, frozen=True, eq=False):
    """A target's voxels per slice of one stored axis: int64 arrays of shape (slices,).

    tp: as far as pairs of equal values were counted.
    """

    tp: Integers
    fp: Integers
    fn: Integers

    @property
    def errors(self) -> Integers:
        """FP + FN."""
        return self.fp + self.fn


class TargetProfile(Struct, frozen=True, eq=False):
    """A label or region along the stored axes, in their order."""

    target: TargetKey
    axes: tuple[AxisProfile, ...]


class Profile(Struct, frozen=True, eq=False):
    """Every target of a pair of volumes, in the order of the rows."""

    targets: tuple[TargetProfile, ...]


def empty_axis(size: int) -> AxisProfile:
    """Of so many slices without a voxel."""
    return AxisProfile(*(np.zeros(size, dtype=np.int64) for _ in range(3)))

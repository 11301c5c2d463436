"""Probabilities and reference masks kept voxel by voxel, for losses that no sum gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Mask
from segeval.targets import TargetKey

_Scalar = TypeVar("_Scalar", bound=np.generic)


class TargetMap(Struct, frozen=True, eq=False):
    """One target's probabilities in [0, 1], float64, and its mask of the reference: arrays of the volume's shape.

    Where a voxel is not evaluated, both are 0.
    """

    probabilities: Floats
    mask: Mask


class Maps(Struct, frozen=True, eq=False):
    """All targets of a pair, made one at a time: a volume of float64 each.

    keys: labels (background first where there is one), then regions. make: the target of a place among them.
    evaluated: which voxels are, None for all of them. spacing_mm: along each axis; None where the files state none.
    label_distances: (labels, labels) in [0, 1], rows of the reference's; None where all are equally far apart.
    """

    keys: tuple[TargetKey, ...]
    make: Callable[[int], TargetMap]
    evaluated: Mask | None
    voxels: int
    spacing_mm: tuple[float, ...] | None
    label_distances: Floats | None = None

    def targets(self) -> Iterator[TargetMap]:
        """Of every key, one after the other."""
        return (self.make(index) for index in range(len(self.keys)))

    def labels(self) -> Iterator[TargetMap]:
        """Of the labels alone."""
        return (self.make(index) for index, key in enumerate(self.keys) if isinstance(key, int))

    def evaluated_of(self, values: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """The evaluated voxels of a volume, shape (voxels,)."""
        return values.reshape(-1, order="F") if self.evaluated is None else values[self.evaluated]

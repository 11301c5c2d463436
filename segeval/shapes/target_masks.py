"""One target's two masks: where it lies in two label maps, and what of a label map belongs to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Mask
from segeval.kernels.boxes import Box

_SLAB_VOXELS = 1 << 21  # looked through at once: a few maps of one byte per voxel stay in the processor's cache
_FEW_VALUES = 4  # up to which comparing with each value is faster than looking every voxel up


class TargetMasks(Struct, frozen=True):
    """Where one target lies in the two label maps.

    prediction, reference: label maps of equal shape, 2-D or 3-D, integers of any type, any memory layout.
    prediction_values, reference_values: the stored values that belong to the target.
    box: holds every voxel of the target in either volume; the tighter the faster.
    spacing_mm: distance of neighbouring voxel centres along each axis.
    ignore: the reference value whose voxels are not evaluated: they are background in both masks.
    """

    prediction: NDArray[Any]
    reference: NDArray[Any]
    prediction_values: frozenset[int]
    reference_values: frozenset[int]
    box: Box
    spacing_mm: tuple[float, ...]
    ignore: int | None = None

    def __post_init__(self) -> None:
        if self.prediction.shape != self.reference.shape or self.reference.ndim not in (2, 3):
            raise ValueError(
                f"label maps of shapes {self.prediction.shape} and {self.reference.shape}: "
                "surfaces need two of one shape, 2-D or 3-D"
            )
        if len(self.spacing_mm) != self.reference.ndim or len(self.box) != self.reference.ndim:
            raise ValueError(f"a spacing {self.spacing_mm} and a box {self.box} for {self.reference.ndim} axes")


def block_voxels() -> int:
    """How many voxels are looked through at once."""
    return _SLAB_VOXELS


def mark(labels: NDArray[Any], values: frozenset[int], mask: Mask) -> None:
    """Write into a mask of zeros where a label map holds one of these values."""
    if labels.dtype.kind == "b":
        labels = labels.view(np.uint8)
    limits = np.iinfo(labels.dtype)
    storable = sorted(value for value in values if limits.min <= value <= limits.max)
    if len(storable) > _FEW_VALUES:
        mask[...] = np.isin(labels, np.array(storable, dtype=labels.dtype))
        return
    for value in storable[:1]:
        np.equal(labels, labels.dtype.type(value), out=mask)
    for value in storable[1:]:
        mask |= labels == labels.dtype.type(value)

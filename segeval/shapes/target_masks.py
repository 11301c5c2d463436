"""One target's two masks, a slab of planes at a time: what its boundaries are found in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.kernels.boxes import Box

Mask = NDArray[np.bool_]

_SLAB_VOXELS = 1 << 20  # the few masks of a slab stay in the processor's cache
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

    def cropped(self) -> TargetMasks:
        """The box alone, its axes in the order of memory, the fastest last (distances do not depend on it)."""
        order = sorted(range(self.reference.ndim), key=lambda axis: -abs(self.reference.strides[axis]))
        prediction, reference = (a[self.box].transpose(order) for a in (self.prediction, self.reference))
        return TargetMasks(
            prediction, reference, self.prediction_values, self.reference_values,
            tuple(slice(0, n) for n in reference.shape), tuple(self.spacing_mm[axis] for axis in order), self.ignore,
        )  # fmt: skip

    @property
    def padded_shape(self) -> tuple[int, ...]:
        """Of the box with one voxel of background around it."""
        return tuple(n + 2 for n in self.reference.shape)

    def slabs(self) -> Iterator[tuple[int, Mask, Mask]]:
        """The two masks of a cropped target, padded with a voxel of background, as flat stretches of planes.

        (First position, prediction, reference): the stretches hold whole planes along the first axis, and one more
        plane in front and behind, so that each voxel's neighbours are there; the position, in the flat padded box,
        is that of the first voxel after the plane in front. Every plane of the padded box is such an inner plane
        once.
        """
        planes, *sides = self.padded_shape
        plane = int(np.prod(sides))
        step = max(1, _SLAB_VOXELS // plane)
        inner = (slice(1, -1),) * len(sides)
        for first in range(0, planes, step):
            last = min(first + step, planes)
            stored = slice(max(first - 2, 0), min(last, planes - 2))  # planes of the box, without its padding
            there = (slice(stored.start + 2 - first, stored.stop + 2 - first), *inner)
            masks = []
            for labels, values in (
                (self.prediction, self.prediction_values),
                (self.reference, self.reference_values),
            ):
                mask = np.zeros((last - first + 2, *sides), dtype=np.bool_)
                mark(labels[stored], values, mask[there])
                if self.ignore is not None:
                    mask[there] &= self.reference[stored] != self.ignore
                masks.append(mask.reshape(-1))
            yield first * plane, masks[0], masks[1]


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


def marked(flags: Mask) -> NDArray[np.intp]:
    """``flatnonzero`` of a new, flat mask with few ones: words of eight voxels that hold none are skipped at once."""
    whole = flags.size // 8 * 8
    words = np.flatnonzero(flags[:whole].view(np.uint64))
    word, byte = np.nonzero(flags[:whole].reshape(-1, 8)[words])
    found = words[word] * 8 + byte
    return np.concatenate((found, np.flatnonzero(flags[whole:]) + whole))


def coordinates(positions: NDArray[np.intp], shape: Sequence[int]) -> NDArray[np.int32]:
    """Indices, shape (positions, axes), of flat positions in a box of this shape."""
    indices = np.empty((positions.size, len(shape)), dtype=np.int32)
    for axis in range(len(shape) - 1, 0, -1):
        rest = positions // shape[axis]
        indices[:, axis] = positions - rest * shape[axis]
        positions = rest
    indices[:, 0] = positions
    return indices

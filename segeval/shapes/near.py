"""How far boundary voxels of a box are from the other map's, as far as a halo around the box reaches.

What a box says of a target is how many of its boundary voxels have their nearest at which offset, and how many have
none within reach: numbers that add. A boundary voxel has a face-neighbour that does not belong to the target; outside
the volume there is nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.kernels.boxes import Box
from segeval.shapes.counting import boundary_of
from segeval.shapes.regions import CodedBox
from segeval.shapes.runs import changes_along

_BITS = 20  # of an offset along an axis
_FAR = -1
_ROUNDING = 1 + 1e-9


class Reach(Struct, frozen=True):
    """Up to which distance, mm, nearest voxels are looked for, and what voxels measure."""

    most_mm: float
    spacing_mm: tuple[float, ...]

    @property
    def halo(self) -> tuple[int, ...]:
        """Voxels around a box, by axis, one of which is there to tell where boundaries are."""
        return tuple(math.floor(self.most_mm * _ROUNDING / mm) + 2 for mm in self.spacing_mm)

    def around(self, box: Box, shape: Sequence[int]) -> Box:
        """The box and its halo, within the volume."""
        sides = zip(box, self.halo, shape, strict=True)
        return tuple(slice(max(side.start - n, 0), min(side.stop + n, size)) for side, n, size in sides)

    def mm(self, offsets: Integers) -> Floats:
        """Of offsets as `Offsets` writes them; infinite beyond reach."""
        total: Floats = np.zeros(len(offsets))
        for axis, mm in enumerate(self.spacing_mm):
            total += (((offsets >> (_BITS * axis)) & ((1 << _BITS) - 1)) * mm) ** 2
        found: Floats = np.sqrt(total)
        found[(offsets == _FAR) | (found > self.most_mm)] = np.inf
        return found


class Offsets(Struct, frozen=True):
    """How many boundary voxels have their nearest at each offset: ascending numbers, -1 for none within reach."""

    offsets: Integers
    counts: Integers

    @classmethod
    def of(cls, offsets: Integers, counts: Integers) -> Offsets:
        """Each offset once."""
        distinct, place = np.unique(offsets, return_inverse=True)
        total = np.zeros(len(distinct), np.int64)
        np.add.at(total, place, counts)
        return cls(distinct, total)

    def __add__(self, other: Offsets) -> Offsets:
        return Offsets.of(np.concatenate((self.offsets, other.offsets)), np.concatenate((self.counts, other.counts)))

    @property
    def elements(self) -> int:
        """How many boundary voxels."""
        return int(self.counts.sum())


Near = Mapping[int, tuple[Offsets, Offsets]]
"""By value, of the prediction's boundary voxels to the reference's, and back."""


def near(prediction: CodedBox, reference: CodedBox, around: Box, box: Box, shape: Sequence[int], reach: Reach) -> Near:
    """Of a box, of which both maps are given with its halo, ``around``."""
    sides = [_boundary(side, around, shape) for side in (prediction, reference)]
    inner = np.array([[side.start - of.start, side.stop - of.start] for side, of in zip(box, around, strict=True)]).T
    found = {}
    for value in sorted({*sides[0], *sides[1]}):
        p, r = (side.get(value, np.zeros((0, len(box)), np.int64)) for side in sides)
        both = _nearest(p, r, inner, reach), _nearest(r, p, inner, reach)
        if both[0].elements or both[1].elements:
            found[value] = both
    return found


def add_near(one: Near, other: Near) -> Near:
    """Of boxes that have no voxel in common."""
    found = dict(one)
    for value, (there, back) in other.items():
        found[value] = (found[value][0] + there, found[value][1] + back) if value in found else (there, back)
    return found


def _boundary(side: CodedBox, around: Box, shape: Sequence[int]) -> dict[int, NDArray[np.int64]]:
    """The boundary voxels of each value, shape (voxels, axes); none at the ends of a halo, where they are not known."""
    codes = side.codes
    flat = codes.ravel(order="F")
    edge = boundary_of(flat, codes.shape, changes_along(flat, codes.shape, 0)).reshape(codes.shape, order="F")
    for axis, (part, size) in enumerate(zip(around, shape, strict=True)):
        turned = np.moveaxis(edge, axis, 0)
        if part.start > 0:
            turned[0] = False
        if part.stop < size:
            turned[-1] = False
    points: NDArray[np.int64] = np.argwhere(edge)
    own = codes[edge]
    order = np.argsort(own, kind="stable")
    points, own = points[order], own[order]
    distinct, starts = np.unique(own, return_index=True)
    parts = np.split(points, starts[1:])
    return (
        {int(side.values[code]): part for code, part in zip(distinct.tolist(), parts, strict=True)} if own.size else {}
    )


def _nearest(points: NDArray[Any], others: NDArray[Any], inner: NDArray[Any], reach: Reach) -> Offsets:
    """Of the points within the box."""
    points = points[((points >= inner[0]) & (points < inner[1])).all(axis=1)]
    offsets = np.full(len(points), _FAR, dtype=np.int64)
    if len(points) and len(others):
        from scipy.spatial import cKDTree

        spacing = np.array(reach.spacing_mm)
        tree = cKDTree(others * spacing)
        _, place = tree.query(points * spacing, distance_upper_bound=reach.most_mm * _ROUNDING)
        there = np.flatnonzero(place < len(others))
        apart = np.abs(points[there] - others[place[there]])
        offsets[there] = (apart << (_BITS * np.arange(apart.shape[1]))).sum(axis=1)
    return Offsets.of(offsets, np.ones(len(offsets), np.int64))

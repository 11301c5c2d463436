"""The elements of all surfaces in a block of a layer: boundary voxels here, pieces of surface in ``surfels``.

A boundary voxel of a code is one of its voxels with a face-neighbour (6 in 3-D, 4 in 2-D) of another code; at edges
with a neighbour across a face or an edge (18, 8), at corners with any of its neighbours (26, 8); slice by slice, one
with any of its 8 neighbours in its slice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.shapes.layers import Codes

Positions = NDArray[np.intp]
Kinds = NDArray[np.uint8]
Points = NDArray[np.int32]

FACE, EDGE, CORNER = 1, 2, 3
"""Along how many axes a neighbour lies that is met there."""
_ALIKE = 1e-3  # of spacings: single precision must not choose among equal ones
_STRETCH = 1 << 19  # bytes of a map that are compared at once: with what they are compared to, they stay in the cache


class Elements(Struct, frozen=True):
    """The elements of one map in a block.

    places: who has an element where, flat maps of the block; more than one where several codes may have one in the same
    place, and a code is in one of them at most. Their outermost voxels are left undefined.
    positions, codes: of every element (and of what is undefined); positions are flat ones in the block.
    kinds: what areas belong to; None where every element counts alike.
    """

    places: tuple[Codes, ...]
    positions: Positions
    codes: Codes
    kinds: Kinds | None = None

    def some(self, chosen: NDArray[np.bool_]) -> Elements:
        """Some of the elements, in the same places."""
        kinds = None if self.kinds is None else self.kinds.compress(chosen)
        return Elements(self.places, self.positions.compress(chosen), self.codes.compress(chosen), kinds)


class Form(Protocol):
    """What counts as an element."""

    before: int
    """By how many voxels an element's position may lie before the first voxel of what it bounds."""
    open: bool
    """Whether what reaches the image's border goes on there, so that it has no boundary along it."""

    def on(self, axes: Sequence[int]) -> Form:
        """The same where the axes come in another order."""
        ...

    def find(self, codes: Codes) -> Elements:
        """The elements in a block that is one voxel larger on each side than where they are wanted."""
        ...

    def areas(self, spacing_mm: Sequence[float]) -> tuple[Floats, Kinds] | None:
        """(Areas in mm², or lengths in mm, ascending; the place there of each kind); None where there are no kinds."""
        ...


class BoundaryVoxels:
    """reach: how many axes a neighbour may lie along at once; at most 1 across a face. open: see :class:`Form`."""

    before = 0

    def __init__(self, reach: int = FACE, *, open: bool = False) -> None:  # noqa: A002 (as the protocol says)
        self.open = open
        self._reach = reach

    def on(self, axes: Sequence[int]) -> BoundaryVoxels:  # noqa: ARG002 (neighbours are so in any order)
        return self

    def neighbours(self, shape: Sequence[int]) -> list[int]:
        """How far they are from a voxel in a flat array of this shape."""
        steps = steps_of(shape)
        ways = [way for way in product((-1, 0, 1), repeat=len(steps)) if 0 < sum(map(abs, way)) <= self._reach]
        return [sum(i * step for i, step in zip(way, steps, strict=True)) for way in ways]

    def find(self, codes: Codes) -> Elements:
        edges = np.zeros_like(codes)
        flat, out = codes.reshape(-1), edges.reshape(-1)
        first, *shifts = self.neighbours(codes.shape)
        margin = max(map(abs, (first, *shifts)))
        here = np.empty(_STRETCH // codes.itemsize, dtype=np.bool_)
        there = np.empty_like(here)
        for start in range(margin, flat.size - margin, here.size):
            stop = min(start + here.size, flat.size - margin)
            own = flat[start:stop]
            if not own.any():
                continue
            edge, other = here[: own.size], there[: own.size]
            np.not_equal(own, flat[start + first : stop + first], out=edge)
            for shift in shifts:
                np.not_equal(own, flat[start + shift : stop + shift], out=other)
                np.logical_or(edge, other, out=edge)
            np.multiply(own, edge.view(np.uint8), out=out[start:stop])
        positions = occupied(out)
        return Elements((out,), positions, out.take(positions))

    def areas(self, spacing_mm: Sequence[float]) -> None:  # noqa: ARG002 (as the protocol says)
        return None


class SliceBoundaryVoxels(BoundaryVoxels):
    """The boundary of each slice by itself. across: the axis from slice to slice; None where there is one slice."""

    def __init__(self, across: int | None, *, open: bool = False) -> None:  # noqa: A002 (as the protocol says)
        super().__init__(open=open)
        self._across = across

    def on(self, axes: Sequence[int]) -> SliceBoundaryVoxels:
        across = None if self._across is None else list(axes).index(self._across)
        return SliceBoundaryVoxels(across, open=self.open)

    def neighbours(self, shape: Sequence[int]) -> list[int]:
        first, second = (step for axis, step in enumerate(steps_of(shape)) if axis != self._across)
        return [i * first + j * second for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


BOUNDARY_VOXELS = BoundaryVoxels()


def slices_of(spacing_mm: Sequence[float], *, open: bool = False) -> SliceBoundaryVoxels:  # noqa: A002 (as above)
    """Of the axis with the largest spacing, the last of equal ones; in 2-D the image is the only slice."""
    if len(spacing_mm) == 2:
        return SliceBoundaryVoxels(None, open=open)
    thickest = max(spacing_mm)
    across = max(a for a, mm in enumerate(spacing_mm) if math.isclose(mm, thickest, rel_tol=_ALIKE))
    return SliceBoundaryVoxels(across, open=open)


def steps_of(shape: Sequence[int]) -> list[int]:
    """How far apart neighbours along each axis are in a flat array of this shape."""
    return [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]


def occupied(flat: NDArray[Any]) -> Positions:
    """``flatnonzero`` of a flat, contiguous array that is mostly 0: eight bytes of it are skipped at once."""
    shift = {1: 3, 2: 2}[flat.itemsize]  # entries in eight bytes, as a power of two
    whole = flat.size >> shift << shift
    words = flat[:whole].view(np.uint64)
    filled = np.flatnonzero(words)
    within = np.flatnonzero(words.take(filled).view(flat.dtype) != 0)
    found = filled.take(within >> shift)
    found <<= shift
    found += within & (1 << shift) - 1
    return np.concatenate((found, np.flatnonzero(flat[whole:]) + whole))


def coordinates(positions: NDArray[Any], shape: Sequence[int], low: Sequence[int]) -> Points:
    """Indices, shape (positions, axes), of flat positions in a box of this shape that begins at ``low``.

    Each axis' indices lie together, as what is done with them takes one axis at a time.
    """
    indices = np.empty((positions.size, len(shape)), dtype=np.int32, order="F")
    for axis in range(len(shape) - 1, 0, -1):
        rest = positions // shape[axis]
        indices[:, axis] = positions - rest * shape[axis]
        positions = rest
    indices[:, 0] = positions
    for axis, start in enumerate(low):
        indices[:, axis] += start
    return indices

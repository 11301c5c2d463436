"""Connected components of volumes that are looked at in slabs of planes, one after the other.

cc3d numbers a slab that fits into the processor's cache several times faster than a whole volume, and the numbers need
not be kept. A slab begins with the last plane of the one before it: a component that goes on has two numbers there.

A plane is all that lies at one place along the last axis (in two dimensions: a line), the slowest in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.errors import UsageError
from segeval.kernels.boxes import marked
from segeval.shapes.pairs import counted

VOXELS = 1 << 21
"""Of a slab, unless a plane has more."""
_IN_3D: dict[int, dict[int | None, int]] = {
    2: {None: 18, 8: 18, 4: 6},
    3: {None: 26, 26: 26, 18: 18, 6: 6},
}  # cc3d knows the neighbours of two dimensions, too, but a picture as a volume of one slice takes the same way


Numbers = NDArray[np.unsignedinteger]
"""In as few bytes as cc3d finds that they take; 0 is none."""


class Slab(Struct, frozen=True):
    """Planes first … behind − 1 are the slab's own; it is looked at from ``start`` on."""

    start: int
    first: int
    behind: int


def slabs_of(shape: Sequence[int]) -> Iterator[Slab]:
    """All of them, in order; none where there is no voxel."""
    plane = math.prod(shape[:-1])
    if not plane:
        return
    step = max(1, VOXELS // plane)
    for first in range(0, shape[-1], step):
        yield Slab(max(first - 1, 0), first, min(first + step, shape[-1]))


def slab_voxels(shape: Sequence[int]) -> int:
    """The most that are looked at at once."""
    return max((math.prod(shape[:-1]) * (slab.behind - slab.start) for slab in slabs_of(shape)), default=0)


class Numbering:
    """Gives the components of slabs numbers from 0, and knows which of these are one component.

    Neighbours are those of ``connectivity`` in so many axes, all by default. Raises UsageError where there are none.
    """

    def __init__(self, axes: int, connectivity: int | None = None) -> None:
        known = _IN_3D[axes]
        if connectivity not in known:
            fitting = " or ".join(str(choice) for choice in known if choice)
            raise UsageError(f"connectivity {connectivity} does not exist in {axes} dimensions; choose {fitting}")
        self._neighbours = known[connectivity]
        self._given = 0
        self._last: tuple[Numbers, int] | None = None
        self._same: list[NDArray[np.int64]] = []

    def number(self, codes: NDArray[np.unsignedinteger]) -> tuple[Numbers, int]:
        """(Flat in Fortran order, where k > 0 is component k − 1 + the second value; that value).

        codes: of a slab; components are of voxels of equal codes, 0 belongs to none.
        """
        import cc3d

        # cc3d up to 4.1.1 stumbles over slices of a volume that are one voxel wide, and over their corner neighbours:
        # it gets a copy, and within a plane a corner is an edge.
        volume = codes.reshape(*codes.shape, *[1] * (3 - codes.ndim), order="F")
        flat = 1 in volume.shape
        volume = volume.copy(order="F") if flat else np.asfortranarray(volume)
        neighbours = min(self._neighbours, 18) if flat else self._neighbours
        numbers = cc3d.connected_components(volume, connectivity=neighbours).ravel(order="F")
        before, plane = self._given, math.prod(codes.shape[:-1])
        self._join(numbers[:plane], before)
        self._last = numbers[numbers.size - plane :].copy(), before
        self._given += int(numbers.max(initial=0))
        return numbers, before

    def skip(self) -> None:
        """A slab without a component."""
        self._last = None

    def components(self) -> Integers:
        """By number, the component, numbered from 0 in the order of the smallest of their numbers."""
        return joined(self._given, np.concatenate((np.zeros((2, 0), np.int64), *self._same), axis=1))

    def _join(self, plane: Numbers, before: int) -> None:
        """Note which numbers of this plane stand where others stood in the slab before."""
        if self._last is None:
            return
        last, before_last = self._last
        changes = np.concatenate(([True], plane[1:] != plane[:-1]))
        changes[1:] |= last[1:] != last[:-1]
        starts = marked(changes)
        a, b = last.take(starts).astype(np.int64), plane.take(starts).astype(np.int64)
        a, b, _ = counted(a, b, np.ones(len(a), np.int64))
        self._same.append(np.stack((a + (before_last - 1), b + (before - 1)))[:, b > 0])


def joined(count: int, same: NDArray[np.int64]) -> Integers:
    """For each of 0 … count − 1 the component that the pairs ``same``, shape (2, pairs), make it part of.

    Components are numbered from 0 in the order of the smallest of their numbers.
    """
    representatives = _representatives(count, same)
    return (np.cumsum(representatives == np.arange(count)) - 1)[representatives]


def _representatives(count: int, same: NDArray[np.int64]) -> Integers:
    """For each of 0 … count − 1 the smallest number that the pairs ``same``, shape (2, pairs), join it with.

    (SciPy's connected_components takes longer to import than all of this takes.)
    """
    smallest = np.arange(count)
    while True:
        a, b = smallest[same[0]], smallest[same[1]]
        apart = np.flatnonzero(a != b)
        if not apart.size:
            return smallest
        same, a, b = same[:, apart], a[apart], b[apart]
        np.minimum.at(smallest, np.maximum(a, b), np.minimum(a, b))
        while (further := smallest[smallest]).tobytes() != smallest.tobytes():
            smallest = further

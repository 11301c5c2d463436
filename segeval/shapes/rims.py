"""What a region of a volume knows of its rim, and what that tells where regions meet: who touches whom, and which cells
lie there.

A place is where boxes of voxels meet: per axis the first voxel and the one behind the last, or, where the two are
equal, the plane in front of that voxel: a face between two regions, an edge between four, a corner between eight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import combinations, product
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.boxes import Box, find_runs

Place = tuple[tuple[int, int], ...]
Part = tuple[slice | int, ...]
"""Of a region: all of it along an axis, or the first (0) or last (-1) plane."""
_SLAB = 1 << 18
_FEW = 16  # codes that are counted one by one: each in its own box, and as a mask
_NONE = np.zeros((2, 0), dtype=np.int64)


class Rim(Struct, frozen=True):
    """The outermost voxels of a region at a place.

    sides: per axis along which the place is a plane, whether the region lies in front of it (-1) or behind (1).
    numbers, lengths: of the runs, in Fortran order, of the number of each voxel's component; -1 for none.
    """

    sides: tuple[int, ...]
    numbers: Integers
    lengths: Integers

    def values(self, of: NDArray[Any]) -> NDArray[Any]:
        """Per voxel, flat, what ``of`` holds for its number; its last entry for none."""
        return np.repeat(of[self.numbers], self.lengths)

    def renumbered(self, numbers: Integers) -> Rim:
        """By number the new one; -1 last."""
        return Rim(self.sides, numbers[self.numbers], self.lengths)


Rims = dict[Place, tuple[Rim, ...]]


def rims_of(
    part: Callable[[Part], NDArray[Any]], box: Box, shape: Sequence[int], reach: int, *, all_places: bool = False
) -> Rims:
    """Those of a region, by place.

    part: the numbers, from 1, of some of its voxels; 0 for none. shape: of the volume. reach: along how many axes
    neighbours may differ. all_places: not only where there are neighbours, but on the volume's own rim, too.
    """
    found: Rims = {}
    for steps in product((-1, 0, 1), repeat=len(box)):
        place = tuple(_side(side, step) for side, step in zip(box, steps, strict=True))
        planes = sum(step != 0 for step in steps)
        if not 0 < planes <= reach or (not all_places and regions_at(place, shape) < 1 << planes):
            continue
        own = part(tuple(slice(None) if step == 0 else -1 if step > 0 else 0 for step in steps))
        flat = np.asarray(own).ravel(order="F")
        starts, lengths = find_runs(flat)
        sides = tuple(-step for step in steps if step)
        found[place] = (Rim(sides, flat.take(starts).astype(np.int64) - 1, lengths),)
    return found


def regions_at(place: Place, shape: Sequence[int]) -> int:
    """How many regions meet there."""
    inner = sum(first == behind and 0 < first < size for (first, behind), size in zip(place, shape, strict=True))
    return 1 << inner


def meeting(one: Rims, other: Rims, codes: tuple[Integers, Integers], reach: int) -> NDArray[np.int64]:
    """`touching` of all places that both know; the numbers of the other count on behind those of the one."""
    found = [_NONE]
    behind = np.array([[0], [len(codes[0]) - 1]])
    for place in one.keys() & other.keys():
        found += [touching(place, a, b, codes, reach) + behind for a in one[place] for b in other[place]]
    return np.concatenate(found, axis=1)


def touching(place: Place, one: Rim, other: Rim, codes: tuple[Integers, Integers], reach: int) -> NDArray[np.int64]:
    """The numbers of the two regions' components of equal codes that are neighbours there, shape (2, pairs).

    codes: by number of each, with a last entry of 0 for none.
    """
    if any(a == b for a, b in zip(one.sides, other.sides, strict=True)):
        return _NONE  # they share more than this place, and are compared there
    lengths = _lengths(place)
    a_code, b_code = one.values(codes[0]), other.values(codes[1])
    if not a_code.any() or not b_code.any():
        return _NONE
    a_code, b_code = (each.reshape(lengths, order="F") for each in (a_code, b_code))
    ids = (np.append(np.arange(len(of) - 1), -1) for of in codes)
    a, b = (rim.values(own).reshape(lengths, order="F") for rim, own in zip((one, other), ids, strict=True))
    found = [_NONE]
    for shift in product((-1, 0, 1), repeat=len(lengths)):
        if len(one.sides) + sum(step != 0 for step in shift) > reach:
            continue
        here = tuple(slice(max(-step, 0), size - max(step, 0)) for step, size in zip(shift, lengths, strict=True))
        there = tuple(slice(max(step, 0), size - max(-step, 0)) for step, size in zip(shift, lengths, strict=True))
        same = (a_code[here] == b_code[there]) & (a_code[here] != 0)
        pairs = np.stack((a[here][same], b[there][same]))
        new = np.ones(pairs.shape[1], dtype=np.bool_)
        np.any(pairs[:, 1:] != pairs[:, :-1], axis=0, out=new[1:])
        found.append(pairs[:, new])
    return np.unique(np.concatenate(found, axis=1), axis=1)


def cells_between(place: Place, rims: Sequence[Rim], codes: Integers) -> dict[int, int]:
    """What the cells that lie at a place add to the Euler characteristic of each code's closed voxels.

    rims: of all regions that meet there. codes: by number, with a last entry of 0 for none.
    """
    values, local = np.unique(np.concatenate([np.zeros(1, np.int64), codes]), return_inverse=True)
    zero = int(np.searchsorted(values, 0))
    of = local[1:]
    arrays = [rim.values(of).reshape(_lengths(place), order="F") for rim in rims]
    counts = _cells(arrays, len(values))
    return {int(values[k]): int(n) for k, n in enumerate(counts) if k != zero and n}


def cells_within(codes: NDArray[Any], count: int) -> Integers:
    """The same of a region's inner cells, by code below ``count``; 0 stands for none."""
    total = np.zeros(count, dtype=np.int64)
    if count > 1:
        codes = codes[around(codes)]
    depth = codes.shape[-1]
    step = max(1, _SLAB // max(1, math.prod(codes.shape[:-1])))
    for first in range(0, depth, step):
        before = 1 if first else 0
        slab = codes[..., first - before : first + step]
        if not slab.any():
            continue
        *inner, _ = around(slab)
        slab = np.asfortranarray(slab[tuple(inner)])
        if count > _FEW:
            total += _cells([slab], count, before)
            continue
        for code in range(1, count):
            mask = slab == code
            if mask.any():
                *inner, _ = around(mask)
                total[code] += _cells([np.asfortranarray(mask[tuple(inner)])], 2, before)[1]
    total[0] = 0
    return total


def around(codes: NDArray[Any]) -> Box:
    """A box around what is not 0 and a voxel more."""
    sides = []
    for axis, size in enumerate(codes.shape):
        places = np.flatnonzero(codes.any(axis=tuple(other for other in range(codes.ndim) if other != axis)))
        ends = (max(int(places[0]) - 1, 0), min(int(places[-1]) + 2, size)) if places.size else (0, 1)
        sides.append(slice(*ends))
    return tuple(sides)


def _cells(arrays: Sequence[NDArray[Any]], count: int, before: int = 0) -> Integers:
    """before: so many of the first planes along the last axis are there for the cells behind them alone."""
    total = np.zeros(count, dtype=np.int64)
    axes = range(arrays[0].ndim)
    for size in range(arrays[0].ndim + 1):
        for between in combinations(axes, size):
            own = 0 if arrays[0].ndim - 1 in between else before
            around = [array[part] for array in arrays for part in _corners(arrays[0].shape, between, own)]
            total += (-1) ** (arrays[0].ndim - size) * _distinct(around, count)
    return total


def _corners(shape: Sequence[int], between: Iterable[int], first: int) -> Iterable[tuple[slice, ...]]:
    """The voxels that the cells between voxels along these axes are of, each as a part of the array."""
    chosen = set(between)
    last = len(shape) - 1
    choices = [
        (slice(0, size - 1), slice(1, size)) if axis in chosen else (slice(first if axis == last else 0, size),)
        for axis, size in enumerate(shape)
    ]
    return product(*choices)


def _distinct(around: Sequence[NDArray[Any]], count: int) -> Integers:
    """How many cells each code has, of which any of the voxels around holds it."""
    first = around[0]
    if first.size == 0:
        return np.zeros(count, dtype=np.int64)
    if count == 2:  # 0 and 1
        some, every = reduce(np.bitwise_or, around), reduce(np.bitwise_and, around)
        return np.array([first.size - np.count_nonzero(every), np.count_nonzero(some)])
    mixed = np.zeros(first.shape, dtype=np.bool_)
    for other in around[1:]:
        mixed |= other != first
    found = np.bincount(first[~mixed].ravel(), minlength=count)
    if mixed.any():
        stack = np.sort(np.stack([each[mixed] for each in around]), axis=0)
        new = np.ones(stack.shape, dtype=np.bool_)
        np.not_equal(stack[1:], stack[:-1], out=new[1:])
        found = found + np.bincount(stack[new], minlength=count)
    return found.astype(np.int64)


def _lengths(place: Place) -> tuple[int, ...]:
    return tuple(behind - first for first, behind in place if first != behind)


def _side(side: slice, step: int) -> tuple[int, int]:
    return ((side.start, side.start), (side.start, side.stop), (side.stop, side.stop))[step + 1]

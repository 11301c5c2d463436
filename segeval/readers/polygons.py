"""Which voxels of a plane lie inside polygons: exactly, by the even-odd rule, with half-open edges.

A voxel is inside where its centre is. A centre on an edge belongs to the polygon on one side of it, never to both: to
the one at larger x, and on an edge along x to the one at larger y. So polygons that share an edge share no voxel, and
leave none out; a channel that leads to a hole and back (a keyhole) has no width. What lies in an even number of
polygons is outside, so that polygons within others are holes.

Libraries that fill polygons were weighed: OpenCV draws vertices rounded to whole voxels, and the border with them;
scikit-image, matplotlib and Pillow do not say whose a centre on an edge is; GDAL does, and is a library of maps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers

FARTHEST = 1 << 14
"""Voxels from the plane's first one to any vertex: what 64-bit products of coordinates allow."""

_PARTS = 1 << 16  # of a voxel: vertices are rounded to them, so that writers' decimals do not decide whose an edge is
_MOST_POLYGONS = 300
_MOST_VOXELS = 1 << 24
_HELD = 0.9  # of the smaller polygon: a hole may touch what it is in
_AT_ONCE = 1 << 18  # crossings of edges and rows


Filled = tuple[tuple[slice, slice], NDArray[np.bool_]]
"""A box (rows, columns) of a plane, and which of its voxels are inside."""


def inside(polygons: Sequence[Floats], shape: tuple[int, int]) -> Filled | None:
    """The box (rows, columns) of the plane that holds all voxels inside, and which of its voxels those are.

    polygons: (points, 2) each, closed from the last point to the first, as x and y in voxels: whole numbers are
    centres, and at most FARTHEST. shape: columns, rows. None where no voxel can be inside.
    """
    rounded: list[Integers] = [np.rint(polygon * _PARTS).astype(np.int64) for polygon in polygons if len(polygon) > 2]
    if not rounded:
        return None
    low = np.min([polygon.min(axis=0) for polygon in rounded], axis=0)
    high = np.max([polygon.max(axis=0) for polygon in rounded], axis=0)
    first = np.maximum(_up(low), 0)  # of the centres
    end = np.minimum(_up(high), shape)
    if (first >= end).any():
        return None
    columns, rows = (end - first).tolist()
    crossed = np.zeros((rows, columns + 1), dtype=np.uint8)
    for polygon in rounded:
        for row, column in _crossings(polygon, int(first[1]), int(end[1])):
            np.bitwise_xor.at(crossed, (row - first[1], np.clip(column - first[0], 0, columns)), 1)
    within = np.bitwise_xor.accumulate(crossed, axis=1)[:, :columns]
    return (slice(int(first[1]), int(end[1])), slice(int(first[0]), int(end[0]))), within.astype(np.bool_)


def crossed(polygons: Sequence[Floats], shape: tuple[int, int]) -> tuple[int, int]:
    """How many voxels lie in two polygons neither of which holds the other, but for a tenth; and how many in two that
    are all but the same, as they differ in fewer voxels than half of the edge of the larger one.

    Not counted among more polygons, or in more voxels, than anybody draws in a plane.
    """
    if not 1 < len(polygons) <= _MOST_POLYGONS or shape[0] * shape[1] > _MOST_VOXELS:
        return 0, 0
    low = np.clip([polygon.min(axis=0) for polygon in polygons], 0, shape)
    high = np.clip([polygon.max(axis=0) + 1 for polygon in polygons], 0, shape)
    ends = np.minimum(high[:, np.newaxis], high) - np.maximum(low[:, np.newaxis], low)
    near = np.triu((ends > 0).all(axis=2), 1)
    pairs = np.argwhere(near)
    if not len(pairs) or ends[near].prod(axis=1).sum() > _MOST_VOXELS:
        return 0, 0
    places = np.unique(pairs)
    if (high - low)[places].prod(axis=1).sum() > _MOST_VOXELS:
        return 0, 0
    filled = {place: inside([polygons[place]], shape) for place in places.tolist()}
    sizes = {place: 0 if found is None else int(np.count_nonzero(found[1])) for place, found in filled.items()}
    crossing, lost = np.zeros((2, shape[1], shape[0]), dtype=np.bool_)
    for one, other in pairs.tolist():
        common = _in_both(filled[one], filled[other])
        if common is None:
            continue
        both = int(np.count_nonzero(common[1]))
        if both < _HELD * min(sizes[one], sizes[other]):
            crossing[common[0]] |= common[1]
        elif 2 * (sizes[one] + sizes[other] - 2 * both) < _edge(filled[max(one, other, key=sizes.__getitem__)]):
            lost[common[0]] |= common[1]
    return int(np.count_nonzero(crossing)), int(np.count_nonzero(lost))


def _edge(filled: Filled | None) -> int:
    """How many voxels have a neighbour across a side that is outside."""
    if filled is None:
        return 0
    mask = np.pad(filled[1], 1)
    inner = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    return int(np.count_nonzero(mask) - np.count_nonzero(inner))


def _in_both(first: Filled | None, second: Filled | None) -> Filled | None:
    """What both are; None where their boxes do not meet."""
    if first is None or second is None:
        return None
    down, along = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(first[0], second[0], strict=True))
    if down.start >= down.stop or along.start >= along.stop:
        return None
    ours, theirs = (
        mask[down.start - y.start : down.stop - y.start, along.start - x.start : along.stop - x.start]
        for (y, x), mask in (first, second)
    )
    return (down, along), ours & theirs


def _crossings(polygon: Integers, first: int, end: int) -> Iterator[tuple[Integers, Integers]]:
    """The rows from ``first`` to ``end`` that edges cross, and in each the first centre not left of the edge."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    upward = (a[:, 1] < b[:, 1])[:, np.newaxis]
    low, high = np.where(upward, a, b), np.where(upward, b, a)  # one direction, whichever polygon the edge is of
    start = np.maximum(_up(low[:, 1]), first)
    count = np.maximum(np.minimum(_up(high[:, 1]), end) - start, 0)
    crossing = count > 0
    low, high, start, count = low[crossing], high[crossing], start[crossing], count[crossing]
    ends = np.cumsum(count)
    edge = 0
    while edge < len(count):
        before = int(ends[edge] - count[edge])
        last = max(int(np.searchsorted(ends, before + _AT_ONCE, side="right")), edge + 1)
        which = np.repeat(np.arange(edge, last), count[edge:last])
        row = start[which] + np.arange(before, int(ends[last - 1])) - (ends - count)[which]
        run, rise = (high - low)[which].T
        yield row, _up(low[which, 0] - (low[which, 1] - row * _PARTS) * run // rise)
        edge = last


def _up(parts: Integers) -> Integers:
    """The first centre that is not before a coordinate."""
    return -(-parts // _PARTS)

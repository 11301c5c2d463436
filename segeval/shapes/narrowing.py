"""The nearest point of many queries that lie together and far from it: what cannot be nearest is left out, box by box.

A kd-tree's bad case: from afar a whole side of a body is almost equally near, and every query opens most of its boxes.
Here queries share that work. Where a point is farther than some other from all queries of a box, it is left out; the
box is cut into smaller ones, and so on, until so few pairs are left that they are all compared.

Of two points p and o, |p − q|² − |o − q|² is linear in q: in a box of centre c and sides s it differs from its value
in the centre by at most Σ s·|p − o|. So p is left out where |p − c|² − |o − c|² > Σ s·|p − o|, for o nearest to c.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.shapes.elements import Points

_FEW_PAIRS = 1 << 20  # are compared: with fewer, threads would take more short steps, and wait for each other
_PART = 1 << 17  # of them at once
_WIDE = 0.5  # of the points' diagonal: from a box as wide, hardly any point is left out
_HALVED = 0.5  # of the longest side: what is as long is halved, too
_ROUNDING = np.float32(1e-5)  # of single precision, in which points are left out or kept
_STEP, _POINT, _PAIR = 1e-4, 5e-9, 1.5e-9  # seconds, measured

Indices = NDArray[np.intp]
Singles = NDArray[np.float32]


def narrow(queries: Points, points: Points, spacing: Floats, seconds: float) -> Indices:
    """For each query the nearest point, shape (queries,); -1 where finding it would have gone beyond these seconds.

    queries, points: voxel indices, shape (n, axes), n > 0. seconds: estimated, so that the answer is always the same.
    """
    axes = len(spacing)
    at = np.empty((axes, len(queries)))
    _place(queries, spacing, np.zeros(axes), at)
    origin = (at.min(axis=1) + at.max(axis=1)) / 2
    at -= origin[:, np.newaxis]
    beyond = np.empty((axes + 1, len(points)), dtype=np.float32)  # each point from the origin, and its square
    _place(points, spacing, origin, beyond)
    np.einsum("ij,ij->j", beyond[:-1], beyond[:-1], out=beyond[-1])
    wide = _WIDE * float(np.linalg.norm(np.ptp(beyond[:-1], axis=1)))
    nearest = np.full(len(queries), -1, dtype=np.intp)
    waiting = [(np.arange(len(queries)), at, np.arange(len(points)), beyond)]
    while waiting and seconds > 0:
        some, at, others, beyond = waiting.pop()
        low, high = at.min(axis=1), at.max(axis=1)
        centre, sides = (low + high) / 2, high - low
        longest = float(sides.max())
        few = not longest or some.size * others.size <= _FEW_PAIRS
        if few or math.sqrt(sides @ sides) < wide:
            seconds -= _STEP + _POINT * others.size
            kept = _nearest_of_box(beyond, centre, sides)
            others = others.take(kept)
            few = not longest or some.size * others.size <= _FEW_PAIRS
            beyond = beyond if few else beyond.take(kept, axis=1)
        if few:
            seconds -= _PAIR * some.size * others.size
            nearest[some] = others.take(_compare(at, points, others, spacing, origin, centre))
            continue
        cut = np.flatnonzero(sides >= _HALVED * longest)
        part = (1 << np.arange(cut.size)) @ (at[cut] > centre[cut, np.newaxis])
        order = np.argsort(part, kind="stable")
        some, at = some.take(order), at.take(order, axis=1)
        edges = np.searchsorted(part.take(order), np.arange((1 << cut.size) + 1)).tolist()
        parts = [slice(a, b) for a, b in pairwise(edges) if a < b]
        waiting += [(some[each], at[:, each], others, beyond) for each in parts]
    return nearest


def _place(indices: Points, spacing: Floats, origin: Floats, out: NDArray[Any], chosen: Indices | None = None) -> None:
    """Indices, or some of them, as places in mm from the origin; out: shape (axes, n)."""
    for axis, mm in enumerate(spacing.tolist()):
        along = indices[:, axis] if chosen is None else indices[:, axis].take(chosen)
        place = along * mm
        place -= origin[axis]
        out[axis] = place  # rounded last


def _nearest_of_box(beyond: Singles, centre: Floats, sides: Floats) -> Indices:
    """Which points may be the nearest of a query in the box."""
    # |p − c|² − |c|²: one product of a matrix and a vector.
    squared = np.array([*(-2 * centre), 1], dtype=np.float32) @ beyond
    first = int(squared.argmin())
    best, own = squared[first], np.float32(centre @ centre)
    limit = (math.sqrt(max(best + own, 0.0)) + math.sqrt(sides @ sides)) ** 2  # no nearest point is farther than this
    aside = beyond[:-1] - beyond[:-1, first, np.newaxis]
    np.abs(aside, out=aside)
    squared -= sides.astype(np.float32) @ aside
    return np.flatnonzero(squared <= best + _ROUNDING * (own + np.float32(limit)))


def _compare(at: Floats, points: Points, others: Indices, spacing: Floats, origin: Floats, centre: Floats) -> Indices:
    """Which of the other points is nearest to each query, by all distances; in double precision around the centre."""
    matrix = np.ones((at.shape[1], len(at) + 1))
    matrix[:, :-1] = -2 * (at - centre[:, np.newaxis]).T
    places = np.empty((len(at) + 1, len(others)))
    _place(points, spacing, origin + centre, places, others)
    np.einsum("ij,ij->j", places[:-1], places[:-1], out=places[-1])
    # Less the query's own square, which is the same for all points; a part at a time, which stays in the cache.
    rows = max(1, _PART // others.size)
    parts = [(matrix[k : k + rows] @ places).argmin(axis=1) for k in range(0, len(matrix), rows)]
    return np.concatenate(parts)

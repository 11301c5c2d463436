"""The nearest element within a few voxels, of many elements at once: a map of the others is looked at, place by place.

Of two segmentations that resemble each other nearly all elements are this near. Places are tried in the order of their
distance, so that the first hit is the nearest; a test of one place costs a nanosecond per element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.shapes.elements import Elements, Kinds, Positions, steps_of
from segeval.shapes.layers import Codes

Keys = NDArray[np.uint32]

_PLACES = 256  # at most: beyond, searching among the points costs less
_NONE = np.uint8(255)  # the number of no ring
_MANY = 1 << 11  # elements, from which a call for each place is worth it
_TOGETHER = 32  # places, of fewer elements, in one call: threads wait for each other between calls
# Seconds, measured. They choose the way, never the result.
_CALL, _TEST, _ELSEWHERE = 3e-6, 1.2e-9, 2e-6


class Rings(Struct, frozen=True):
    """The places around a voxel, nearest first.

    offsets: voxels along each axis, (places, axes), for each distance. mm: the distances. reach: the largest offsets.
    """

    offsets: tuple[Integers, ...]
    mm: Floats
    reach: tuple[int, ...]


class Near(Struct, frozen=True):
    """What was found.

    keys, counts: how many elements of a code and a kind are how near to the others; distinct, ascending :func:`_keys`.
    positions, codes, kinds: the elements that have none in reach.
    """

    keys: Keys
    counts: Integers
    positions: Positions
    codes: Codes
    kinds: Kinds | None


def first_key(code: int) -> int:
    """The lowest key of a code."""
    return code << 16


def rings_of(keys: Keys) -> NDArray[np.intp]:
    """The number of each key's ring."""
    return (keys >> np.uint32(8) & np.uint32(255)).astype(np.intp)


def kinds_of(keys: Keys) -> Kinds:
    """Each key's kind."""
    return keys.astype(np.uint8)


def rings(spacing_mm: Sequence[float], extent: Sequence[int]) -> Rings:
    """The nearest places, all up to some distance; none whose offset exceeds the extent (voxels along each axis)."""
    ascending = sorted(spacing_mm)
    volumes = (2.0, math.pi, 4 / 3 * math.pi)  # of the unit ball, by axes
    within = min(
        (_PLACES / volumes[axis] * math.prod(ascending[: axis + 1])) ** (1 / (axis + 1))
        for axis in range(len(ascending))
    )
    # More than enough for so many places; along an axis that is short, what is beyond its extent is nowhere.
    reach = [int(1.3 * within / mm) + 1 for mm in spacing_mm]
    return _rings(
        tuple(spacing_mm), tuple(reach), tuple(min(n, most + 1) for n, most in zip(extent, reach, strict=True))
    )


@lru_cache(maxsize=256)
def _rings(spacing_mm: tuple[float, ...], reach: tuple[int, ...], extent: tuple[int, ...]) -> Rings:
    spacing = np.array(spacing_mm)
    cut = [min(n, most) for n, most in zip(reach, extent, strict=True)]
    grid = np.meshgrid(*(np.arange(-n, n + 1) for n in cut), indexing="ij")
    offsets = np.stack([axis.reshape(-1) for axis in grid], axis=1)
    distances = np.sqrt(squared(offsets.T, spacing))
    # What lies outside the grid is at least so far away.
    edges = [(n + 1) * mm for n, mm, most in zip(cut, spacing_mm, extent, strict=True) if n < most]
    inside = distances < min(edges, default=math.inf)
    offsets, distances = offsets[inside], distances[inside]
    mm, ring, counts = np.unique(distances, return_inverse=True, return_counts=True)
    kept = min(max(1, int(np.searchsorted(np.cumsum(counts), _PLACES, side="right"))), int(_NONE))
    order = np.argsort(ring, kind="stable")
    parts = np.split(offsets[order], np.cumsum(counts)[:-1])[:kept]
    farthest = np.abs(np.concatenate(parts)).max(axis=0)
    return Rings(tuple(parts), mm[:kept], tuple(farthest.tolist()))


def squared(offsets: Sequence[Integers] | NDArray[np.integer], spacing: Floats) -> Floats:
    """Σ (offset·spacing)², the last axes first: every way to find a distance adds in one order."""
    total: Floats = (offsets[-1] * spacing[-1]) ** 2
    for offset, mm in zip(offsets[-2::-1], spacing[-2::-1], strict=True):
        total = total + (offset * mm) ** 2
    return total


def look_around(own: Elements, others: Elements, around: Rings, shape: Sequence[int]) -> Near:
    """How far elements are from the nearest of their code among the others.

    shape: of the block, which reaches as far beyond ``own`` as the rings do, and one voxel more.
    """
    steps = steps_of(shape)
    low = sum(step * n for step, n in zip(steps, around.reach, strict=True))
    # Counted from where the nearest place of a view of the map is, an element need not be moved to look elsewhere.
    left = [own.positions - low, own.codes, *([] if own.kinds is None else [own.kinds])]
    found = [np.empty(0, dtype=np.uint32)]
    ring = 0
    while ring < len(around.offsets):
        many = left[0].size > _MANY
        until = ring + 1 if many else _together(around, ring)
        jumps = [low + (offsets @ steps) for offsets in around.offsets[ring:until]]
        looks = sum(map(len, jumps)) * len(others.places)
        if looks * (_CALL + _TEST * left[0].size) > _ELSEWHERE * left[0].size:
            break
        look = _one_by_one if many else _at_once
        rings_hit = look(others.places, left[0], left[1], jumps, ring)
        hit = rings_hit != _NONE
        found.append(_keys(rings_hit.compress(hit), *(part.compress(hit) for part in left[1:])))
        np.logical_not(hit, out=hit)
        left = [part.compress(hit) for part in left]
        ring = until
    keys, counts = np.unique(np.concatenate(found), return_counts=True)
    return Near(keys, counts, left[0] + low, left[1], left[2] if left[2:] else None)


def _together(around: Rings, ring: int) -> int:
    """The ring up to which places are looked at in one call."""
    places = 0
    while ring < len(around.offsets) and places < _TOGETHER:
        places += len(around.offsets[ring])
        ring += 1
    return ring


def _one_by_one(
    places: Sequence[Codes], positions: Positions, codes: Codes, jumps: Sequence[Integers], ring: int
) -> NDArray[np.uint8]:
    """For each element the ring, if it has another of its code in this one: one call for each place."""
    hit = np.zeros(positions.size, dtype=np.bool_)
    for jump in jumps[0].tolist():
        for place in places:
            hit |= place[jump:].take(positions) == codes
    return np.where(hit, np.uint8(ring), _NONE)


def _at_once(
    places: Sequence[Codes], positions: Positions, codes: Codes, jumps: Sequence[Integers], ring: int
) -> NDArray[np.uint8]:
    """For each element the first of these rings that has another of its code, else ``_NONE``: one call for all."""
    numbers = np.repeat(np.arange(ring, ring + len(jumps), dtype=np.uint8), [len(each) for each in jumps])
    where = np.concatenate(jumps)[:, np.newaxis] + positions
    nearest = np.full(positions.size, _NONE)
    for place in places:
        hits = place.take(where) == codes
        np.minimum(nearest, np.where(hits, numbers[:, np.newaxis], _NONE).min(axis=0), out=nearest)
    return nearest


def _keys(numbers: NDArray[np.uint8], codes: Codes, kinds: Kinds | None = None) -> Keys:
    """Code, ring and kind as one number that sorts as they do."""
    key = codes.astype(np.uint32) << np.uint32(8)
    key |= numbers
    key <<= np.uint32(8)
    return key if kinds is None else key | kinds

"""The 95th percentile Hausdorff distances of many matches at once.

The boundary voxels of a match are marked in a small box; the boxes of many matches stand one behind the other, in a
tower, so that one look-up serves all of them. Each voxel on one boundary alone looks for the other at one offset after
the other, the nearest first: of instances that match, nearly all find it within a few looks, of a few nanoseconds each.
And a percentile is known once enough voxels have found theirs: nobody looks for the farthest. What resists is compared
with all of the other boundary (``far_points``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.shapes.counting import Points
from segeval.shapes.far_points import nearest_of_each_mm, ranges, squared_mm
from segeval.shapes.percentiles import Ranks
from segeval.volumes.memory import Need, require_memory

_OFFSETS = 256  # at which a voxel looks, at most
_VOXELS = 1 << 22  # of a tower, unless one box has more: a byte each, so that it stays in the processor's cache
_LIKE = 1.3  # by how much the sides of the boxes of one tower differ
_PER_VOXEL = 30  # bytes, measured
_PREDICTION, _REFERENCE = 1, 2

Ring = tuple[float, NDArray[np.int64]]
"""A distance in mm, and the offsets of that length, shape (offsets, axes)."""


class Matches(Struct, frozen=True):
    """Matches of instances in a box of this shape; instances and matches are numbered from 0.

    reference: of each match. predictions, owners: instances that belong to a match, and that match. boxes: around all
    of a match, from the box's first voxel; shape (matches, axes, 2).
    """

    shape: tuple[int, ...]
    reference: Integers
    predictions: Integers
    owners: Integers
    boxes: Integers

    def __len__(self) -> int:
        return len(self.boxes)


class _Marks(Struct, frozen=True):
    """Boundary voxels of one side in a tower: where they stand, and their match there."""

    places: NDArray[np.unsignedinteger]
    matches: NDArray[np.unsignedinteger]


def hd95_mm(
    points: tuple[list[Points], list[Points]], matches: Matches, spacing_mm: Sequence[float], threads: int = 1
) -> Floats:
    """Of each match, the distance of its predictions together from its reference, in mm.

    points: the boundary voxels of prediction and reference, whose lists are emptied; those of a match's predictions
    must be the boundary of all of them together. Raises NotEnoughMemory.
    """
    found = np.empty(len(matches))
    if not len(matches):
        return found
    voxels = sum(len(part.positions) for side in points for part in side)
    words = f"measuring the distances of {len(matches)} matches"
    require_memory("instances", Need(_PER_VOXEL * voxels, words, "leave instance_hd95 out"))
    around = rings(tuple(spacing_mm))
    reach = [int(most) for most in np.abs(np.concatenate([offsets for _, offsets in around])).max(axis=0)]
    plan = _Plan(matches, reach)
    sides = [
        plan.spread(side, _Owners(instances, owners))
        for side, instances, owners in (
            (points[0], matches.predictions, matches.owners),
            (points[1], matches.reference, np.arange(len(matches))),
        )
    ]

    def measure(tower: int) -> None:
        prediction, reference = (_joined(side[tower]) for side in sides)
        built = _Tower(plan.shapes[tower], len(plan.groups[tower]), prediction, reference)
        found[plan.groups[tower]] = built.hd95_mm(around, np.asarray(spacing_mm, dtype=np.float64))

    towers = range(len(plan.groups))
    if threads <= 1:
        list(map(measure, towers))
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(measure, towers))
    return found


class _Owners:
    """The matches of each instance, of which there may be none, or several."""

    def __init__(self, instances: Integers, matches: Integers) -> None:
        order = np.argsort(instances, kind="stable")
        self._matches = matches[order].astype(np.int32)
        self._times = np.bincount(instances)
        self._first = np.cumsum(self._times) - self._times
        self._once = self._times.max(initial=0) <= 1

    def of(self, part: Points) -> tuple[NDArray[Any], NDArray[np.int32]]:
        """Positions, each as often as it has a match, and the matches."""
        instances = part.instances()
        known = np.flatnonzero((instances >= 0) & (instances < len(self._times)))
        instances = instances.take(known)
        each = self._times.take(instances)
        if self._once:
            there = np.flatnonzero(each)
            return part.positions.take(known.take(there)), self._matches.take(self._first.take(instances.take(there)))
        matches = self._matches.take(ranges(self._first.take(instances), each))
        return part.positions.take(np.repeat(known, each)), matches


class _Plan:
    """Where the boxes of the matches stand."""

    def __init__(self, matches: Matches, reach: Sequence[int]) -> None:
        self._sides = matches.shape[:-1]
        count, axes = len(matches), len(matches.shape)
        self.groups = _groups(matches.boxes, reach)
        self.shapes: list[tuple[int, ...]] = []
        self._tower = np.empty(count, dtype=np.min_scalar_type(len(self.groups)))
        self._number = np.empty(count, dtype=np.uint32)
        self._shift = np.empty(count, dtype=np.int64)  # of a flat position in the tower, by match
        self._steps = np.empty((axes, count), dtype=np.int64)
        for tower, group in enumerate(self.groups):
            low, sides = matches.boxes[group][..., 0], np.diff(matches.boxes[group])[..., 0]
            behind = np.cumsum(sides[:, -1] + reach[-1])
            start = np.broadcast_to(np.array(reach), low.shape).copy()
            start[:, -1] = behind - sides[:, -1]
            # A plane more: the last box has margins behind its last line and plane, too.
            shape = (*(sides[:, :-1].max(axis=0) + reach[:-1]).tolist(), int(behind[-1]) + reach[-1] + 1)
            steps = np.array([math.prod(shape[:axis]) for axis in range(axes)])
            self.shapes.append(shape)
            self._tower[group], self._number[group] = tower, np.arange(len(group))
            self._shift[group], self._steps[:, group] = (start - low) @ steps, steps[:, np.newaxis]

    def spread(self, parts: list[Points], owners: _Owners) -> list[list[_Marks]]:
        """What stands in each tower; the list of parts is emptied on the way."""
        found: list[list[_Marks]] = [[] for _ in self.groups]
        while parts:
            positions, matches = owners.of(parts.pop())
            towers = self._tower.take(matches)
            order = np.argsort(towers, kind="stable")  # of small integers: linear
            matches = matches.take(order)
            places = self._places(positions.take(order), matches).astype(np.uint32)
            numbers = self._number.take(matches)
            counts = np.bincount(towers)
            stops = np.cumsum(counts)
            for tower in np.flatnonzero(counts).tolist():
                own = slice(stops[tower] - counts[tower], stops[tower])
                found[tower].append(_Marks(places[own], numbers[own]))
        return found

    def _places(self, positions: NDArray[Any], matches: NDArray[np.int32]) -> Integers:
        rest = positions.astype(np.int64)
        places = self._shift.take(matches)
        for size, steps in zip(self._sides, self._steps, strict=False):
            further = rest // size
            rest -= further * size
            places += rest * steps.take(matches)
            rest = further
        places += rest * self._steps[-1].take(matches)
        return places


def _joined(parts: list[_Marks]) -> _Marks:
    places, matches = zip(*((part.places, part.matches) for part in parts), strict=True)
    parts.clear()
    return _Marks(np.concatenate(places).astype(np.int64), np.concatenate(matches).astype(np.int64))


def _groups(boxes: Integers, reach: Sequence[int]) -> list[Integers]:
    """The matches of each tower: boxes of like sides, as many as fit."""
    sides = boxes[..., 1] - boxes[..., 0]
    like = np.ceil(np.log(sides[:, :-1].max(axis=1)) / math.log(_LIKE)).astype(np.int64)
    found = []
    for level in np.flatnonzero(np.bincount(like)).tolist():
        members = np.flatnonzero(like == level)
        plane = math.prod((sides[members, :-1].max(axis=0) + reach[:-1]).tolist())
        height = np.cumsum(sides[members, -1] + reach[-1])
        found += np.split(members, np.flatnonzero(np.diff(height * plane // _VOXELS)) + 1)
    return found


class _Tower:
    """The boxes of some matches, one behind the other along the last axis, with a byte for each voxel.

    Between two boxes, lines and planes lies a margin as wide as an offset reaches.
    """

    def __init__(self, shape: tuple[int, ...], count: int, prediction: _Marks, reference: _Marks) -> None:
        self._shape, self._count = shape, count
        self._steps = np.array([math.prod(shape[:axis]) for axis in range(len(shape))])
        self._places = [prediction.places, reference.places]
        self._matches = [prediction.matches, reference.matches]
        self._flags = np.zeros(math.prod(shape), dtype=np.uint8)
        self._flags[prediction.places] = _PREDICTION
        self._flags[reference.places] |= _REFERENCE

    def hd95_mm(self, around: Sequence[Ring], spacing: Floats) -> Floats:
        """Of each match."""
        there, back = (self._directed(side, around, spacing) for side in (0, 1))
        return np.maximum(there, back)

    def _directed(self, side: int, around: Sequence[Ring], spacing: Floats) -> Floats:
        """The percentile of the distances of one side's voxels from the other's."""
        wanted = (_REFERENCE, _PREDICTION)[side]
        places, matches = self._places[side], self._matches[side]
        ranks = Ranks(np.bincount(matches, minlength=self._count))
        found = (self._flags.take(places) & wanted) != 0
        ranks.take_in(0.0, matches[found])
        for mm, offsets in around:
            left = np.flatnonzero(~found & ranks.open().take(matches))
            if not left.size:
                return ranks.percentiles()
            places, matches = places.take(left), matches.take(left)
            flags = np.zeros(left.size, dtype=np.uint8)
            for step in (offsets @ self._steps).tolist():
                flags |= self._flags.take(places + step)
            found = (flags & wanted) != 0
            ranks.take_in(mm, matches[found])
        left = np.flatnonzero(~found & ranks.open().take(matches))
        if left.size:
            places, matches = places.take(left), matches.take(left)
            ranks.take_the_rest(self._far_mm(1 - side, places, matches, spacing), matches)
        return ranks.percentiles()

    def _far_mm(self, side: int, places: NDArray[Any], matches: NDArray[Any], spacing: Floats) -> Floats:
        """From voxels of one side to the nearest of this, the other one, of the same match."""
        asked = np.bincount(matches, minlength=self._count) > 0
        there = np.flatnonzero(asked.take(self._matches[side]))
        parts = []
        for own, of in ((places, matches), (self._places[side].take(there), self._matches[side].take(there))):
            order = np.lexsort((own, of))
            indices = np.stack(np.unravel_index(own.take(order), self._shape[::-1]), axis=1).astype(np.int32)
            parts.append((order, indices, np.bincount(of, minlength=self._count)))
        (asking, queries, number), (_, points, partners) = parts
        found = np.empty(len(places))
        found[asking] = nearest_of_each_mm(queries, points, number, partners, spacing[::-1])
        return found


@cache
def rings(spacing_mm: tuple[float, ...]) -> list[Ring]:
    """The nearest offsets but none, in ascending order."""
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    axes = len(spacing_mm)
    volume = _OFFSETS * math.prod(spacing_mm) * 2  # of a cube in which there are more
    most = (volume ** (1 / axes) / 2 / spacing).astype(np.int64) + 1
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most.tolist()), indexing="ij"), axis=-1)
    offsets = grid.reshape(-1, axes)
    mm = squared_mm(offsets[:, ::-1], spacing[::-1])
    # What lies beyond the cube may be nearer than its corners are.
    whole = np.flatnonzero((mm > 0) & (mm < ((most + 1) * spacing).min() ** 2))
    order = whole[np.argsort(mm[whole], kind="stable")][:_OFFSETS]
    distances, starts = np.unique(mm[order], return_index=True)
    groups = np.split(offsets[order], starts[1:])
    last = len(groups) - (len(order) < len(whole))  # the last ring may be cut
    return list(zip(np.sqrt(distances).tolist(), groups, strict=True))[:last]

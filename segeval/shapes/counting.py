"""One pass over two maps: the instances of all targets that do not overlap, what they share, and their boundaries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.boxes import Box, lengths_of, marked
from segeval.kernels.held_labels import Held
from segeval.shapes.coding import Codes, Coding
from segeval.shapes.facts import Facts, Sums
from segeval.shapes.pairs import Pairs, counted
from segeval.shapes.runs import Runs, changes_along
from segeval.shapes.slabs import Numbering, Slab, slabs_of


class LabelMap(Struct, frozen=True):
    """A label map in two or three dimensions, ``shape``; the others that it is kept with are one voxel wide."""

    held: Held
    shape: tuple[int, ...]

    def planes(self, first: int, behind: int) -> NDArray[Any]:
        """Some planes along the last axis, in Fortran order."""
        plane = math.prod(self.shape[:-1])
        return self.held.part(first * plane, behind * plane).reshape((*self.shape[:-1], behind - first), order="F")


class CodedMap(Struct, frozen=True):
    """A box of a label map, and what is looked for in it.

    ignored: the reference map and the value whose voxels belong to nothing.
    """

    labels: LabelMap
    box: Box
    coding: Coding
    ignored: tuple[LabelMap, int] | None = None

    def codes(self, start: int, behind: int) -> Codes:
        """Of some planes of the box, in Fortran order."""
        planes = self.box[-1].start + start, self.box[-1].start + behind
        codes = self.coding.encode(self.labels.planes(*planes)[self.box[:-1]])
        if self.ignored is not None:
            reference, value = self.ignored
            codes = codes * (reference.planes(*planes)[self.box[:-1]] != value)
        return codes


class Points(Struct, frozen=True):
    """Boundary voxels of a slab, flat positions in the box in Fortran order, and the number of each, from 0.

    A boundary voxel has a face-neighbour of another instance or of none; beyond the volume there is none.
    """

    positions: NDArray[np.unsignedinteger]
    numbers: NDArray[np.unsignedinteger]
    before: int
    instance: NDArray[np.int32]

    def instances(self) -> NDArray[np.int32]:
        """Of each voxel, from 0; -1 for what belongs to no target."""
        return self.instance[self.before :].take(self.numbers)


class Counted(Struct, frozen=True):
    """The instances of prediction and reference in a box of this shape, by target, then as ``count_instances`` says.

    targets: of each, its place among the targets. pairs: those of one target that share voxels. points: None where
    they were not asked for.
    """

    shape: tuple[int, ...]
    prediction: Facts
    reference: Facts
    targets: tuple[Integers, Integers]
    pairs: Pairs
    points: tuple[list[Points], list[Points]] | None


def count_instances(
    prediction: CodedMap,
    reference: CodedMap,
    connectivity: int | None = None,
    *,
    given: bool = False,
    boundaries: bool = False,
) -> Counted:
    """The instances of two maps in one box.

    Either the connected components of voxels of one code, called 1, 2, … within a target in the order of their first
    voxels in memory; or, with ``given``, the voxels of each code, called what the map stores, in ascending order.
    """
    shape = tuple(side.stop - side.start for side in prediction.box)
    sides = [
        _Side(coded, shape, None if given else Numbering(len(shape), connectivity)) for coded in (prediction, reference)
    ]
    shared: list[Integers] = []
    for slab in slabs_of(shape):
        lines = np.bitwise_or(*(side.look_at(slab, boundaries) for side in sides))
        if any(side.occupied for side in sides):
            shared += _add_runs(slab, shape, lines, sides)
    found = [side.finish() for side in sides]
    (facts_p, targets_p, place_p), (facts_r, targets_r, place_r) = found
    p, r, voxels = np.concatenate((np.zeros((3, 0), np.int64), *shared), axis=1)
    p, r = place_p[p], place_r[r]
    ours = np.flatnonzero((p >= 0) & (r >= 0))
    p, r, voxels = p[ours], r[ours], voxels[ours]
    ours = targets_p[p] == targets_r[r]
    pairs = Pairs(*counted(r[ours], p[ours], voxels[ours]))
    points = (sides[0].points(place_p), sides[1].points(place_r)) if boundaries else None
    return Counted(shape, facts_p, facts_r, (targets_p, targets_r), pairs, points)


class _Side:
    """One of the maps, slab by slab."""

    def __init__(self, coded: CodedMap, shape: tuple[int, ...], numbering: Numbering | None) -> None:
        self._coded, self._shape, self._numbering = coded, shape, numbering
        self._plane = math.prod(shape[:-1])
        self._sums = Sums(len(shape))
        self._points: list[tuple[NDArray[Any], NDArray[Any], int]] = []
        self._position = np.min_scalar_type(math.prod(shape))
        self.occupied = False
        self.codes: Codes = np.zeros(0, np.uint8)
        self.numbers: NDArray[Any] = self.codes
        self.before = 0

    def look_at(self, slab: Slab, boundaries: bool) -> NDArray[np.bool_]:
        """Numbers for what is there; where the slab's own runs begin."""
        further = 1 if boundaries and slab.behind < self._shape[-1] else 0
        codes = self._coded.codes(slab.start, slab.behind + further)
        flat = codes.ravel(order="F")
        looked_at = (slab.behind - slab.start) * self._plane
        own = slice((slab.first - slab.start) * self._plane, looked_at)
        changes = changes_along(flat, codes.shape, 0)
        self.occupied = bool(flat[:looked_at].any())
        self.codes = flat[own]
        if self.occupied:
            if self._numbering is None:
                numbers, self.before = flat, 0
            else:
                numbers, self.before = self._numbering.number(codes[..., : slab.behind - slab.start])
            self.numbers = numbers[own]
            if boundaries:
                here = marked(boundary_of(flat, codes.shape, changes)[own])
                there = (here + slab.first * self._plane).astype(self._position)
                self._points.append((there, _narrow(self.numbers.take(here) - 1), self.before))
        elif self._numbering is not None:
            self._numbering.skip()
        return changes[own]

    def add(self, runs: Runs, starts: Integers, numbers: NDArray[Any]) -> None:
        """The slab's runs; starts: in the slab. numbers: at the starts."""
        there = np.flatnonzero(numbers)
        self._sums.add(runs.some(there), numbers.take(there) - 1, self.codes.take(starts.take(there)), self.before)

    def finish(self) -> tuple[Facts, Integers, Integers]:
        """(The instances, their targets, by number the instance or -1)."""
        coding = self._coded.coding
        instance = np.arange(coding.target.size - 1) if self._numbering is None else self._numbering.components()
        total = self._sums.by_instance(instance)
        targets = np.where(total.voxels > 0, coding.target[total.codes], -1)
        order = np.lexsort((total.codes if self._numbering is None else total.first, targets))
        order = order[np.searchsorted(targets[order], 0) :]
        place = np.full(len(targets), -1)
        place[order] = np.arange(len(order))
        total, targets = total.some(order, order), targets[order]
        if self._numbering is None:
            ids = coding.value[total.codes]
        else:
            ids = np.arange(1, len(order) + 1) - np.searchsorted(targets, targets)
        origin = tuple(side.start for side in self._coded.box)
        return total.facts(ids, origin), targets, place[instance]

    def points(self, place: Integers) -> list[Points]:
        """The boundary voxels of each slab; place: by number, the instance or -1."""
        instance = place.astype(np.int32)
        return [Points(*part, instance) for part in self._points]


def _add_runs(slab: Slab, shape: tuple[int, ...], lines: NDArray[np.bool_], sides: Sequence[_Side]) -> list[Integers]:
    """Add up the runs of a slab that lie in an instance; the numbers that share voxels, and how many: (3, pairs)."""
    starts = marked(lines)
    lengths = lengths_of(starts, lines.size)
    p, r = (side.numbers.take(starts) if side.occupied else np.zeros(starts.size, np.uint8) for side in sides)
    inside = np.flatnonzero(p | r)
    starts, lengths, p, r = starts.take(inside), lengths.take(inside), p.take(inside), r.take(inside)
    runs = Runs(shape, starts + slab.first * math.prod(shape[:-1]), lengths)
    for side, numbers in zip(sides, (p, r), strict=True):
        if side.occupied:
            side.add(runs, starts, numbers)
    both = np.flatnonzero(np.minimum(p, r))
    if not both.size:
        return []
    p, r, voxels = counted(p.take(both).astype(np.int64) - 1, r.take(both).astype(np.int64) - 1, lengths.take(both))
    return [np.stack((p + sides[0].before, r + sides[1].before, voxels))]


def boundary_of(flat: Codes, shape: tuple[int, ...], changes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which voxels of a slab are boundary voxels, as if nothing lay around it. changes: along the first axis."""
    edges: NDArray[np.bool_] = flat != 0
    on_edge = changes.copy()
    for axis in range(len(shape)):
        step = math.prod(shape[:axis])
        if axis:
            changes = changes_along(flat, shape, axis)
            on_edge |= changes
        on_edge[: flat.size - step] |= changes[step:]
        on_edge[flat.size - step :] = True
    edges &= on_edge
    return edges


def _narrow(numbers: NDArray[Any]) -> NDArray[Any]:
    """In as few bytes as they take."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))

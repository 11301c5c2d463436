"""The components of a volume that is looked at region by region, in any order, by anybody.

A region is a box of voxels. Its components are numbered and added up by themselves; of where they lie, only the rim of
the region is kept, as runs. Where regions meet, components that touch across a face, an edge or a corner become one,
and what all regions around a place have said is dropped. All numbers are integers, so that the order changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.boxes import Box, lengths_of, marked
from segeval.shapes.components import numbered
from segeval.shapes.facts import Summed, Sums
from segeval.shapes.pairs import Pairs, counted
from segeval.shapes.rims import Rim, Rims, cells_between, cells_within, meeting, regions_at, rims_of
from segeval.shapes.runs import Runs, changes_along
from segeval.shapes.slabs import joined

_REACH: Mapping[int | None, int] = {4: 1, 6: 1, 8: 2, 18: 2, 26: 3}


_Numbers = tuple[NDArray[np.unsignedinteger], NDArray[np.integer]]
"""By voxel a number, in Fortran order; by number the component, from 1, or 0 for none."""


class Search(Struct, frozen=True):
    """What is looked for in every region.

    shape: of the volume, two or three axes. connectivity: of components, all neighbours by default; given: each value
    is one instead. cells: count them for the Euler characteristic. equal_pairs: pairs of one value alone.
    """

    shape: tuple[int, ...]
    connectivity: int | None = None
    given: bool = False
    cells: bool = False
    equal_pairs: bool = False

    @property
    def reach(self) -> int:
        """Along how many axes neighbours may differ."""
        return _REACH.get(self.connectivity, len(self.shape))


class CodedBox(Struct, frozen=True):
    """What is looked for in a box: a small number per voxel, in Fortran order, 0 for none; values: by number, int64."""

    codes: NDArray[np.unsignedinteger]
    values: Integers


class Region(Struct, frozen=True):
    """One label map in one or more regions.

    components: numbered from 0; their ``codes`` are the values, and their places those in the volume. rims: where
    regions are yet to come. cells: by value, what the cells that lie in the regions or between them count.
    """

    components: Summed
    rims: Rims
    cells: Mapping[int, int]

    @property
    def codes(self) -> Integers:
        """By number; 0 last."""
        return np.append(self.components.codes, 0)


class RegionPair(Struct, frozen=True):
    """Both label maps in the same regions, and which of their components share voxels."""

    prediction: Region
    reference: Region
    pairs: Pairs


def count_region(prediction: CodedBox, reference: CodedBox, box: Box, search: Search) -> RegionPair:
    """What a region holds. Raises UsageError for a connectivity of other dimensions."""
    (ours, p, p_lines), (theirs, r, r_lines) = (_region(side, box, search) for side in (prediction, reference))
    starts = marked(p_lines | r_lines)
    lengths = lengths_of(starts, p_lines.size)
    at_p, at_r = (component.take(numbers.ravel(order="F").take(starts)) for numbers, component in (p, r))
    both = np.flatnonzero(np.minimum(at_p, at_r))
    i, j, lengths = at_r[both].astype(np.int64) - 1, at_p[both].astype(np.int64) - 1, lengths[both]
    if search.equal_pairs:
        same = np.flatnonzero(theirs.components.codes[i] == ours.components.codes[j])
        i, j, lengths = i[same], j[same], lengths[same]
    return RegionPair(ours, theirs, Pairs(*counted(i, j, lengths)))


def join(one: RegionPair, other: RegionPair, search: Search) -> RegionPair:
    """Both together; they have no region in common."""
    (prediction, p), (reference, r) = (
        _joined(a, b, search) for a, b in ((one.prediction, other.prediction), (one.reference, other.reference))
    )
    behind = len(one.prediction.components.codes), len(one.reference.components.codes)
    ours = np.concatenate((one.pairs.prediction, other.pairs.prediction + behind[0]))
    theirs = np.concatenate((one.pairs.reference, other.pairs.reference + behind[1]))
    voxels = np.concatenate((one.pairs.voxels, other.pairs.voxels))
    return RegionPair(prediction, reference, Pairs(*counted(r[theirs], p[ours], voxels)))


def _region(side: CodedBox, box: Box, search: Search) -> tuple[Region, _Numbers, NDArray[np.bool_]]:
    """(The region, its numbers, and where its runs begin)."""
    codes = side.codes
    numbers, component = _numbers(side, search)
    flat = codes.ravel(order="F")
    lines = changes_along(flat, codes.shape, 0)
    starts = marked(lines)
    own = component.take(numbers.ravel(order="F").take(starts))
    there = np.flatnonzero(own)
    runs = Runs(codes.shape, starts, lengths_of(starts, flat.size)).some(there)
    sums = Sums(codes.ndim)
    sums.add(runs, own.take(there) - 1, flat.take(starts.take(there)), 0)
    found = sums.by_instance(np.arange(int(own.max(initial=0))))
    cells = cells_within(codes, len(side.values)) if search.cells else np.zeros(0, np.int64)
    rims: Rims = {}
    if not search.given:
        rims = rims_of(
            lambda part: component.take(numbers[part]), box, search.shape, search.reach, all_places=search.cells
        )
    region = Region(
        replace(_in_volume(found, box, search.shape), codes=side.values[found.codes]),
        rims,
        {int(side.values[code]): int(cells[code]) for code in np.flatnonzero(cells)},
    )
    return _settled(region, search), (numbers, component), lines


def _numbers(side: CodedBox, search: Search) -> _Numbers:
    if search.given or len(side.values) == 1:
        return side.codes, np.arange(len(side.values))
    return numbered(side.codes, search.connectivity)


def _in_volume(found: Summed, box: Box, shape: tuple[int, ...]) -> Summed:
    """With the places that they have in the volume."""
    start = np.array([side.start for side in box])[:, np.newaxis]
    rest, first = found.first, np.zeros_like(found.first)
    for axis, side in enumerate(box):
        size = side.stop - side.start
        first += (rest % size + side.start) * math.prod(shape[:axis])
        rest = rest // size
    return replace(
        found,
        positions=found.positions + start * found.voxels,
        low=found.low + start,
        high=found.high + start,
        first=first,
    )


def _joined(one: Region, other: Region, search: Search) -> tuple[Region, Integers]:
    """(Both, what the numbers of one, then those of the other, have become)."""
    behind, count = len(one.components.codes), len(one.components.codes) + len(other.components.codes)
    codes = one.codes, other.codes
    if search.given:
        _, number = np.unique(np.concatenate((codes[0][:-1], codes[1][:-1])), return_inverse=True)
    else:
        number = joined(count, meeting(one.rims, other.rims, codes, search.reach))
    total = Summed.nothing(int(number.max(initial=-1)) + 1, len(search.shape))
    total.join(one.components, number[:behind])
    total.join(other.components, number[behind:])
    rims = together(one.rims, other.rims, (np.append(number[:behind], -1), np.append(number[behind:], -1)))
    return _settled(Region(total, rims, _added(one.cells, other.cells)), search), number


def together(one: Rims, other: Rims, numbers: tuple[Integers, Integers]) -> Rims:
    """What both know, by place; numbers: what those of each have become, -1 last."""
    found: dict[tuple[tuple[int, int], ...], tuple[Rim, ...]] = {}
    for rims, number in zip((one, other), numbers, strict=True):
        for place, known in rims.items():
            found[place] = (*found.get(place, ()), *(rim.renumbered(number) for rim in known))
    return found


def _settled(region: Region, search: Search) -> Region:
    """Without the rims of places of which all is known; their cells are counted."""
    rims, cells, codes = {}, region.cells, region.codes
    for place, known in region.rims.items():
        if len(known) < regions_at(place, search.shape):
            rims[place] = known
        elif search.cells:
            cells = _added(cells, cells_between(place, known, codes))
    return replace(region, rims=rims, cells=cells)


def _added(one: Mapping[int, int], other: Mapping[int, int]) -> Mapping[int, int]:
    total = dict(one)
    for value, count in other.items():
        total[value] = total.get(value, 0) + count
    return total

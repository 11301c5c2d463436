"""What a mask encloses, counted region by region: components of what is not in the mask, but for the one outside.

The background has neighbours across faces alone (6), in three dimensions, and outside the volume there is background. A
region without the mask is background as a whole, and says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers, Mask
from segeval.kernels.boxes import Box
from segeval.shapes.components import numbered
from segeval.shapes.regions import together
from segeval.shapes.rims import Part, Rims, around, meeting, rims_of
from segeval.shapes.slabs import joined

_FACES = 6
_NONE = np.zeros((2, 0), dtype=np.int64)


class Background(Struct, frozen=True):
    """The background of one mask in the regions that hold some of the mask: components, and the faces that are open.

    corners: where these regions begin.
    """

    count: int
    rims: Rims
    corners: frozenset[tuple[int, ...]]


def background_of(mask: Mask, box: Box, shape: Sequence[int]) -> Background:
    """In one region. mask: in three dimensions, of the region, not empty."""
    inside = _around(mask)
    part = np.asfortranarray(~mask[inside])
    numbers, component = numbered(part.view(np.uint8), _FACES)
    count = int(component.max())
    open_faces = [
        component.take(numbers[tuple(end if a == axis else slice(None) for a in range(3))])
        for axis, side in enumerate(inside)
        for end, inner in ((0, side.start > 0), (-1, side.stop < mask.shape[axis]))
        if inner
    ]
    outside = np.unique(np.concatenate([face.ravel() for face in open_faces])) if open_faces else np.zeros(0, np.int64)
    same = np.stack((np.full(outside.size, count, np.int64), outside.astype(np.int64) - 1))
    number = joined(count + (1 if open_faces else 0), same)
    own = np.append(0, number[:count] + 1)[component]

    def face(plane: Part) -> NDArray[Any]:
        """Of the region: what lies around the mask, within what is one component."""
        (axis,) = (axis for axis, end in enumerate(plane) if isinstance(end, int))
        sizes = [size for a, size in enumerate(mask.shape) if a != axis]
        found = np.full(sizes, number[-1] + 1 if open_faces else 0, order="F")
        inner = inside[axis].start == 0 if plane[axis] == 0 else inside[axis].stop == mask.shape[axis]
        if inner:
            found[tuple(side for a, side in enumerate(inside) if a != axis)] = own.take(numbers[plane])
        return found

    rims = rims_of(face, box, shape, 1, all_places=True)
    return Background(int(number.max(initial=-1)) + 1, rims, frozenset({tuple(side.start for side in box)}))


def join_backgrounds(one: Background, other: Background) -> Background:
    """Of one mask in two sets of regions."""
    ours, theirs = (np.append(np.ones(each.count, np.int64), 0) for each in (one, other))
    number = joined(one.count + other.count, meeting(one.rims, other.rims, (ours, theirs), reach=1))
    rims = together(one.rims, other.rims, (np.append(number[: one.count], -1), np.append(number[one.count :], -1)))
    left = {place: known for place, known in rims.items() if len(known) < 2}
    return Background(int(number.max(initial=-1)) + 1, left, one.corners | other.corners)


def join_all(one: Mapping[int, Background], other: Mapping[int, Background]) -> dict[int, Background]:
    """By value."""
    found = dict(one)
    for value, background in other.items():
        found[value] = join_backgrounds(found[value], background) if value in found else background
    return found


def cavities(found: Background, edges: Sequence[Integers]) -> int:
    """How many there are, once all regions are together.

    edges: along each axis where regions begin, ascending, and where the volume ends.
    """
    cells = np.array(
        [
            [np.searchsorted(along, at) for along, at in zip(edges, corner, strict=True)]
            for corner in sorted(found.corners)
        ]
    )
    low = cells.min(axis=0) - 1
    absent = np.ones(cells.max(axis=0) - low + 2, dtype=np.bool_, order="F")
    absent[tuple((cells - low).T)] = False
    numbers, component = numbered(absent.view(np.uint8), _FACES)
    regions = component.take(numbers)
    same = [_NONE]
    for place, known in found.rims.items():
        (axis,) = (axis for axis, (first, behind) in enumerate(place) if first == behind)
        at = [int(np.searchsorted(along, first)) for along, (first, _) in zip(edges, place, strict=True)]
        if known[0].sides[0] > 0:
            at[axis] -= 1  # the region lies behind the plane, and its neighbour in front of it
        beyond = int(regions[tuple(np.array(at) - low)]) - 1 + found.count
        here = np.unique(known[0].numbers)
        here = here[here >= 0]
        same.append(np.stack((here, np.full(here.size, beyond, np.int64))))
    total = joined(found.count + int(regions.max()), np.concatenate(same, axis=1))
    return int(total.max())


def _around(mask: Mask) -> Box:
    """A box around the mask and a voxel more, beyond which a region's voxels are one component, or the whole region."""
    sides = around(mask)
    spanned = [side.start == 0 and side.stop == size for side, size in zip(sides, mask.shape, strict=True)]
    whole = tuple(slice(0, size) for size in mask.shape)
    if sum(spanned) == mask.ndim - 1:
        return whole  # it may be a wall between two sides
    return sides


def edges_of(boxes: Sequence[Box]) -> list[Integers]:
    """Where boxes that cover a volume begin, along each axis, and where it ends."""
    return [
        np.unique([end for box in boxes for end in (box[axis].start, box[axis].stop)]) for axis in range(len(boxes[0]))
    ]

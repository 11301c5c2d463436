"""Instances and topology of two label maps that are counted box by box: what is looked for, and what a box holds.

Everything adds over boxes, in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.cases.region_plan import Layer, Plan, among
from segeval.kernels.boxes import Box, Boxes, enclosing, lengths_of, marked
from segeval.shapes.cavities import Background, background_of, join_all
from segeval.shapes.near import Near, add_near, near
from segeval.shapes.regions import CodedBox, RegionPair, count_region, join
from segeval.volumes.memory import Need, require_memory

_PER_COMPONENT, _PER_SHARED = 250, 100  # bytes of what is joined, and of the work on it


Sides = tuple[Mapping[int, Box], Mapping[int, Box]]


class FoundRegions(Struct, frozen=True):
    """What some boxes hold, by layer of the plan.

    backgrounds: of prediction and reference, by value. hidden: likewise, the boxes of values where the reference is
    ignored. near: distances, likewise by value.
    """

    plan: Plan
    pairs: tuple[Mapping[str, RegionPair], ...]
    backgrounds: tuple[tuple[Mapping[int, Background], Mapping[int, Background]], ...]
    hidden: Sides
    near: tuple[Near, ...]

    def __add__(self, other: FoundRegions) -> FoundRegions:
        _require_room([*self.pairs, *other.pairs])
        pairs = [
            {name: join(one[name], two[name], search) for name, search in self.plan.searches(layer).items()}
            for layer, one, two in zip(self.plan.layers, self.pairs, other.pairs, strict=True)
        ]
        backgrounds = [
            (join_all(one[0], two[0]), join_all(one[1], two[1]))
            for one, two in zip(self.backgrounds, other.backgrounds, strict=True)
        ]
        hidden = _enclosed(self.hidden[0], other.hidden[0]), _enclosed(self.hidden[1], other.hidden[1])
        near = tuple(add_near(one, two) for one, two in zip(self.near, other.near, strict=True))
        return FoundRegions(self.plan, tuple(pairs), tuple(backgrounds), hidden, near)


def _require_room(found: Sequence[Mapping[str, RegionPair]]) -> None:
    """Raises NotEnoughMemory where these components are too many to be joined."""
    pairs = [pair for layer in found for pair in layer.values()]
    components = sum(len(side.components.codes) for pair in pairs for side in (pair.prediction, pair.reference))
    shared = sum(len(pair.pairs.voxels) for pair in pairs)
    words = f"joining {components:,} components and {shared:,} pairs of them"
    instead = "leave instances and topology out of --metrics"
    require_memory("components", Need(_PER_COMPONENT * components + _PER_SHARED * shared, words, instead))


def find_in(plan: Plan, box: Box, prediction: NDArray[Any], reference: NDArray[Any]) -> FoundRegions:
    """What a box of two label maps holds. prediction, reference: of ``plan.around`` it, flat, in Fortran order."""
    distances = tuple(_near(plan, layer, box, prediction, reference) for layer in plan.layers)
    if plan.reach is not None:
        prediction, reference = (within(side, plan.around(box), box) for side in (prediction, reference))
    box = tuple(box[axis] for axis in plan.axes)
    shape = tuple(side.stop - side.start for side in box)
    counted = None if plan.ignore is None else ~among(reference, (plan.ignore,))
    pairs, backgrounds = [], []
    for layer in plan.layers:
        single = layer.of_labels
        found: dict[str, RegionPair] = {}
        masks: list[dict[int, Background]] = [{}, {}]
        coded: dict[bool, tuple[CodedBox, CodedBox]] = {}
        for name, search in plan.searches(layer).items():
            kept = single or search.given
            if kept not in coded:
                p, r = (_coded(side, layer, counted, shape, by_value=kept) for side in (prediction, reference))
                coded[kept] = p, r
            found[name] = count_region(*coded[kept], box, search)
        if plan.cavities:
            for side, each in zip(coded[single], masks, strict=True):
                codes = range(1, len(side.values))
                each |= {int(side.values[k]): background_of(side.codes == k, box, plan.shape) for k in codes}
        pairs.append(found)
        backgrounds.append((masks[0], masks[1]))
    hidden: Sides = ({}, {})
    if counted is not None and not counted.all():
        hidden = _boxes_of(prediction, ~counted, box), _boxes_of(reference, ~counted, box)
    return FoundRegions(plan, tuple(pairs), tuple(backgrounds), hidden, distances)


def flat(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """All in one; one value where they are that, as where nothing is stored."""
    first = pieces[0]
    if all(piece.strides == (0,) and piece.dtype == first.dtype and piece[0] == first[0] for piece in pieces):
        return np.broadcast_to(first[0], sum(piece.size for piece in pieces))
    return np.concatenate(pieces)


def within(values: NDArray[Any], around: Box, box: Box) -> NDArray[Any]:
    """Of a box in another; both flat, in Fortran order."""
    shaped = values.reshape([side.stop - side.start for side in around], order="F")
    part = tuple(slice(side.start - of.start, side.stop - of.start) for side, of in zip(box, around, strict=True))
    return shaped[part].ravel(order="F")


def _near(plan: Plan, layer: Layer, box: Box, prediction: NDArray[Any], reference: NDArray[Any]) -> Near:
    """The distances of a box."""
    if plan.reach is None:
        return {}
    around, inner = (tuple(each[axis] for axis in plan.axes) for each in (plan.around(box), box))
    shape = tuple(side.stop - side.start for side in around)
    counted = None if plan.ignore is None else ~among(reference, (plan.ignore,))
    p, r = (_coded(side, layer, counted, shape, by_value=layer.of_labels) for side in (prediction, reference))
    return near(p, r, around, inner, plan.shape, plan.reach)


def _coded(
    values: NDArray[Any], layer: Layer, counted: NDArray[np.bool_] | None, shape: tuple[int, ...], *, by_value: bool
) -> CodedBox:
    if values.strides == (0,) and counted is None:  # one value, as where nothing is stored
        starts = np.zeros(1, np.int64)
    else:
        changes = np.ones(values.size, dtype=np.bool_)
        np.not_equal(values[1:], values[:-1], out=changes[1:])
        if counted is not None:
            changes[1:] |= counted[1:] != counted[:-1]
        starts = marked(changes)
    of_runs = values.take(starts)
    there = layer.covers(of_runs)
    if by_value:
        there &= of_runs != 0
    if counted is not None:
        there &= counted.take(starts)
    kept = of_runs[there].astype(np.int64) if by_value else np.ones(np.count_nonzero(there), np.int64)
    distinct, place = np.unique(kept, return_inverse=True)
    codes = np.zeros(starts.size, dtype=np.min_scalar_type(len(distinct)))
    codes[there] = place + 1
    flat = np.repeat(codes, lengths_of(starts, values.size))
    return CodedBox(flat.reshape(shape, order="F"), np.concatenate((np.zeros(1, np.int64), distinct)))


def _boxes_of(values: NDArray[Any], chosen: NDArray[np.bool_], box: Box) -> dict[int, Box]:
    """Around the voxels of each value among those chosen, in the volume."""
    places = np.flatnonzero(chosen)
    boxes = Boxes([side.stop - side.start for side in box])
    boxes.add(places, np.ones(places.size, np.int64), values[places])
    found = {}
    for value in np.unique(values[places]).tolist():
        inside = boxes.box([value])
        if inside is not None:
            found[int(value)] = tuple(
                slice(side.start + start.start, side.stop + start.start)
                for side, start in zip(inside, box, strict=True)
            )
    return found


def _enclosed(one: Mapping[int, Box], other: Mapping[int, Box]) -> dict[int, Box]:
    found = dict(one)
    for value, box in other.items():
        both = enclosing((found.get(value), box))
        if both is not None:
            found[value] = both
    return found

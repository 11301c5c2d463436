"""Instances and topology of two label maps that are counted box by box: what is looked for, and what a box holds.

What belongs to a target is decided before the first voxel: labels by their own value, in one pass; each region, and the
background, in a pass of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.cases.axes import measured_axes
from segeval.kernels.boxes import Box, Boxes, enclosing, lengths_of, marked
from segeval.quantities import parts_of
from segeval.settings import Settings
from segeval.shapes.cavities import Background, background_of, edges_of, join_all
from segeval.shapes.regions import CodedBox, RegionPair, Search, count_region, join
from segeval.targets import BACKGROUND, LabelChoice, Region
from segeval.volumes.memory import Need, require_memory

_SKELETONS = frozenset({"topology_precision", "topology_sensitivity", "cldice"})
_PER_COMPONENT, _PER_SHARED = 250, 100  # bytes of what is joined, and of the work on it
_OF_WHOLE_VOLUMES = ("surfaces", "lesions", "shapes", "profile", "maps", "detections")


class Layer(Struct, frozen=True):
    """Which values are looked for in one pass. region: those of it as one; None: labels, each by itself, or, with
    ``background``, what is no label as one. choice: which labels there are."""

    choice: LabelChoice
    region: Region | None = None
    background: bool = False

    @property
    def of_labels(self) -> bool:
        return self.region is None and not self.background

    def covers(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of these are looked for."""
        if self.region is not None:
            return among(values, self.region.labels) if self.region.labels else np.not_equal(values, BACKGROUND)
        if self.choice.values is None:
            labels: NDArray[np.bool_] = np.not_equal(values, BACKGROUND)
            if self.choice.ignore is not None:
                labels &= ~among(values, (self.choice.ignore,))
        else:
            labels = among(values, self.choice.values)
        return ~labels if self.background else labels


class Plan(Struct, frozen=True):
    """What is looked for in every box.

    whole: the shape of the volumes; axes: of it, that are looked at. edges: along these, where boxes begin, and where
    the volume ends. unsigned: whether prediction and reference hold integers without a sign. instances, topology: None
    where they were not asked for; one search where both look for the same. cavities: count them.
    """

    whole: tuple[int, ...]
    axes: tuple[int, ...]
    unsigned: tuple[bool, bool]
    edges: tuple[tuple[int, ...], ...]
    layers: tuple[Layer, ...]
    instances: Search | None
    topology: Search | None
    cavities: bool
    ignore: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Along the axes that are looked at."""
        return tuple(self.whole[axis] for axis in self.axes)

    def searches(self, layer: Layer) -> dict[str, Search]:
        """Those of a layer, by what they are for."""
        found = {"instances": self.instances, "topology": self.topology}
        if self.instances is not None and self.instances == self.topology:
            del found["topology"]
        return {
            name: replace(search, equal_pairs=layer.of_labels or not search.given)
            for name, search in found.items()
            if search is not None
        }


Sides = tuple[Mapping[int, Box], Mapping[int, Box]]


class FoundRegions(Struct, frozen=True):
    """What some boxes hold, by layer of the plan.

    backgrounds: of prediction and reference, by value. hidden: likewise, the boxes of values where the reference is
    ignored.
    """

    plan: Plan
    pairs: tuple[Mapping[str, RegionPair], ...]
    backgrounds: tuple[tuple[Mapping[int, Background], Mapping[int, Background]], ...]
    hidden: Sides

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
        return FoundRegions(self.plan, tuple(pairs), tuple(backgrounds), hidden)


def _require_room(found: Sequence[Mapping[str, RegionPair]]) -> None:
    """Raises NotEnoughMemory where these components are too many to be joined."""
    pairs = [pair for layer in found for pair in layer.values()]
    components = sum(len(side.components.codes) for pair in pairs for side in (pair.prediction, pair.reference))
    shared = sum(len(pair.pairs.voxels) for pair in pairs)
    words = f"joining {components:,} components and {shared:,} pairs of them"
    instead = "leave instances and topology out of --metrics"
    require_memory("components", Need(_PER_COMPONENT * components + _PER_SHARED * shared, words, instead))


def why_whole(settings: Settings) -> str | None:
    """What is asked for that only the whole volume tells, as a clause; None where there is nothing such."""
    names = {part.quantity.name for part in parts_of(settings.selections)}
    if settings.records & set(_OF_WHOLE_VOLUMES):
        return "distances, lesions, shapes, profiles and losses of whole maps are measured on the whole volume"
    if "instance_hd95" in names:
        return "instance_hd95 is a distance, which is measured on the whole volume; name other quantities, like pq"
    if names & _SKELETONS:
        return "skeletons are made of the whole volume; of topology, name betti0_error to betti2_error or euler_error"
    return None


def plan_of(settings: Settings, shape: Sequence[int], unsigned: tuple[bool, bool], boxes: Sequence[Box]) -> Plan:
    """boxes: all of the volume's. Raises LabelError, UsageError where components cannot be found in it."""
    axes = measured_axes(shape)
    sides = tuple(shape[axis] for axis in axes)
    names = {part.quantity.name for part in parts_of(settings.selections)}
    cells = bool(names & {"betti1_error", "euler_error"})
    options, instances, topology = settings.instances, None, None
    if "instances" in settings.records:
        instances = Search(sides, None if options.labelled else options.connectivity, options.labelled)
        require_connectivity(len(sides), instances.connectivity)
    if "topology" in settings.records:
        topology = Search(sides, cells=cells)
        if instances is not None and not instances.given and instances.reach == topology.reach:
            instances = topology
    choice = settings.labels
    layers = [Layer(choice), *(Layer(choice, region) for region in choice.regions)]
    if choice.background:
        layers.append(Layer(choice, background=True))
    edges = tuple(tuple(along.tolist()) for along in edges_of([tuple(box[axis] for axis in axes) for box in boxes]))
    cavities = len(sides) > 2 and bool(names & {"betti1_error", "betti2_error"})
    return Plan(tuple(shape), tuple(axes), unsigned, edges, tuple(layers), instances, topology, cavities, choice.ignore)


def find_in(plan: Plan, box: Box, prediction: NDArray[Any], reference: NDArray[Any]) -> FoundRegions:
    """What a box of two label maps holds. prediction, reference: flat, in Fortran order."""
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
    return FoundRegions(plan, tuple(pairs), tuple(backgrounds), hidden)


def require_connectivity(axes: int, connectivity: int | None) -> None:
    """Raises UsageError where there are no such neighbours in so many axes."""
    from segeval.shapes.slabs import Numbering

    Numbering(axes, connectivity)


def code_of(value: int) -> int:
    """A value as 64 bits with a sign, in which it is kept."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def among(values: NDArray[Any], of: Sequence[int] | frozenset[int]) -> NDArray[np.bool_]:
    """Which values are among some, none of which need fit into their type."""
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    limits = np.iinfo(values.dtype)
    fitting = [value for value in of if limits.min <= value <= limits.max]
    if len(fitting) == 1:
        return np.asarray(values == values.dtype.type(fitting[0]))
    return np.isin(values, np.array(fitting, dtype=values.dtype))


def _coded(
    values: NDArray[Any], layer: Layer, counted: NDArray[np.bool_] | None, shape: tuple[int, ...], *, by_value: bool
) -> CodedBox:
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

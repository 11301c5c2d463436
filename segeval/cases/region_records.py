"""What was found in all boxes of two label maps, as the records that quantities are functions of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.cases.bounding import with_tolerances
from segeval.cases.measuring import spacing_of
from segeval.cases.reach import far_remarks
from segeval.cases.region_plan import Layer, code_of
from segeval.cases.regions import FoundRegions
from segeval.cases.stored_values import Values, values_of_targets
from segeval.kernels.boxes import Box, enclosing
from segeval.quantities import RecordName, parts_of
from segeval.settings import Settings
from segeval.shapes.all_instances import match_found
from segeval.shapes.cavities import cavities
from segeval.shapes.coding import layers_of
from segeval.shapes.facts import Facts, Summed
from segeval.shapes.near import Offsets, Reach
from segeval.shapes.pairs import Pairs, counted
from segeval.shapes.regions import Region, RegionPair
from segeval.tallies.instances import Instances, TargetInstances
from segeval.tallies.surfaces import Surfaces, TargetSurface, diagonal_mm, missed_distance
from segeval.tallies.tally import Tally
from segeval.tallies.topology import MaskTopology, TargetTopology, Topology
from segeval.targets import BACKGROUND, LabelChoice, TargetKey
from segeval.volumes.geometry import Geometry
from segeval.volumes.memory import Need, require_memory

_PER_ELEMENT = 24  # bytes of a distance, and of the work on it


class _Target(Struct, frozen=True):
    """A target, and where it was looked for: the layer's place, and its code there, None for all of its codes."""

    key: TargetKey
    prediction: Values
    reference: Values
    layer: int
    code: int | None


def records_of_regions(
    found: FoundRegions,
    tally: Tally,
    geometry: Geometry | None,
    voxel_volume_mm3: float | None,
    settings: Settings,
) -> tuple[dict[RecordName, Any], list[str]]:
    """Instances and topology, as far as they are asked for, of ``targets_of(tally)``; and remarks.

    Raises GeometryError, NotEnoughMemory.
    """
    plan = found.plan
    spacing, remarks = spacing_of(geometry, len(plan.whole))
    spacing = tuple(spacing[axis] for axis in plan.axes)
    targets = list(_targets(found, tally, settings.labels))
    records: dict[RecordName, Any] = {}
    if plan.instances is not None:
        volume_ml = float("nan") if voxel_volume_mm3 is None else voxel_volume_mm3 / 1000
        volume_mm3 = 1.0 if voxel_volume_mm3 is None else voxel_volume_mm3
        missed_mm = missed_distance(settings.missed, plan.shape, spacing)
        records["instances"] = Instances(_instances(found, targets, settings, volume_mm3), volume_ml, missed_mm)
    if plan.topology is not None:
        layers = [_Layer(pairs.get("topology") or pairs["instances"]) for pairs in found.pairs]
        edges = [np.array(along) for along in plan.edges]
        records["topology"] = Topology(tuple(_topology(found, target, layers, edges) for target in targets))
    if plan.reach is not None:
        records["surfaces"] = surfaces = _surfaces(found, targets, settings, plan.reach)
        remarks = remarks + far_remarks(surfaces, plan.reach.most_mm)
    return records, remarks


def _surfaces(found: FoundRegions, targets: list[_Target | None], settings: Settings, reach: Reach) -> Surfaces:
    total = sum(side.elements for layer in found.near for sides in layer.values() for side in sides)
    words = f"the distances of {total:,} boundary elements"
    require_memory("surfaces", Need(_PER_ELEMENT * total, words, "leave surfaces out of --metrics"))
    nothing = Offsets(np.zeros(0, np.int64), np.zeros(0, np.int64))
    measured = []
    for target in targets:
        sides = nothing, nothing
        if target is not None:
            sides = found.near[target.layer].get(1 if target.code is None else target.code, sides)
        there = [side.elements > 0 for side in sides]
        mm = [np.sort(np.repeat(reach.mm(s.offsets), s.counts)) if all(there) else np.empty(0) for s in sides]
        measured.append(TargetSurface(mm[0], mm[1], in_prediction=there[0], in_reference=there[1]))
    keys = [BACKGROUND if target is None else target.key for target in targets]
    shape, spacing = found.plan.shape, reach.spacing_mm
    return Surfaces(
        with_tolerances(measured, keys, settings),
        None,
        diagonal_mm(shape, spacing),
        missed_distance(settings.missed, shape, spacing),
    )


def _targets(found: FoundRegions, tally: Tally, choice: LabelChoice) -> Iterable[_Target | None]:
    """None stands for the background where nobody asks."""
    layers: list[Layer] = list(found.plan.layers)
    winners = found.plan.winners
    for key, prediction, reference in values_of_targets(tally, choice):
        if key == BACKGROUND and not choice.background:
            yield None
            continue
        if isinstance(key, str):
            layer = next(k for k, each in enumerate(layers) if each.region is not None and each.region.name == key)
        else:
            layer = len(layers) - 1 if key == BACKGROUND else 0
        if winners:  # by their numbers
            prediction = Values(winners[number] for number in prediction)
        code = code_of(int(key)) if layers[layer].of_labels else None
        yield _Target(key, prediction, reference, layer, code)


def _instances(
    found: FoundRegions, targets: list[_Target | None], settings: Settings, voxel_volume_mm3: float
) -> tuple[TargetInstances, ...]:
    overlaps = any(part.quantity.group == "detection" for part in parts_of(settings.selections))
    result = [TargetInstances(BACKGROUND if target is None else target.key) for target in targets]
    members: list[tuple[int, _Target, _Chosen]] = []
    layers = [_Layer(pairs["instances"]) for pairs in found.pairs]
    for place, target in enumerate(targets):
        if target is not None:
            chosen = _Chosen.of(found, target, layers[target.layer])
            if chosen.box is not None:
                members.append((place, target, chosen))
    for group in layers_of([(target.prediction, target.reference) for _, target, _ in members]):
        around = enclosing(members[k][2].box for k in group)
        if around is None:
            continue
        origin = tuple(side.start for side in around)  # what centroids are rounded from, here and in whole volumes
        for k in group:
            place, target, chosen = members[k]
            given = settings.instances.labelled
            unsigned, layer = found.plan.unsigned, layers[target.layer]
            p, r = layer.places
            prediction = _facts(layer.sides[0], chosen.prediction, p, origin, unsigned[0], given=given)
            if given and found.plan.winners:  # which are told apart by their numbers
                numbers = [found.plan.winners.index(label) for label in prediction.ids.tolist()]
                prediction = replace(prediction, ids=np.array(numbers, dtype=prediction.ids.dtype))
            reference = _facts(layer.sides[1], chosen.reference, r, origin, unsigned[1], given=given)
            between = layer.shared(target)
            pairs = Pairs(*counted(r[between.reference], p[between.prediction], between.voxels))
            result[place] = match_found(
                target.key, prediction, reference, pairs, settings.instances, voxel_volume_mm3, overlaps=overlaps
            )
    return tuple(result)


class _Layer:
    """The components of a layer by their codes, so that each target's are found without a look at all of them.

    sides: prediction and reference. places: by number, the place among the target's own, once that was looked at.
    """

    def __init__(self, pair: RegionPair) -> None:
        self.sides = pair.prediction, pair.reference
        self.places = tuple(np.full(len(side.components.codes), -1) for side in self.sides)
        self._orders = [np.argsort(side.components.codes, kind="stable") for side in self.sides]
        self._codes = [side.components.codes[order] for side, order in zip(self.sides, self._orders, strict=True)]
        codes = self.sides[1].components.codes[pair.pairs.reference]
        order = np.argsort(codes, kind="stable")
        self._shared, self._shared_codes = pair.pairs[order], codes[order]

    def numbers(self, side: int, target: _Target) -> Integers:
        """Of the target's components, ascending."""
        order = self._orders[side]
        return np.arange(len(order)) if target.code is None else order[_equal(self._codes[side], target.code)]

    def shared(self, target: _Target) -> Pairs:
        """The pairs of the target's components that share voxels."""
        return self._shared if target.code is None else self._shared[_equal(self._shared_codes, target.code)]


def _equal(codes: Integers, code: int) -> slice:
    """Where ascending codes are this one."""
    return slice(int(np.searchsorted(codes, code)), int(np.searchsorted(codes, code, "right")))


class _Chosen(Struct, frozen=True):
    """The components of a target, by their numbers, and a box around all of its voxels."""

    prediction: Integers
    reference: Integers
    box: Box | None

    @classmethod
    def of(cls, found: FoundRegions, target: _Target, layer: _Layer) -> _Chosen:
        boxes: list[Box | None] = []
        chosen = []
        for side, values in enumerate((target.prediction, target.reference)):
            numbers, hidden = layer.numbers(side, target), found.hidden[side]
            chosen.append(numbers)
            boxes += [_around(layer.sides[side].components, numbers), *(hidden.get(value) for value in values)]
            if BACKGROUND in values:
                boxes.append(tuple(slice(0, size) for size in found.plan.shape))
        return cls(chosen[0], chosen[1], enclosing(boxes))


def _around(components: Summed, numbers: Integers) -> Box | None:
    if not numbers.size:
        return None
    low, high = components.low[:, numbers].min(axis=1), components.high[:, numbers].max(axis=1)
    return tuple(slice(a, b + 1) for a, b in zip(low.tolist(), high.tolist(), strict=True))


def _facts(
    side: Region, numbers: Integers, place: Integers, origin: tuple[int, ...], unsigned: bool, *, given: bool
) -> Facts:
    """Of these components, in the order of their first voxels or values, which is noted in ``place``."""
    components = side.components
    ids: NDArray[Any] = components.codes[numbers].astype(np.uint64 if unsigned else np.int64)
    order = np.argsort(ids if given else components.first[numbers], kind="stable")
    own = components.some(numbers[order], numbers[order])
    start: Integers = np.array(origin, dtype=np.int64)[:, np.newaxis]
    placed = Summed(
        own.numbers,
        own.codes,
        own.voxels,
        own.positions - start * own.voxels,
        own.low - start,
        own.high - start,
        own.first,
    )
    place[numbers[order]] = np.arange(len(order))
    return placed.facts(ids[order] if given else np.arange(1, len(order) + 1), origin)


def _topology(
    found: FoundRegions, target: _Target | None, layers: Sequence[_Layer], edges: Sequence[Integers]
) -> TargetTopology:
    if target is None:
        return TargetTopology()
    layer = layers[target.layer]
    code = 1 if target.code is None else target.code
    measured = []
    for place, backgrounds in enumerate(found.backgrounds[target.layer]):
        side, numbers = layer.sides[place], layer.numbers(place, target)
        if not numbers.size:
            measured.append(MaskTopology())
            continue
        hollow = cavities(backgrounds[code], edges) if code in backgrounds else 0
        euler = side.cells.get(code, 0)
        betti = len(numbers), len(numbers) + hollow - euler, hollow
        measured.append(MaskTopology(int(side.components.voxels[numbers].sum()), betti=betti))
    return TargetTopology(*measured)

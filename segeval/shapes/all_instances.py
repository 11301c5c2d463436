"""The instances of many targets of two label maps, matched: those that do not overlap in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.array_types import Integers
from segeval.kernels.boxes import Box, enclosing
from segeval.quantities.surface import hd95, nsd
from segeval.shapes.coding import Values, code_targets, layers_of
from segeval.shapes.components import is_large
from segeval.shapes.counting import CodedMap, Counted, LabelMap, count_instances
from segeval.shapes.facts import Facts
from segeval.shapes.match_surfaces import MatchSurface, match_surfaces
from segeval.shapes.matching import choose_pairs, with_pairs
from segeval.shapes.pairs import Pairs
from segeval.shapes.slabs import slab_voxels
from segeval.shapes.target_masks import TargetMasks
from segeval.shapes.towers import Matches, hd95_mm
from segeval.tallies.instances import InstanceOptions, TargetInstances
from segeval.tallies.overlaps import Overlaps
from segeval.tallies.surfaces import Surfaces
from segeval.volumes.memory import Need, require_memory

Of = TypeVar("Of")

# Bytes, measured: codes of both maps, and where their runs and boundaries are; and the numbers of components.
_PER_SLAB_VOXEL, _PER_NUMBERED_VOXEL = 10, 8


class Target(Struct, frozen=True):
    """Its name, the stored values that belong to it, and a box that holds all of its voxels."""

    key: int | str
    prediction: Values
    reference: Values
    box: Box


class LabelMaps(Struct, frozen=True):
    """Two label maps on one grid of two or three dimensions, and the reference value whose voxels belong to nothing."""

    prediction: LabelMap
    reference: LabelMap
    spacing_mm: tuple[float, ...]
    voxel_volume_mm3: float
    ignore: int | None = None


class _Matched(Struct, frozen=True):
    """A target's instances that are large enough, and which of them match.

    numbers: the instances' places among those of all targets, of prediction and reference.
    overlaps: every pair that shares a voxel; pairs: those of them that match.
    """

    target: Target
    prediction: Facts
    reference: Facts
    numbers: tuple[Integers, Integers]
    pairs: Pairs
    overlaps: Pairs


def match_all(
    maps: LabelMaps,
    targets: Sequence[Target],
    options: InstanceOptions,
    *,
    distances: bool = False,
    tolerances: Sequence[float] | None = None,
    overlaps: bool = False,
    threads: int = 1,
) -> tuple[TargetInstances, ...]:
    """Every target. distances: whether each match gets its hd95; overlaps: whether each target gets those of all pairs.

    tolerances: of the nsd that each match gets, in mm; with the pooled hd95, unless it is None. Raises UsageError,
    NotEnoughMemory.
    """
    for target in targets:
        _require_memory([target], options)
    found: dict[int, TargetInstances] = {}
    for layer in layers_of([(target.prediction, target.reference) for target in targets]):
        members = [targets[place] for place in layer]
        if len(members) > 1:
            _require_memory(members, options)
        counted = _count(maps, members, options, distances or tolerances is not None)
        volume = maps.voxel_volume_mm3
        matched = [_match(counted, place, target, options, volume) for place, target in enumerate(members)]
        surfaces: Sequence[list[MatchSurface] | None] = [None] * len(matched)
        hd95s: Sequence[list[float] | None] = [None] * len(matched)
        if distances or tolerances is not None:
            apart = _Distances(maps, counted, matched, options, threads)
            if tolerances is not None:
                surfaces = _of_each(apart.surfaces(tolerances), matched)
            if distances:  # last: it gives the points away
                hd95s = _of_each(apart.hd95s(), matched)
        for place, each, mm, surface in zip(layer, matched, hd95s, surfaces, strict=True):
            one = with_pairs(each.target.key, each.prediction, each.reference, each.pairs, mm, surface)
            found[place] = replace(one, overlaps=_overlaps(each)) if overlaps else one
    return tuple(found[place] for place in range(len(targets)))


def match_found(
    key: int | str,
    prediction: Facts,
    reference: Facts,
    pairs: Pairs,
    options: InstanceOptions,
    voxel_volume_mm3: float,
    *,
    overlaps: bool = False,
) -> TargetInstances:
    """One target whose instances, and the pairs that share voxels, are known. Raises NotEnoughMemory."""
    targets = np.zeros(len(prediction), np.int64), np.zeros(len(reference), np.int64)
    counted = Counted((), prediction, reference, targets, pairs, None)
    matched = _match(counted, 0, Target(key, frozenset(), frozenset(), ()), options, voxel_volume_mm3)
    one = with_pairs(key, matched.prediction, matched.reference, matched.pairs)
    return replace(one, overlaps=_overlaps(matched)) if overlaps else one


def _require_memory(targets: Sequence[Target], options: InstanceOptions) -> None:
    box = _around(targets)
    shape = [side.stop - side.start for side in box]
    voxels = "×".join(map(str, shape))
    name, where = f"target {targets[0].key}", "its box"
    if len(targets) > 1:
        name, where = f"targets {targets[0].key} to {targets[-1].key}", "their box"
    words = f"finding instances in {where} of {voxels} voxels"
    each = _PER_SLAB_VOXEL + (0 if options.labelled else _PER_NUMBERED_VOXEL)
    require_memory(name, Need(each * slab_voxels(shape), words, "leave its instances out"))


def _around(targets: Sequence[Target]) -> Box:
    box = enclosing(target.box for target in targets)
    if box is None:
        raise ValueError("no target")
    return box


def _count(maps: LabelMaps, targets: Sequence[Target], options: InstanceOptions, distances: bool) -> Counted:
    box = _around(targets)
    ignored = None if maps.ignore is None else (maps.reference, maps.ignore)
    sides = (
        (maps.prediction, [target.prediction for target in targets]),
        (maps.reference, [target.reference for target in targets]),
    )
    prediction, reference = (
        CodedMap(labels, box, code_targets(labels.held.dtype, values, per_value=options.labelled), ignored)
        for labels, values in sides
    )
    return count_instances(prediction, reference, options.connectivity, given=options.labelled, boundaries=distances)


def _match(counted: Counted, place: int, target: Target, options: InstanceOptions, voxel_volume_mm3: float) -> _Matched:
    """The target at this place."""
    facts, numbers, among = [], [], []
    for side, targets in zip((counted.prediction, counted.reference), counted.targets, strict=True):
        start, stop = np.searchsorted(targets, (place, place + 1)).tolist()
        own = side.some(slice(start, stop))
        large = is_large(own.voxels, options.min_volume_mm3, voxel_volume_mm3)
        facts.append(own.some(large))
        numbers.append(np.flatnonzero(large) + start)
        among.append((start, np.where(large, np.cumsum(large) - 1, -1)))
    (start_p, number_p), (start_r, number_r) = among
    between = slice(*np.searchsorted(counted.pairs.reference, (start_r, start_r + len(number_r))).tolist())
    pairs = counted.pairs[between]
    p, r = number_p[pairs.prediction - start_p], number_r[pairs.reference - start_r]
    kept = (p >= 0) & (r >= 0)
    overlaps = Pairs(r[kept], p[kept], pairs.voxels[kept])
    chosen = choose_pairs(overlaps, facts[0].voxels, facts[1].voxels, options)
    return _Matched(target, facts[0], facts[1], (numbers[0], numbers[1]), chosen, overlaps)


def _overlaps(matched: _Matched) -> Overlaps:
    pairs = matched.overlaps
    return Overlaps(
        matched.prediction.voxels,
        matched.reference.voxels,
        np.stack((pairs.reference, pairs.prediction, pairs.voxels)),
    )


def _of_each(found: list[Of], matched: Sequence[_Matched]) -> list[list[Of]]:
    """What was found of all matches, by target."""
    ends = np.cumsum([len(np.unique(each.pairs.reference)) for each in matched]).tolist()
    return [found[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


class _Distances:
    """Of each target's matches, in the order of their reference instances."""

    def __init__(
        self, maps: LabelMaps, counted: Counted, matched: Sequence[_Matched], options: InstanceOptions, threads: int
    ) -> None:
        if counted.points is None:
            raise ValueError("no boundaries were asked for")
        self._maps, self._counted, self._points, self._threads = maps, counted, counted.points, threads
        references = np.concatenate([each.numbers[1][each.pairs.reference] for each in matched])
        self._predictions = np.concatenate([each.numbers[0][each.pairs.prediction] for each in matched])
        self._numbers, self._match = np.unique(references, return_inverse=True)
        self._boxes = counted.reference.boxes[self._numbers]
        np.minimum.at(self._boxes[..., 0], self._match, counted.prediction.boxes[self._predictions, :, 0])
        np.maximum.at(self._boxes[..., 1], self._match, counted.prediction.boxes[self._predictions, :, 1])
        # Given instances may touch: the boundary of several together is not that of each.
        together = np.bincount(self._match, minlength=len(self._numbers)) > 1
        self._together = together if options.labelled else np.zeros(len(self._numbers), np.bool_)

    def hd95s(self) -> list[float]:
        """In mm; the boundary voxels are given away."""
        matches = self._apart()
        found = np.empty(len(self._numbers))
        found[~self._together] = hd95_mm(self._points, matches, self._maps.spacing_mm, self._threads)
        for k in np.flatnonzero(self._together).tolist():
            found[k] = float(hd95(self._measured(k))[0])
        return found.tolist()

    def surfaces(self, tolerances: Sequence[float]) -> list[MatchSurface]:
        """With the nsd at these tolerances in mm."""
        apart = iter(match_surfaces(self._points, self._apart(), self._maps.spacing_mm, tolerances))
        return [
            self._of_measured(k, tolerances) if together else next(apart)
            for k, together in enumerate(self._together.tolist())
        ]

    def _apart(self) -> Matches:
        """Those whose boundaries are those of their instances."""
        apart = np.flatnonzero(~self._together)
        place = np.cumsum(~self._together) - 1
        pairs = ~self._together[self._match]
        numbers, owners = self._numbers[apart], place[self._match[pairs]]
        return Matches(self._counted.shape, numbers, self._predictions[pairs], owners, self._boxes[apart])

    def _of_measured(self, k: int, tolerances: Sequence[float]) -> MatchSurface:
        surfaces = self._measured(k)
        sides = ("prediction", "reference")
        shares = {
            tau: sum(float(nsd(surfaces, tau=tau, direction=side)[0]) for side in sides) / 2 for tau in tolerances
        }
        return MatchSurface(float(hd95(surfaces, pooled=True)[0]), shares)

    def _measured(self, k: int) -> Surfaces:
        """Of a match of several predictions, all of whose voxels lie in its box."""
        from segeval.shapes.surface_distances import measure

        counted, maps = self._counted, self._maps
        prediction = counted.prediction.ids[self._predictions[self._match == k]]
        reference = counted.reference.ids[self._numbers[[k]]]
        box = self._boxes[k] + np.array(counted.reference.origin)[:, np.newaxis]
        *sides, (first, behind) = box.tolist()
        place = tuple(slice(*side) for side in sides)
        p, r = (labels.planes(first, behind)[place] for labels in (maps.prediction, maps.reference))
        whole = tuple(slice(0, n) for n in r.shape)
        predicted, true = frozenset(prediction.tolist()), frozenset(reference.tolist())
        masks = TargetMasks(p, r, predicted, true, whole, maps.spacing_mm, maps.ignore)
        return Surfaces((measure(masks, self._threads),), None, 0.0)

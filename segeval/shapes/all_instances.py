"""The instances of many targets of two label maps, matched: those that do not overlap in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.boxes import Box, enclosing
from segeval.quantities.surface import hd95
from segeval.shapes.coding import Values, code_targets, layers_of
from segeval.shapes.components import is_large
from segeval.shapes.counting import CodedMap, Counted, LabelMap, count_instances
from segeval.shapes.facts import Facts
from segeval.shapes.matching import choose_pairs, with_pairs
from segeval.shapes.pairs import Pairs
from segeval.shapes.slabs import slab_voxels
from segeval.shapes.target_masks import TargetMasks
from segeval.shapes.towers import Matches, hd95_mm
from segeval.tallies.instances import InstanceOptions, TargetInstances
from segeval.tallies.overlaps import Overlaps
from segeval.tallies.surfaces import Surfaces
from segeval.volumes.memory import Need, require_memory

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
    overlaps: bool = False,
    threads: int = 1,
) -> tuple[TargetInstances, ...]:
    """Every target. distances: whether each match gets its hd95; overlaps: whether each target gets those of all pairs.

    Raises UsageError, NotEnoughMemory.
    """
    for target in targets:
        _require_memory([target], options)
    found: dict[int, TargetInstances] = {}
    for layer in layers_of([(target.prediction, target.reference) for target in targets]):
        members = [targets[place] for place in layer]
        if len(members) > 1:
            _require_memory(members, options)
        counted = _count(maps, members, options, distances)
        matched = [_match(counted, place, target, options, maps.spacing_mm) for place, target in enumerate(members)]
        hd95s = _distances(maps, counted, matched, options, threads) if distances else [None] * len(matched)
        for place, each, mm in zip(layer, matched, hd95s, strict=True):
            one = with_pairs(each.target.key, each.prediction, each.reference, each.pairs, mm)
            found[place] = replace(one, overlaps=_overlaps(each)) if overlaps else one
    return tuple(found[place] for place in range(len(targets)))


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


def _match(
    counted: Counted, place: int, target: Target, options: InstanceOptions, spacing_mm: Sequence[float]
) -> _Matched:
    """The target at this place."""
    facts, numbers, among = [], [], []
    for side, targets in zip((counted.prediction, counted.reference), counted.targets, strict=True):
        start, stop = np.searchsorted(targets, (place, place + 1)).tolist()
        own = side.some(slice(start, stop))
        large = is_large(own.voxels, options.min_volume_mm3, float(np.prod(spacing_mm)))
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


def _distances(
    maps: LabelMaps, counted: Counted, matched: Sequence[_Matched], options: InstanceOptions, threads: int
) -> list[list[float]]:
    """Of each target's matches, in the order of their reference instances."""
    if counted.points is None:
        raise ValueError("no boundaries were asked for")
    references = np.concatenate([each.numbers[1][each.pairs.reference] for each in matched])
    predictions = np.concatenate([each.numbers[0][each.pairs.prediction] for each in matched])
    numbers, match = np.unique(references, return_inverse=True)
    boxes = counted.reference.boxes[numbers]
    np.minimum.at(boxes[..., 0], match, counted.prediction.boxes[predictions, :, 0])
    np.maximum.at(boxes[..., 1], match, counted.prediction.boxes[predictions, :, 1])
    found = np.empty(len(numbers))
    # Given instances may touch: the boundary of several together is not that of each.
    together = np.bincount(match, minlength=len(numbers)) > 1 if options.labelled else np.zeros(len(numbers), np.bool_)
    apart = np.flatnonzero(~together)
    place = np.cumsum(~together) - 1
    pairs = ~together[match]
    matches = Matches(counted.shape, numbers[apart], predictions[pairs], place[match[pairs]], boxes[apart])
    found[apart] = hd95_mm(counted.points, matches, maps.spacing_mm, threads)
    for k in np.flatnonzero(together).tolist():
        p, r = counted.prediction.ids[predictions[match == k]], counted.reference.ids[numbers[[k]]]
        found[k] = _hd95_of_values(maps, p, r, boxes[k] + np.array(counted.reference.origin)[:, np.newaxis], threads)
    counts = [len(np.unique(each.pairs.reference)) for each in matched]
    return [part.tolist() for part in np.split(found, np.cumsum(counts)[:-1])]


def _hd95_of_values(
    maps: LabelMaps, prediction: NDArray[Any], reference: NDArray[Any], box: Integers, threads: int
) -> float:
    """Of the voxels of some stored values, which lie in the box; shape (axes, 2)."""
    from segeval.shapes.surface_distances import measure

    *sides, (first, behind) = box.tolist()
    place = tuple(slice(*side) for side in sides)
    p, r = (labels.planes(first, behind)[place] for labels in (maps.prediction, maps.reference))
    whole = tuple(slice(0, n) for n in r.shape)
    predicted, true = frozenset(prediction.tolist()), frozenset(reference.tolist())
    masks = TargetMasks(p, r, predicted, true, whole, maps.spacing_mm, maps.ignore)
    return float(hd95(Surfaces((measure(masks, threads),), None, 0.0))[0])

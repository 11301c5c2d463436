"""Which prediction instances belong to which reference instance: four rules, on the joint histogram alone.

The rules and their sources are in docs/instances.md. No rule compares masks: sizes and shared voxels are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import TypeVar

import numpy as np

from segeval.array_types import Floats, Integers, Mask
from segeval.choices import MatchBy
from segeval.shapes.components import Components
from segeval.shapes.facts import Facts
from segeval.shapes.match_surfaces import MatchSurface
from segeval.shapes.pairs import Pairs
from segeval.tallies.instances import Instance, InstanceOptions, Match, TargetInstances
from segeval.volumes.memory import Need, require_memory

Of = TypeVar("Of")
DistanceFunction = Callable[[Mask, Mask, Sequence[float]], float]
"""``f(prediction, reference, spacing_mm)`` gives a distance of two masks on one grid in mm; neither mask is empty."""

_PER_MATCH = 1e-9
_PER_INSTANCE = 1700  # bytes, measured: its record, the document that is made of it, and its text
_BATCH = 1000


def choose_pairs(overlaps: Pairs, prediction: Integers, reference: Integers, options: InstanceOptions) -> Pairs:
    """Those of the overlapping pairs that match. prediction, reference: the instances' sizes in voxels."""
    if options.matching == "any-overlap":
        return overlaps
    if options.matching == "many-to-one":
        return _many_to_one(overlaps, prediction, reference, options)
    sizes = prediction[overlaps.prediction] + reference[overlaps.reference]
    scores = _scores(overlaps.voxels, sizes, options.by)
    if options.matching == "greedy":
        return _greedy(overlaps, scores, options.threshold, len(prediction), len(reference))
    return _one_to_one(overlaps, scores, options.threshold)


def _scores(shared: Integers, sizes: Integers, by: MatchBy) -> Floats:
    """Of pairs, by shared voxels and the sum of both sizes."""
    return 2 * shared / sizes if by == "dice" else intersection_over_union(shared, sizes - shared)


def _one_to_one(overlaps: Pairs, scores: Floats, threshold: float) -> Pairs:
    """Disjoint pairs of a score > threshold that add up to the most; of equal sums (to 1e-9 per pair) most pairs."""
    close, scores = overlaps[scores > threshold], scores[scores > threshold]
    # Two masks that share more than half of their union with a third share voxels: above an IoU of 1/2 none competes.
    alone = (np.bincount(close.reference, minlength=1)[close.reference] == 1) & (
        np.bincount(close.prediction, minlength=1)[close.prediction] == 1
    )
    chosen = alone.copy()
    for rivals in _batches(close, np.flatnonzero(~alone)):
        best = _best_assignment(close.reference[rivals], close.prediction[rivals], scores[rivals])
        chosen[rivals[best]] = True
    return close[chosen]


def _greedy(overlaps: Pairs, scores: Floats, threshold: float, predictions: int, references: int) -> Pairs:
    """Disjoint pairs of a score >= threshold, the largest first; of equal ones in the order of the instances."""
    close, scores = overlaps[scores >= threshold], scores[scores >= threshold]
    free_reference, free_prediction = np.ones(references, dtype=bool), np.ones(predictions, dtype=bool)
    chosen = np.zeros(len(scores), dtype=bool)
    for pair in np.lexsort((close.prediction, close.reference, -scores)).tolist():
        r, p = close.reference[pair], close.prediction[pair]
        if free_reference[r] and free_prediction[p]:
            free_reference[r] = free_prediction[p] = False
            chosen[pair] = True
    return close[chosen]


def _batches(pairs: Pairs, rivals: Integers) -> list[Integers]:
    """The rivals in parts that share no instance, of about a thousand references each: assigning takes their square."""
    if not len(rivals):
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    references, row = np.unique(pairs.reference[rivals], return_inverse=True)
    predictions, column = np.unique(pairs.prediction[rivals], return_inverse=True)
    nodes = len(references) + len(predictions)
    graph = coo_array((np.ones(len(rivals), dtype=bool), (row, len(references) + column)), shape=(nodes, nodes))
    _, group = connected_components(graph, directed=False)
    before = np.cumsum(np.bincount(group[: len(references)])) - 1  # references in the groups up to this one
    batch = (before // _BATCH)[group[row]]
    order = np.argsort(batch, kind="stable")
    return np.split(rivals[order], np.flatnonzero(np.diff(batch[order])) + 1)


def _best_assignment(rows: Integers, columns: Integers, scores: Floats) -> Integers:
    """Which of the entries of a sparse matrix to take, one per row and column, for the greatest sum."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    distinct_rows, row = np.unique(rows, return_inverse=True)
    distinct_columns, column = np.unique(columns, return_inverse=True)
    height, width = len(distinct_rows), len(distinct_columns)
    # SciPy matches every row: a column of its own stands for staying unmatched. All weights are one higher, since a
    # sparse matrix does not store 0.
    own = np.arange(height)
    weights = np.concatenate((scores + (1 + _PER_MATCH), np.ones(height)))
    places = np.stack((np.concatenate((row, own)), np.concatenate((column, width + own)))).astype(np.int32)
    table = coo_array((weights, tuple(places)), shape=(height, width + height))  # older SciPy matches int32 alone
    _, partner = min_weight_full_bipartite_matching(table.tocsr(), maximize=True)
    return np.flatnonzero(partner[row] == column)


def _many_to_one(overlaps: Pairs, prediction: Integers, reference: Integers, options: InstanceOptions) -> Pairs:
    """Predictions with more than half of their voxels in a reference, where all of these together score > threshold.

    Such a prediction adds more to the intersection than to the rest of the union: taking it never lowers the score.
    """
    inside = overlaps[2 * overlaps.voxels > prediction[overlaps.prediction]]
    shared, predicted = _sums(inside, prediction, len(reference))
    scores = _scores(shared, predicted + reference, options.by)
    return inside[scores[inside.reference] > options.threshold]


def with_pairs(
    target: int | str,
    prediction: Facts,
    reference: Facts,
    pairs: Pairs,
    hd95_mm: Sequence[float] | None = None,
    surfaces: Sequence[MatchSurface] | None = None,
) -> TargetInstances:
    """The record that the matching pairs make: a match per reference instance that occurs in them.

    hd95_mm, surfaces: of the matches, in the order of their reference instances. Raises NotEnoughMemory.
    """
    count = len(prediction) + len(reference)
    need = Need(_PER_INSTANCE * count, f"describing {count} instances", "leave instances out, or drop small ones")
    require_memory(f"target {target}", need)
    found, predicted = reference.instances(), prediction.instances()
    shared, size = _sums(pairs, prediction.voxels, len(reference))
    iou = intersection_over_union(shared, size + reference.voxels - shared).tolist()
    dice = (2 * shared / (size + reference.voxels)).tolist()
    starts = np.searchsorted(pairs.reference, np.arange(len(reference) + 1)).tolist()
    partners = [predicted[p] for p in pairs.prediction.tolist()]
    distances = iter(repeat(None) if hd95_mm is None else hd95_mm)
    more = iter(repeat(MatchSurface()) if surfaces is None else surfaces)
    matches, missed = [], []
    for k, instance in enumerate(found):
        if starts[k] == starts[k + 1]:
            missed.append(instance)
        else:
            members = tuple(partners[starts[k] : starts[k + 1]])
            own = next(more)
            matches.append(Match(instance, members, iou[k], dice[k], next(distances), own.nsd, own.pooled_hd95))
    return TargetInstances(target, tuple(matches), tuple(missed), _unpaired(predicted, pairs.prediction))


def match_distances(
    prediction: Components,
    reference: Components,
    pairs: Pairs,
    function: Callable[[Mask, Mask, Sequence[float]], Of],
    spacing_mm: Sequence[float],
) -> list[Of]:
    """Of each match, in the order of the reference instances: of its masks, within the box of both."""
    matched, starts = np.unique(pairs.reference, return_index=True)
    members = np.split(pairs.prediction, starts[1:])
    return [
        function(*_masks(prediction, reference, own, k), spacing_mm)
        for k, own in zip(matched.tolist(), members, strict=False)  # without a match there is one split, of nothing
    ]


def intersection_over_union(intersection: Integers, union: Integers) -> Floats:
    """Shares of unions that are not empty, shape (n,)."""
    return np.asarray(intersection / union)


def _sums(pairs: Pairs, prediction: Integers, references: int) -> tuple[Integers, Integers]:
    """Per reference instance: the voxels shared with the predictions paired with it, and the voxels of these."""
    shared, size = np.zeros(references, dtype=np.int64), np.zeros(references, dtype=np.int64)
    np.add.at(shared, pairs.reference, pairs.voxels)
    np.add.at(size, pairs.reference, prediction[pairs.prediction])
    return shared, size


def _unpaired(instances: list[Instance], paired: Integers) -> tuple[Instance, ...]:
    free = np.ones(len(instances), dtype=bool)
    free[paired] = False
    return tuple(instances[index] for index in np.flatnonzero(free))


def _masks(prediction: Components, reference: Components, members: Integers, index: int) -> tuple[Mask, Mask]:
    """The masks of some predictions together and of a reference instance, cut to the box of both."""
    boxes = np.concatenate((reference.boxes[[index]], prediction.boxes[members]))
    box = tuple(slice(a, b) for a, b in zip(boxes[..., 0].min(axis=0), boxes[..., 1].max(axis=0), strict=True))
    return np.isin(prediction.places[box], members + 1), np.asarray(reference.places[box] == index + 1)

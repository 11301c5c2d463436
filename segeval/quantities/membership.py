"""What a tally is evaluated for: its labels and regions, which stored values belong to each, and their counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segeval.tallies.tally import Confusion, Counts, Tally
from segeval.targets import BACKGROUND, LabelChoice, Region, TargetKey


def evaluated_labels(confusion: Confusion, choice: LabelChoice) -> tuple[int, ...]:
    """The non-zero labels that get evaluated: the chosen ones, else all that occur in either volume."""
    if choice.values is not None:
        return choice.values
    found: set[int] = set()
    for value in {value for pair in confusion.pairs for value in pair}:
        found |= confusion.members(value)
    return tuple(sorted(found - {BACKGROUND, choice.ignore}))


def targets_of(tally: Tally, choice: LabelChoice) -> tuple[TargetKey, ...]:
    """Everything that a tally is evaluated for: the classes (background first, if there is one), then the regions."""
    if tally.soft is not None:
        return tally.soft.targets
    labels = evaluated_labels(tally.confusion or Confusion(), choice)
    return (BACKGROUND, *labels, *(region.name for region in choice.regions))


def one_vs_rest(confusion: Confusion, labels: Sequence[int], regions: Sequence[Region]) -> Counts:
    """Counts of background (what no label claims), of each label and of each region, in this order."""
    belongs = membership(confusion, labels, regions)
    size = 1 + len(labels) + len(regions)
    tp, reference, prediction = ([0] * size for _ in range(3))
    total = 0
    for (r, p), count in confusion.pairs.items():
        total += count
        for target in belongs[r]:
            reference[target] += count
        for target in belongs[p]:
            prediction[target] += count
        for target in belongs[r] & belongs[p]:
            tp[target] += count
    hit, ref, pred = (np.array(a, dtype=np.int64) for a in (tp, reference, prediction))
    return Counts(tp=hit, fp=pred - hit, fn=ref - hit, tn=total - ref - pred + hit)


def membership(confusion: Confusion, labels: Sequence[int], regions: Sequence[Region]) -> dict[int, frozenset[int]]:
    """Which targets a voxel value belongs to, by their place in ``targets_of``; an unlisted value is background."""
    place = {label: 1 + index for index, label in enumerate(labels)}
    result = {}
    for value in {value for pair in confusion.pairs for value in pair}:
        members = confusion.members(value)
        found = {place[label] for label in members if label in place} or {0}
        for index, region in enumerate(regions):
            if region.covers(members):
                found.add(1 + len(labels) + index)
        result[value] = frozenset(found)
    return result

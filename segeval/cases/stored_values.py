"""What the values that were counted stand for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from segeval.kernels.soft_targets import SoftTargets
from segeval.quantities import membership, targets_of
from segeval.tallies.tally import Tally
from segeval.targets import BACKGROUND, LabelChoice, TargetKey

Values = frozenset[int]


def stored_predictions(tally: Tally) -> Mapping[int, int]:
    """Label by counted value: of a probability map the number of the winning channel was counted."""
    if tally.soft is not None:
        return dict(enumerate(SoftTargets(tally.options, {}).labels_of_winners()))
    return {value: value for _, value in (tally.confusion.pairs if tally.confusion else ())}


def values_of_targets(tally: Tally, choice: LabelChoice) -> list[tuple[TargetKey, Values, Values]]:
    """Each of ``targets_of``, and the counted values that belong to it in the prediction and in the reference.

    The background, where nobody asks for it, has none. Raises ValueError for a tally without a label map.
    """
    confusion = tally.confusion
    if confusion is None:
        raise ValueError("no label map was counted")
    keys = targets_of(tally, choice)
    labels = [key for key in keys if isinstance(key, int) and key != BACKGROUND]
    belongs = membership(confusion, labels, choice.regions)
    ours: dict[int, set[int]] = defaultdict(set)
    theirs: dict[int, set[int]] = defaultdict(set)
    for code, label in stored_predictions(tally).items():
        for place in belongs.get(label, ()):
            ours[place].add(code)
    for value in {value for value, _ in confusion.pairs}:
        for place in belongs[value]:
            theirs[place].add(value)
    return [
        (key, Values(), Values())
        if key == BACKGROUND and not choice.background
        else (key, Values(ours[place]), Values(theirs[place]))
        for place, key in enumerate(keys)
    ]

"""The profile of every target of a case, from the pairs of values that were counted per slice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from segeval.array_types import Integers
from segeval.cases.pair import Evaluated
from segeval.cases.stored_values import stored_predictions
from segeval.quantities import membership, targets_of
from segeval.tallies.profiles import AxisProfile, PairProfile, Profile, TargetProfile, empty_axis
from segeval.tallies.tally import Confusion, Tally
from segeval.targets import BACKGROUND, LabelChoice, TargetKey

if TYPE_CHECKING:
    from segeval.results.documents import AxisErrorsDocument, ErrorProfileDocument


def profile_of(evaluated: Evaluated, choice: LabelChoice, name: str) -> tuple[Profile | None, list[str]]:
    """Of the targets in the order of the rows; None, and why, where it was given up."""
    confusion, pairs = evaluated.tally.confusion, evaluated.profile
    keys = targets_of(evaluated.tally, choice)
    if isinstance(pairs, PairProfile) and confusion is not None:
        return _by_membership(evaluated.tally, confusion, pairs, keys, choice), []
    if isinstance(pairs, Mapping) and pairs.keys() == set(keys):
        return Profile(tuple(_of_pairs(key, pairs[key]) for key in keys)), []
    return None, [f"{name}: so many pairs of labels meet that the error profile was left out; is it a label map?"]


def _by_membership(
    tally: Tally, confusion: Confusion, pairs: PairProfile, keys: tuple[TargetKey, ...], choice: LabelChoice
) -> Profile:
    labels = [key for key in keys if isinstance(key, int) and key != BACKGROUND]
    belongs = membership(confusion, labels, choice.regions)
    found = [[empty_axis(size) for size in pairs.shape] for _ in keys]
    for r, p, counts in _evaluated_pairs(pairs, stored_predictions(tally), confusion):
        for target in belongs[r] | belongs[p]:
            for axis, along in zip(found[target], counts, strict=True):
                _count(axis, along, in_reference=target in belongs[r], in_prediction=target in belongs[p])
    return Profile(tuple(TargetProfile(key, tuple(axes)) for key, axes in zip(keys, found, strict=True)))


def _of_pairs(key: TargetKey, pairs: PairProfile) -> TargetProfile:
    """Of a target that was counted by itself."""
    axes = tuple(empty_axis(size) for size in pairs.shape)
    for (r, p), counts in pairs.pairs.items():
        for axis, along in zip(axes, counts, strict=True):
            _count(axis, along, in_reference=bool(r), in_prediction=bool(p))
    return TargetProfile(key, axes)


def _evaluated_pairs(
    pairs: PairProfile, labels: Any, confusion: Confusion
) -> list[tuple[int, int, tuple[Integers, ...]]]:
    """By labels: of a probability map the number of the winning channel was counted."""
    return [(r, labels[p], counts) for (r, p), counts in pairs.pairs.items() if (r, labels[p]) in confusion.pairs]


def _count(axis: AxisProfile, along: Integers, *, in_reference: bool, in_prediction: bool) -> None:
    counts = axis.tp if in_reference and in_prediction else axis.fn if in_reference else axis.fp
    counts += along


def profile_document(profile: Profile) -> list[ErrorProfileDocument]:
    """Of the targets that have an error: per axis the slices from the first to the last that holds one."""
    return [
        {"target": target.target, "axes": [_axis_document(axis) for axis in target.axes]}
        for target in profile.targets
        if any(axis.errors.any() for axis in target.axes)
    ]


def _axis_document(axis: AxisProfile) -> AxisErrorsDocument:
    """slices: how many there are. first: the number, from 0, of the one that the lists begin with."""
    wrong = np.flatnonzero(axis.errors)
    part = slice(int(wrong[0]), int(wrong[-1]) + 1)
    return {
        "slices": axis.errors.size,
        "first": part.start,
        "false_positive": axis.fp[part].tolist(),
        "false_negative": axis.fn[part].tolist(),
    }

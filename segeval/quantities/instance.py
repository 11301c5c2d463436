"""The instance metrics: functions of what was matched, missed and invented. The definitions are in docs/instances.md.

One rule for what is undefined: a target without any instance in either volume has no value (NaN); where only one
volume has instances, a rate or a mean over matches takes its worst value, so that a complete miss never improves a
mean.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.instances import Instance, Instances
from segeval.quantities.quantity import ratio


def instance_tp(i: Instances) -> Integers:
    """True positives: reference instances with a match."""
    return np.array([len(target.matches) for target in i.targets], dtype=np.int64)


def instance_fp(i: Instances) -> Integers:
    """False positives: prediction instances in no match."""
    return np.array([len(target.invented) for target in i.targets], dtype=np.int64)


def instance_fn(i: Instances) -> Integers:
    """False negatives: reference instances without a match."""
    return np.array([len(target.missed) for target in i.targets], dtype=np.int64)


def instance_sensitivity(i: Instances) -> Floats:
    """Share of the reference instances that have a match, lesion-wise recall."""
    return _rate(i, instance_tp(i), instance_tp(i) + instance_fn(i))


def instance_precision(i: Instances) -> Floats:
    """Share of matches among matches and invented instances; predictions that share a match count as one."""
    return _rate(i, instance_tp(i), instance_tp(i) + instance_fp(i))


def instance_f1(i: Instances) -> Floats:
    """Recognition quality: harmonic mean of instance_sensitivity and instance_precision."""
    return _rate(i, 2 * instance_tp(i), 2 * instance_tp(i) + instance_fp(i) + instance_fn(i))


def sq(i: Instances) -> Floats:
    """Segmentation quality: mean IoU over the matches."""
    return _mean_over_matches(i, [[match.iou for match in target.matches] for target in i.targets], worst=0.0)


def pq(i: Instances) -> Floats:
    """Panoptic quality: sq · instance_f1."""
    return np.asarray(sq(i) * instance_f1(i))


def instance_dice(i: Instances) -> Floats:
    """Mean Dice over the matches: how well what was found is outlined."""
    return _mean_over_matches(i, [[match.dice for match in target.matches] for target in i.targets], worst=0.0)


def instance_hd95(i: Instances) -> Floats:
    """Mean 95th percentile Hausdorff distance over the matches, in mm."""
    return _mean_over_matches(i, _distances(i), worst=i.missed_mm)


def missed_volume_ml(i: Instances) -> Floats:
    """Volume of the reference instances without a match, in millilitres."""
    return _voxels(target.missed for target in i.targets) * i.voxel_volume_ml


def invented_volume_ml(i: Instances) -> Floats:
    """Volume of the prediction instances in no match, in millilitres."""
    return _voxels(target.invented for target in i.targets) * i.voxel_volume_ml


def _rate(i: Instances, numerator: Integers, denominator: Integers) -> Floats:
    return np.where((denominator == 0) & ~_without_instances(i), 0.0, ratio(numerator, denominator))


def _without_instances(i: Instances) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(instance_tp(i) + instance_fp(i) + instance_fn(i) == 0)


def _mean_over_matches(i: Instances, values: list[list[float]], *, worst: float) -> Floats:
    means = np.array([np.mean(found) if found else worst for found in values], dtype=np.float64)
    means[_without_instances(i)] = np.nan
    return means


def _distances(i: Instances) -> list[list[float]]:
    """Per target, of its matches; NaN where distances were not measured."""
    return [[np.nan if match.hd95 is None else match.hd95 for match in target.matches] for target in i.targets]


def _voxels(groups: Iterable[tuple[Instance, ...]]) -> Floats:
    return np.array([sum(instance.voxels for instance in group) for group in groups], dtype=np.float64)

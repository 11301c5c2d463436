"""The instance metrics: functions of what was matched, missed and invented. The definitions are in docs/instances.md.

One rule for what is undefined: a target without any instance in either volume has no value (NaN); where only one
volume has instances, a rate or a mean over matches takes its worst value, so that a complete miss never improves a
mean. The lesion-wise quantities follow their publication instead.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.quantities.arithmetic import ratio
from segeval.quantities.quantity import also, measure
from segeval.tallies.instances import VOLUME_ROUNDING, Instance, Instances, Match, TargetInstances

_MM3_PER_ML = 1000


@measure(
    "instances",
    "instances",
    "reference instances with a match",
    undefined="",
    source="Kirillov et al. 2019",
    is_count=True,
    synonyms=also("lesion_tp tp_instances"),
    title="inst. TP",
)
def instance_tp(i: Instances, *, below_mm3: float = 0.0, dice: float = 0.0) -> Integers:
    """True positives: reference instances with a match; of those ``below_mm3``, if any, with a ``dice`` of at least
    that."""
    return np.array([len(_found(i, target, below_mm3, dice)) for target in i.targets], dtype=np.int64)


@measure(
    "instances",
    "instances",
    "prediction instances in no match",
    undefined="",
    source="Kirillov et al. 2019",
    is_count=True,
    synonyms=also("lesion_fp fp_instances"),
    title="inst. FP",
)
def instance_fp(i: Instances) -> Integers:
    """False positives: prediction instances in no match."""
    return np.array([len(target.invented) for target in i.targets], dtype=np.int64)


@measure(
    "instances",
    "instances",
    "reference instances without a match",
    undefined="",
    source="Kirillov et al. 2019",
    is_count=True,
    synonyms=also("lesion_fn fn_instances"),
    title="inst. FN",
)
def instance_fn(i: Instances, *, below_mm3: float = 0.0, dice: float = 0.0) -> Integers:
    """False negatives: reference instances without a match; of those ``below_mm3``, if any, also with one of a lower
    ``dice``."""
    counts = [
        sum(_is_small(i, instance, below_mm3) for instance in _references(target))
        - len(_found(i, target, below_mm3, dice))
        for target in i.targets
    ]
    return np.array(counts, dtype=np.int64)


@measure(
    "instances",
    "instances",
    "TP / (TP + FN) of instances",
    undefined="no instances in either volume, or there is no label map",
    source="Maier-Hein et al. 2024",
    best=1.0,
    worst=0.0,
    synonyms=also("instance_recall lesion_recall lesion_sensitivity lesionwise_recall ltpr obj_tpr detection_rate"),
    title="inst. sens.",
)
def instance_sensitivity(i: Instances) -> Floats:
    """Share of the reference instances that have a match, lesion-wise recall."""
    return _rate(i, instance_tp(i), instance_tp(i) + instance_fn(i))


@measure(
    "instances",
    "instances",
    "TP / (TP + FP) of instances",
    undefined="no instances in either volume, or there is no label map",
    source="Maier-Hein et al. 2024",
    best=1.0,
    worst=0.0,
    synonyms=also("lesion_precision lesionwise_precision instance_ppv"),
    title="inst. prec.",
)
def instance_precision(i: Instances) -> Floats:
    """Share of matches among matches and invented instances; predictions that share a match count as one."""
    return _rate(i, instance_tp(i), instance_tp(i) + instance_fp(i))


@measure(
    "instances",
    "instances",
    "2 TP / (2 TP + FP + FN) of instances, recognition quality",
    undefined="no instances in either volume, or there is no label map",
    source="Kirillov et al. 2019",
    best=1.0,
    worst=0.0,
    synonyms=also("rq recognition_quality lesion_f1 lesionwise_f1 detection_f1 object_f1"),
    title="inst. F1",
)
def instance_f1(i: Instances) -> Floats:
    """Recognition quality: harmonic mean of instance_sensitivity and instance_precision."""
    return _rate(i, 2 * instance_tp(i), 2 * instance_tp(i) + instance_fp(i) + instance_fn(i))


@measure(
    "instances",
    "instances",
    "mean IoU over the matches",
    undefined="no instances in either volume, or there is no label map",
    source="Kirillov et al. 2019",
    best=1.0,
    worst=0.0,
    synonyms=also("segmentation_quality"),
    title="SQ",
)
def sq(i: Instances) -> Floats:
    """Segmentation quality: mean IoU over the matches."""
    return _mean_over_matches(i, [[match.iou for match in target.matches] for target in i.targets], worst=0.0)


@measure(
    "instances",
    "instances",
    "sq · instance_f1",
    undefined="no instances in either volume, or there is no label map",
    source="Kirillov et al. 2019",
    best=1.0,
    worst=0.0,
    synonyms=also("panoptic_quality panoptic"),
    title="PQ",
)
def pq(i: Instances) -> Floats:
    """Panoptic quality: sq · instance_f1."""
    return np.asarray(sq(i) * instance_f1(i))


@measure(
    "instances",
    "instances",
    "mean Dice over the matches",
    undefined="no instances in either volume, or there is no label map",
    source="Maier-Hein et al. 2024",
    best=1.0,
    worst=0.0,
    synonyms=also("sq_dsc sq_dice lesion_dice"),
    title="inst. Dice",
)
def instance_dice(i: Instances, *, from_mm3: float = 0.0) -> Floats:
    """Mean Dice over the matches, of reference instances ``from_mm3`` on: how well what was found is outlined."""
    found = [[match.dice for match in target.matches] for target in i.targets]
    return _mean_over_matches(i, found, worst=0.0, from_mm3=from_mm3)


@measure(
    "instances",
    "instances",
    "mean hd95 over the matches, mm",
    undefined="no instances in either volume, or there is no label map",
    source="Maier-Hein et al. 2024",
    best=0.0,
    worst=np.inf,
    synonyms=also("sq_hd95 lesion_hd95"),
    title="inst. HD95",
)
def instance_hd95(i: Instances, *, pooled: bool = False, from_mm3: float = 0.0) -> Floats:
    """Mean 95th percentile Hausdorff distance over the matches, of reference instances ``from_mm3`` on, in mm;
    ``pooled`` takes it over both directions together."""
    return _mean_over_matches(i, distances_of(i, pooled=pooled), worst=i.missed_mm, from_mm3=from_mm3)


@measure(
    "instance_surface",
    "instances",
    "mean over the matches: mean of both boundaries' shares within tau mm",
    undefined="no instances in either volume, or there is no label map",
    source="Kofler et al. 2023",
    best=1.0,
    worst=0.0,
    synonyms=also("sq_nsd instance_surface_dice"),
    title="inst. NSD",
)
def instance_nsd(i: Instances, *, tau: float = 1.0, from_mm3: float = 0.0) -> Floats:
    """Mean surface Dice over the matches, of reference instances ``from_mm3`` on: of each the mean of both boundaries'
    shares within ``tau`` mm, not the pooled one."""
    shares = [[match.nsd.get(tau, np.nan) for match in target.matches] for target in i.targets]
    return _mean_over_matches(i, shares, worst=0.0, from_mm3=from_mm3)


@measure(
    "instances",
    "instances",
    "voxels of the reference instances without a match · voxel volume",
    undefined="no geometry",
    source="Maier-Hein et al. 2024",
    best=0.0,
    worst=np.inf,
    synonyms=also("missed_volume false_negative_volume fnv"),
    title="missed ml",
)
def missed_volume_ml(i: Instances) -> Floats:
    """Volume of the reference instances without a match, in millilitres."""
    return _voxels(target.missed for target in i.targets) * i.voxel_volume_ml


@measure(
    "instances",
    "instances",
    "voxels of the prediction instances in no match · voxel volume",
    undefined="no geometry",
    source="Maier-Hein et al. 2024",
    best=0.0,
    worst=np.inf,
    synonyms=also("invented_volume false_positive_volume fpv"),
    title="invented ml",
)
def invented_volume_ml(i: Instances) -> Floats:
    """Volume of the prediction instances in no match, in millilitres."""
    return _voxels(target.invented for target in i.targets) * i.voxel_volume_ml


def _rate(i: Instances, numerator: Integers, denominator: Integers) -> Floats:
    return np.where((denominator == 0) & ~_without_instances(i), 0.0, ratio(numerator, denominator))


def _without_instances(i: Instances) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(instance_tp(i) + instance_fp(i) + instance_fn(i) == 0)


def _mean_over_matches(i: Instances, values: list[list[float]], *, worst: float, from_mm3: float = 0.0) -> Floats:
    """from_mm3: undefined where the reference has no instance of that volume, whatever was invented."""
    undefined = _without_instances(i)
    if from_mm3:
        for target, found in zip(i.targets, values, strict=True):
            chosen = zip(found, target.matches, strict=True)
            found[:] = [value for value, match in chosen if not _is_small(i, match.reference, from_mm3)]
        undefined = np.isnan(i.voxel_volume_ml) | np.array(
            [all(_is_small(i, r, from_mm3) for r in _references(target)) for target in i.targets]
        )
    means = np.array([np.mean(found) if found else worst for found in values], dtype=np.float64)
    means[undefined] = np.nan
    return means


def _references(target: TargetInstances) -> list[Instance]:
    return [*(match.reference for match in target.matches), *target.missed]


def _is_small(i: Instances, instance: Instance, below_mm3: float) -> bool:
    """Whether it counts: all do where no volume is given."""
    limit = below_mm3 * (1 - VOLUME_ROUNDING)
    return not below_mm3 or instance.voxels * i.voxel_volume_ml * _MM3_PER_ML < limit


def _found(i: Instances, target: TargetInstances, below_mm3: float, dice: float) -> list[Match]:
    small = (match for match in target.matches if _is_small(i, match.reference, below_mm3))
    return [match for match in small if match.dice >= dice]


def distances_of(i: Instances, *, pooled: bool = False) -> list[list[float]]:
    """Per target, of its matches; NaN where distances were not measured."""
    found = [[match.pooled_hd95 if pooled else match.hd95 for match in target.matches] for target in i.targets]
    return [[np.nan if mm is None else mm for mm in of_target] for of_target in found]


def _voxels(groups: Iterable[tuple[Instance, ...]]) -> Floats:
    return np.array([sum(instance.voxels for instance in group) for group in groups], dtype=np.float64)

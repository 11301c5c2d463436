"""The lesion-wise quantities of BraTS: functions of the lesions that its procedure scores, as docs/instances.md says.

Lesions that are left out, and the predictions that belong to them, count nowhere. Where nothing is left to average,
they have the values of the publication.
"""

from __future__ import annotations

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.quantities.instance import distances_of
from segeval.quantities.quantity import also, measure
from segeval.tallies.instances import Instances, TargetInstances


@measure(
    "lesionwise",
    "lesions",
    "mean over lesions and inventions: Dice of a match, else 0",
    undefined="there is no label map",
    source="Saluja et al. 2023",
    best=1.0,
    worst=0.0,
    synonyms=also("lesionwise_dsc lesion_dice"),
    title="lesion Dice",
)
def lesionwise_dice(i: Instances) -> Floats:
    """Mean over scored lesions and invented instances: Dice of a match, 0 of a miss and of an invention."""
    return np.array([_penalised([m.dice for m in target.matches], target, 0.0, 1.0) for target in i.targets])


@measure(
    "lesionwise",
    "lesions",
    "mean over lesions and inventions: surfel hd95 of a match, else penalty_mm",
    undefined="there is no label map",
    source="Saluja et al. 2023",
    best=0.0,
    worst=np.inf,
    synonyms=also("lesionwise_hausdorff95 lesion_hd95"),
    title="lesion HD95",
)
def lesionwise_hd95(i: Instances, *, penalty_mm: float = 374.0, missed: bool = False) -> Floats:
    """Mean over scored lesions and invented instances: HD95 of a match, the penalty of a miss and of an invention.

    penalty_mm: BraTS's 374 is the diagonal of its 240 × 240 × 155 mm volume, rounded up. missed: in place of it the
    distance of a missed target (``--missed``).
    """
    distances = zip(i.targets, distances_of(i), strict=True)
    penalty = i.missed_mm if missed else penalty_mm
    return np.array([_penalised(values, target, penalty, 0.0) for target, values in distances])


@measure(
    "lesionwise",
    "lesions",
    "mean over lesions and inventions: mean of both boundaries' shares within tau mm, else 0",
    undefined="there is no label map",
    source="Saluja et al. 2024",
    best=1.0,
    worst=0.0,
    synonyms=also("lesion_nsd lesionwise_surface_dice"),
    title="lesion NSD",
)
def lesionwise_nsd(i: Instances, *, tau: float = 1.0) -> Floats:
    """Mean over scored lesions and invented instances: surface Dice of a match, 0 of a miss and of an invention.

    That of a match is the mean of both boundaries' shares of voxels within ``tau`` mm of the other, not the pooled one.
    """
    shares = [[match.nsd.get(tau, np.nan) for match in target.matches] for target in i.targets]
    return np.array([_penalised(values, target, 0.0, 1.0) for target, values in zip(i.targets, shares, strict=True)])


@measure(
    "lesionwise",
    "lesions",
    "scored lesions with a prediction",
    undefined="",
    source="Saluja et al. 2023",
    is_count=True,
    synonyms=also("num_tp"),
    title="lesion TP",
)
def lesionwise_tp(i: Instances) -> Integers:
    """Scored lesions that a prediction belongs to."""
    return np.array([len(target.matches) for target in i.targets], dtype=np.int64)


@measure(
    "lesionwise",
    "lesions",
    "predictions that belong to no lesion, scored or not",
    undefined="",
    source="Saluja et al. 2023",
    is_count=True,
    synonyms=also("num_fp"),
    title="lesion FP",
)
def lesionwise_fp(i: Instances) -> Integers:
    """Invented instances: predictions that belong to no lesion."""
    return np.array([len(target.invented) for target in i.targets], dtype=np.int64)


@measure(
    "lesionwise",
    "lesions",
    "scored lesions without a prediction",
    undefined="",
    source="Saluja et al. 2023",
    is_count=True,
    synonyms=also("num_fn"),
    title="lesion FN",
)
def lesionwise_fn(i: Instances) -> Integers:
    """Scored lesions that no prediction belongs to."""
    return np.array([len(target.missed) for target in i.targets], dtype=np.int64)


def _penalised(values: list[float], target: TargetInstances, penalty: float, without_any: float) -> float:
    """The published mean; ``without_any`` where there is neither a scored lesion nor an invented instance."""
    failures = len(target.missed) + (len(target.invented) if target.inventions_count else 0)
    if not values and not failures:
        return without_any
    punished = failures * penalty if failures else 0.0  # a penalty may be undefined
    return (sum(values) + punished) / (len(values) + failures)

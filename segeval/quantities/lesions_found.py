"""Lesions found by enough of their voxels, by predictions that do not reach too far beyond: MSSEG's rule.

Commowick et al. 2018, as Anima's animaSegPerfAnalyzer computes it; docs/instances.md has the steps.
"""

from __future__ import annotations

import math

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.quantities.quantity import also, measure
from segeval.tallies.instances import Instances, TargetInstances
from segeval.tallies.overlaps import Overlaps


@measure(
    "detection",
    "instances",
    "lesions of the reference that are found / all of them",
    undefined="no instance in the reference, or there is no label map",
    source="Commowick et al. 2018",
    best=1.0,
    worst=0.0,
    synonyms=also("anima_sensl msseg_sensitivity lesion_detection_sensitivity"),
    title="SensL",
)
def sensl(i: Instances, *, found: float = 0.1, beyond: float = 0.7, explained: float = 0.65) -> Floats:
    """Lesion detection sensitivity of MSSEG: of a lesion more than ``found`` is predicted, by predictions that explain
    ``explained`` of that, the largest first, of which each has at most ``beyond`` of its voxels in no lesion."""
    return np.array([_sensitivity(_overlaps(target), found, beyond, explained) for target in i.targets])


@measure(
    "detection",
    "instances",
    "instances of the prediction that are found by the reference / all of them",
    undefined="no instances in either volume, or there is no label map",
    source="Commowick et al. 2018",
    best=1.0,
    worst=0.0,
    synonyms=also("anima_ppvl msseg_ppv lesion_ppv"),
    title="PPVL",
)
def ppvl(i: Instances, *, found: float = 0.1, beyond: float = 0.7, explained: float = 0.65) -> Floats:
    """Positive predictive value for lesions of MSSEG: ``sensl`` with the volumes exchanged; 0 without a prediction."""
    return np.array([_precision(_overlaps(target), found, beyond, explained) for target in i.targets])


@measure(
    "detection",
    "instances",
    "2 · sensl · ppvl / (sensl + ppvl)",
    undefined="no instances in either volume, or there is no label map",
    source="Commowick et al. 2018",
    best=1.0,
    worst=0.0,
    synonyms=also("anima_f1 msseg_f1"),
    title="lesion F1",
)
def f1l(i: Instances, *, found: float = 0.1, beyond: float = 0.7, explained: float = 0.65) -> Floats:
    """Lesion F1 score of MSSEG, which ranks by it; 0 where nothing is found."""
    values = []
    for target in i.targets:
        overlaps = _overlaps(target)
        recall = _sensitivity(overlaps, found, beyond, explained)
        precision = _precision(overlaps, found, beyond, explained)
        both = recall + precision
        values.append(math.nan if math.isnan(precision) else 2 * recall * precision / both if both > 0 else 0.0)
    return np.array(values)


def _overlaps(target: TargetInstances) -> Overlaps:
    return target.overlaps or Overlaps.none()


def _sensitivity(overlaps: Overlaps, found: float, beyond: float, explained: float) -> float:
    count = len(overlaps.reference)
    if not count:
        return math.nan
    return _number_found(overlaps.reference, overlaps.prediction, overlaps.pairs, found, beyond, explained) / count


def _precision(overlaps: Overlaps, found: float, beyond: float, explained: float) -> float:
    count = len(overlaps.prediction)
    if not count:
        return 0.0 if len(overlaps.reference) else math.nan
    exchanged = overlaps.pairs[[1, 0, 2]]
    return _number_found(overlaps.prediction, overlaps.reference, exchanged, found, beyond, explained) / count


def _number_found(
    sizes: Integers, others: Integers, pairs: Integers, found: float, beyond: float, explained: float
) -> int:
    """How many instances are found by those of the other volume. pairs: places among both, and shared voxels.

    Shares are quotients of voxels, not sums of quotients: 7 of 20 and 6 of 20 are 0.65, and 3 of 10 are 0.3.
    """
    own, other, shared = pairs
    covered, within = np.zeros(len(sizes), dtype=np.int64), np.zeros(len(others), dtype=np.int64)
    np.add.at(covered, own, shared)
    np.add.at(within, other, shared)
    outside = (others - within) / others
    order = np.lexsort((other, -shared, own))
    starts = np.searchsorted(own[order], np.arange(len(sizes) + 1))
    number = 0
    for k in np.flatnonzero(covered / sizes > found).tolist():
        covering, fits = 0, True
        for pair in order[starts[k] : starts[k + 1]].tolist():
            if covering / covered[k] >= explained or not fits:
                break
            fits = bool(outside[other[pair]] <= beyond)
            covering += int(shared[pair])
        number += fits
    return number

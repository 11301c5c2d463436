"""Detection of lesions over cases, from candidates with confidences. The definitions are in docs/instances.md.

Every quantity is of all cases that it is given: of one in a case's rows, of all of them in the pooled rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.quantities.matches import ROUNDING, THRESHOLDS, without_rivals
from segeval.quantities.quantity import also, measure
from segeval.tallies.detections import CaseDetections, Cases

RATES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
"""False positives per case."""
_RECALLS = np.arange(101) / 100

Targets = Sequence[Cases | None]


@measure(
    "detection_maps",
    "detections",
    "Σ Δrecall · precision over the confidences above 0, candidates matched to lesions with IoU ≥ iou",
    undefined="no lesion",
    source="Saha et al. 2024",
    best=1.0,
    worst=0.0,
    synonyms=also("picai_ap lesion_average_precision"),
    title="lesion AP",
)
def lesion_ap(d: Targets, *, iou: float = 0.1) -> Floats:
    """Average precision of lesion detection, PI-CAI's AP."""
    return _of_each(d, lambda cases: _average_precision(*_pooled(cases, iou)))


@measure(
    "detection_maps",
    "detections",
    "sensitivity at rate false positives per case; without one the mean over 1/8, 1/4, 1/2, 1, 2, 4, 8",
    undefined="no lesion",
    source="Niemeijer et al. 2011",
    best=1.0,
    worst=0.0,
    synonyms=also("cpm froc_score competition_performance_metric", lesion_tpr_at_fpr="froc:rate=1"),
    title="FROC",
)
def froc(d: Targets, *, rate: float | None = None, iou: float = 0.1) -> Floats:
    """Free-response ROC: the share of lesions found at a number of false positives per case, or its mean, CPM."""
    rates = RATES if rate is None else (rate,)
    return _of_each(d, lambda cases: _sensitivity(*_pooled(cases, iou), len(cases), rates))


@measure(
    "detection_maps",
    "detections",
    "area under the ROC curve of cases, whose confidence is their largest, against whether they have a lesion",
    undefined="every case has a lesion, or none has",
    source="Saha et al. 2024",
    best=1.0,
    worst=0.0,
    synonyms=also("picai_auroc patient_auroc patient_level_auc"),
    title="case AUROC",
)
def case_auroc(d: Targets) -> Floats:
    """How well cases with lesions are told from those without, PI-CAI's AUROC; of one case there is none."""
    return _of_each(d, _auroc)


@measure(
    "detection_maps",
    "detections",
    "mean over recall 0, 0.01, …, 1 of the best precision at no less recall, candidates by confidence, IoU ≥ iou",
    undefined="no lesion",
    source="Lin et al. 2014",
    best=1.0,
    worst=0.0,
    synonyms=also("coco_ap50 detection_ap"),
    title="inst. AP",
)
def instance_ap(d: Targets, *, iou: float = 0.5) -> Floats:
    """Average precision of instances as COCO has it, over all sizes and with no limit on their number."""
    return _of_each(d, lambda cases: _interpolated_precision(cases, iou))


@measure(
    "detection_maps",
    "detections",
    "mean of instance_ap over IoU 0.5, 0.55, …, 0.95",
    undefined="no lesion",
    source="Lin et al. 2014",
    best=1.0,
    worst=0.0,
    synonyms=also("coco_ap mask_ap segm_ap coco_map"),
    title="inst. mAP",
)
def instance_map(d: Targets) -> Floats:
    """COCO's average precision: the mean over ten thresholds of the IoU."""
    return _of_each(d, lambda cases: float(np.mean([_interpolated_precision(cases, iou) for iou in THRESHOLDS])))


def _of_each(d: Targets, formula: Callable[[Cases], float]) -> Floats:
    return np.array([np.nan if cases is None else formula(cases) for cases in d], dtype=np.float64)


def _pooled(cases: Cases, iou: float) -> tuple[Floats, Floats]:
    """By which confidence each lesion was found, 0 where it was not; and those of the candidates that found none."""
    found = [_matched(case, iou) for case in cases]
    return np.concatenate([hits for hits, _ in found]), np.concatenate([others for _, others in found])


def _matched(case: CaseDetections, iou: float) -> tuple[Floats, Floats]:
    """Of one case, by PI-CAI's rule: candidates are assigned so that 1 + IoU adds up to the most.

    A candidate that overlaps enough with a lesion that another one found is neither hit nor false.
    """
    close = case.iou >= iou - ROUNDING
    (lesion, candidate), overlap = case.pairs[:, close], case.iou[close]
    hits = np.zeros(case.lesions)
    chosen = slice(None) if without_rivals(lesion, candidate) else _assigned(lesion, candidate, 1 + overlap)
    hits[lesion[chosen]] = case.confidences[candidate[chosen]]
    false = np.ones(len(case.confidences), dtype=np.bool_)
    false[candidate] = False
    return hits, case.confidences[false]


def _assigned(lesion: Integers, candidate: Integers, weight: Floats) -> Integers:
    """Which pairs to take for the largest sum of weights, so that none shares a lesion or a candidate."""
    from scipy.optimize import linear_sum_assignment

    rows, row = np.unique(lesion, return_inverse=True)
    columns, column = np.unique(candidate, return_inverse=True)
    table = np.zeros((len(rows), len(columns)))
    table[row, column] = weight
    partner = np.full(len(rows), -1)
    taken, to = linear_sum_assignment(table, maximize=True)
    partner[taken] = to
    return np.flatnonzero(partner[row] == column)


def _curve(hits: Floats, false: Floats) -> tuple[Integers, Integers]:
    """(Lesions found, false positives) at each confidence above 0, the highest first."""
    thresholds = np.unique(np.concatenate((hits, false)))[::-1]
    thresholds = thresholds[thresholds > 0]
    found, wrong = (len(values) - np.searchsorted(np.sort(values), thresholds) for values in (hits, false))
    return found, wrong


def _average_precision(hits: Floats, false: Floats) -> float:
    if not len(hits):
        return np.nan
    found, wrong = _curve(hits, false)
    more = np.diff(found, prepend=0) / len(hits)
    return float((more * found / (found + wrong)).sum())


def _sensitivity(hits: Floats, false: Floats, cases: int, rates: Sequence[float]) -> float:
    """Mean over the rates of what is found at no more false positives per case."""
    if not len(hits):
        return np.nan
    found, wrong = _curve(hits, false)
    return float(np.mean([found[wrong <= rate * cases].max(initial=0) / len(hits) for rate in rates]))


def _auroc(cases: Cases) -> float:
    """The share of pairs of a case with and one without a lesion that are in order, ties by half."""
    with_lesions = np.array([case.confidence for case in cases if case.lesions])
    without = np.sort([case.confidence for case in cases if not case.lesions])
    if not len(with_lesions) or not len(without):
        return np.nan
    below, up_to = (np.searchsorted(without, with_lesions, side) for side in ("left", "right"))
    return float((below + up_to).sum() / (2 * len(with_lesions) * len(without)))


def _interpolated_precision(cases: Cases, iou: float) -> float:
    lesions = sum(case.lesions for case in cases)
    if not lesions:
        return np.nan
    confidences = np.concatenate([case.confidences for case in cases])
    order = np.argsort(-confidences, kind="stable")
    hit = np.concatenate([_greedy(case, iou) for case in cases])[order]
    found = np.cumsum(hit)
    precision = np.maximum.accumulate((found / np.arange(1, len(hit) + 1))[::-1])[::-1]
    place = np.searchsorted(found / lesions, _RECALLS - ROUNDING)
    return float(np.append(precision, 0.0)[place].mean())


def _greedy(case: CaseDetections, iou: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which candidates find a lesion: by confidence, each takes the lesion of the largest IoU that is still free."""
    hit = np.zeros(len(case.confidences), dtype=np.bool_)
    close = case.iou >= iou - ROUNDING
    (lesion, candidate), overlap = case.pairs[:, close], case.iou[close]
    free = np.ones(case.lesions, dtype=np.bool_)
    for one in np.argsort(-case.confidences, kind="stable"):
        own = np.flatnonzero((candidate == one) & free[lesion])
        if len(own):
            hit[one] = True
            free[lesion[own[np.argmax(overlap[own])]]] = False
    return hit

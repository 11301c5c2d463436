"""Detection: how many objects were found, by rules that no option of matching changes: docs/instances.md."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.quantities.matches import ROUNDING, THRESHOLDS, without_rivals
from segeval.quantities.quantity import also, measure
from segeval.tallies.instances import Instances
from segeval.tallies.overlaps import Overlaps


@measure(
    "detection",
    "instances",
    "|prediction instances − reference instances|",
    undefined="there is no label map",
    source="Hernandez Petzsche et al. 2022",
    best=0.0,
    worst=np.inf,
    synonyms=also("absolute_lesion_count_difference lesion_difference count_difference alcd"),
    title="count diff.",
)
def lesion_count_difference(i: Instances) -> Floats:
    """Difference of the numbers of instances, as ISLES 2022 ranks by: none of them need match."""
    return _of_each(i, lambda found: abs(len(found.prediction) - len(found.reference)))


@measure(
    "detection",
    "instances",
    "number of reference instances",
    undefined="",
    source="Kirillov et al. 2019",
    is_count=True,
    synonyms=also("lesion_count n_ref_instances num_ref_instances reference_instances"),
    title="ref. inst.",
)
def ref_instances(i: Instances) -> Integers:
    """Instances in the reference."""
    return np.array([len((target.overlaps or Overlaps.none()).reference) for target in i.targets], dtype=np.int64)


@measure(
    "detection",
    "instances",
    "number of prediction instances",
    undefined="",
    source="Kirillov et al. 2019",
    is_count=True,
    synonyms=also("n_pred_instances num_pred_instances predicted_instances"),
    title="pred. inst.",
)
def pred_instances(i: Instances) -> Integers:
    """Instances in the prediction, each by itself, whatever match they share."""
    return np.array([len((target.overlaps or Overlaps.none()).prediction) for target in i.targets], dtype=np.int64)


@measure(
    "detection",
    "instances",
    "TP / (TP + FP + FN) of instances matched one to one with an IoU of at least iou",
    undefined="no instances in either volume, or there is no label map",
    source="Schmidt et al. 2018",
    best=1.0,
    worst=0.0,
    synonyms=also("matching_accuracy stardist_accuracy instance_accuracy ap50"),
    title="match. AP",
)
def matching_ap(i: Instances, *, iou: float = 0.5) -> Floats:
    """Accuracy of detection, called average precision by StarDist, Cellpose and the Data Science Bowl."""
    return _of_each(i, lambda found: _accuracy(found, iou))


@measure(
    "detection",
    "instances",
    "mean of matching_ap over IoU 0.5, 0.55, …, 0.95",
    undefined="no instances in either volume, or there is no label map",
    source="Caicedo et al. 2019",
    best=1.0,
    worst=0.0,
    synonyms=also("mean_matching_ap dsb2018 data_science_bowl_score"),
    title="match. mAP",
)
def matching_map(i: Instances) -> Floats:
    """Mean accuracy of detection over ten thresholds, the score of the 2018 Data Science Bowl."""
    return _of_each(i, lambda found: float(np.mean([_accuracy(found, iou) for iou in THRESHOLDS])))


@measure(
    "detection",
    "instances",
    "mean over the reference instances of their IoU with the prediction that holds more than half of them, else 0",
    undefined="no reference instance, or there is no label map",
    source="Maška et al. 2014",
    best=1.0,
    worst=0.0,
    synonyms=also("ctc_seg seg_measure ctc"),
    title="SEG",
)
def seg(i: Instances) -> Floats:
    """SEG of the Cell Tracking Challenge."""
    return _of_each(i, _seg)


@measure(
    "detection",
    "instances",
    "5 NS + 10 FN + FP: NS matches beyond one that a prediction has, FN and FP instances without a match",
    undefined="there is no label map",
    source="Matula et al. 2015",
    best=0.0,
    worst=np.inf,
    synonyms=also("ctc_det det det_measure aogm"),
    title="AOGM-D",
)
def aogm_d(i: Instances) -> Floats:
    """Cost of mending the instances, AOGM-D, of which the Cell Tracking Challenge makes DET.

    A prediction matches each reference instance of which it holds more than half. DET is 1 − AOGM-D / (10 n_R), at
    least 0, of all frames together.
    """
    return _of_each(i, _aogm_d)


def _of_each(i: Instances, formula: Callable[[Overlaps], float]) -> Floats:
    return np.array([formula(target.overlaps or Overlaps.none()) for target in i.targets], dtype=np.float64)


def _accuracy(found: Overlaps, iou: float) -> float:
    """Of every instance of both volumes; most of the pairs have no rival."""
    whole = len(found.prediction) + len(found.reference)
    matches = _most_matches(found, found.iou >= iou - ROUNDING)
    return matches / (whole - matches) if whole else np.nan


def _most_matches(found: Overlaps, close: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """How many of these pairs can be taken, so that no instance is in two."""
    reference, prediction, _ = found.pairs[:, close]
    if without_rivals(reference, prediction):
        return len(reference)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    shape = len(found.reference), len(found.prediction)
    places = reference.astype(np.int32), prediction.astype(np.int32)  # before SciPy 1.14 no others are taken
    table = coo_array((np.ones(len(reference), dtype=np.int8), places), shape=shape).tocsr()
    return int(np.count_nonzero(maximum_bipartite_matching(table) >= 0))


def _seg(found: Overlaps) -> float:
    """At most one prediction holds more than half of a reference."""
    if not len(found.reference):
        return np.nan
    return float(found.iou[_held(found)].sum() / len(found.reference))


def _aogm_d(found: Overlaps) -> float:
    reference, prediction, _ = found.pairs[:, _held(found)]
    used = len(np.unique(prediction))
    splits, lost, invented = len(reference) - used, len(found.reference) - len(reference), len(found.prediction) - used
    return float(5 * splits + 10 * lost + invented)


def _held(found: Overlaps) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Of each pair, whether the prediction's instance holds more than half of the reference's."""
    reference, _, shared = found.pairs
    return np.asarray(2 * shared > found.reference[reference])

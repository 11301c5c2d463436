"""What else the field computes from hard counts. The definitions are in docs/quantities.md."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.quantities import metrics
from segeval.quantities.arithmetic import as_floats, ratio
from segeval.quantities.quantity import also, metric, of_all
from segeval.tallies.partition import Partition
from segeval.tallies.tally import Counts

_GROUP = "rates"
_EITHER = "either is"


@metric(
    "(1+β²) TP / ((1+β²) TP + β² FN + FP)",
    group=_GROUP,
    undefined="both empty; with β = 0: prediction empty",
    source="van Rijsbergen 1979",
    best=1,
    worst=0,
    synonyms=also("fbeta_score", f2="{name}:beta=2", f2_score="{name}:beta=2"),
    title="F-beta",
)
def f_beta(c: Counts, *, beta: float = 2.0) -> Floats:
    """F-score that takes sensitivity for β times as important as precision; ``beta=1`` is Dice."""
    tp, fp, fn, _ = as_floats(c)
    weight = beta * beta
    return ratio((1 + weight) * tp, (1 + weight) * tp + weight * fn + fp)


@metric(
    "FP / (TN+FP), 1 − specificity",
    group=_GROUP,
    undefined="reference fills everything",
    source="fallout",
    best=0,
    worst=1,
    synonyms=also("false_positive_rate fallout"),
    title="FPR",
)
def fpr(c: Counts) -> Floats:
    """False positive rate, fallout."""
    return ratio(c.fp, c.tn + c.fp)


@metric(
    "FN / (TP+FN), 1 − sensitivity",
    group=_GROUP,
    undefined="reference empty",
    source="miss rate",
    best=0,
    worst=1,
    synonyms=also("false_negative_rate miss_rate"),
    title="FNR",
)
def fnr(c: Counts) -> Floats:
    """False negative rate, miss rate."""
    return ratio(c.fn, c.tp + c.fn)


@metric(
    "FP / (TP+FP), 1 − precision",
    group=_GROUP,
    undefined="prediction empty",
    source="Benjamini and Hochberg 1995",
    best=0,
    worst=1,
    synonyms=also("false_discovery_rate"),
    title="FDR",
)
def fdr(c: Counts) -> Floats:
    """False discovery rate."""
    return ratio(c.fp, c.tp + c.fp)


@metric(
    "FN / (TN+FN), 1 − npv",
    group=_GROUP,
    undefined="prediction fills everything",
    source="false omission rate",
    best=0,
    worst=1,
    synonyms=also("false_omission_rate"),
    title="FOR",
)
def for_(c: Counts) -> Floats:
    """False omission rate."""
    return ratio(c.fn, c.tn + c.fn)


@metric(
    "sensitivity + specificity − 1",
    group=_GROUP,
    undefined=_EITHER,
    source="Youden 1950",
    best=1,
    worst=-1,
    synonyms=also("youden youdens_j youden_index bookmaker_informedness"),
)
def informedness(c: Counts) -> Floats:
    """Youden's J."""
    return np.asarray(metrics.sensitivity(c) + metrics.specificity(c) - 1)


@metric(
    "precision + npv − 1",
    group=_GROUP,
    undefined=_EITHER,
    source="Powers 2011",
    best=1,
    worst=-1,
    synonyms=also("delta_p"),
)
def markedness(c: Counts) -> Floats:
    """Markedness: what informedness is, asked the other way round."""
    return np.asarray(metrics.precision(c) + metrics.npv(c) - 1)


@metric(
    "sensitivity / (1 − specificity)",
    group=_GROUP,
    undefined="either is, or FP = 0",
    source="positive likelihood ratio",
    best=math.inf,
    worst=0,
    synonyms=also("positive_likelihood_ratio lr_plus plr"),
    title="LR+",
)
def lr_positive(c: Counts) -> Floats:
    """Positive likelihood ratio."""
    return ratio(metrics.sensitivity(c), fpr(c))


@metric(
    "(1 − sensitivity) / specificity",
    group=_GROUP,
    undefined="either is, or specificity = 0",
    source="negative likelihood ratio",
    best=0,
    worst=math.inf,
    synonyms=also("negative_likelihood_ratio lr_minus nlr"),
    title="LR−",
)
def lr_negative(c: Counts) -> Floats:
    """Negative likelihood ratio."""
    return ratio(fnr(c), metrics.specificity(c))


@metric(
    "√(precision · sensitivity)",
    group=_GROUP,
    undefined=_EITHER,
    source="Fowlkes and Mallows 1983",
    best=1,
    worst=0,
    synonyms=also("fowlkes_mallows_index fm_index g_measure"),
    title="Fowlkes-Mallows",
)
def fowlkes_mallows(c: Counts) -> Floats:
    """Fowlkes–Mallows index of the label's voxels: the geometric mean of precision and sensitivity."""
    return np.asarray(np.sqrt(metrics.precision(c) * metrics.sensitivity(c)))


@metric("(TP+FN) / N", group=_GROUP, source="share of the reference")
def prevalence(c: Counts) -> Floats:
    """Prevalence: the share of the voxels that the reference gives the label."""
    return ratio(c.reference, c.n)


@metric(
    "√FPR / (√sensitivity + √FPR)",
    group=_GROUP,
    undefined="sensitivity or FPR is, or both are 0",
    source="Balayla 2020",
    best=0,
    worst=1,
    title="prev. threshold",
)
def prevalence_threshold(c: Counts) -> Floats:
    """Prevalence threshold: below this prevalence the precision falls off."""
    missed, found = np.sqrt(fpr(c)), np.sqrt(metrics.sensitivity(c))
    return ratio(missed, found + missed)


@metric(
    "|prediction − reference| voxels × voxel volume, ml",
    group=_GROUP,
    undefined="no geometry",
    source="volume error",
    best=0,
    worst=math.inf,
    synonyms=also("absolute_volume_difference avd_ml volume_error"),
    title="AVD ml",
)
def absolute_volume_difference_ml(c: Counts) -> Floats:
    """Absolute difference of the volumes, in millilitres."""
    return np.asarray(np.abs(c.prediction - c.reference) * np.float64(c.voxel_volume_ml))


@metric(
    "|prediction − reference| / reference voxels",
    group=_GROUP,
    undefined="reference empty",
    source="Heimann et al. 2009, without its sign",
    best=0,
    worst=math.inf,
    synonyms=also("avd absolute_relative_volume_difference"),
    title="rel. AVD",
)
def relative_absolute_volume_difference(c: Counts) -> Floats:
    """Absolute difference of the volumes, as a share of the reference."""
    return ratio(np.abs(c.prediction - c.reference), c.reference)


@metric(
    "1 − iou",
    group=_GROUP,
    undefined="both empty",
    source="Heimann et al. 2009",
    best=0,
    worst=1,
    synonyms=also("volumetric_overlap_error"),
    title="VOE",
)
def voe(c: Counts) -> Floats:
    """Volumetric overlap error."""
    return 1 - metrics.iou(c)


@metric(
    "(TP − w FP) / N, w = exchange_rate",
    group=_GROUP,
    source="Vickers and Elkin 2006",
    best=1,
    worst=-math.inf,
    title="net benefit",
)
def net_benefit(c: Counts, *, exchange_rate: float = 1.0) -> Floats:
    """Net benefit: how many true positives are left of a voxel when ``exchange_rate`` is paid for each false one."""
    return ratio(c.tp - exchange_rate * c.fp, c.n)


@of_all(
    "Σ_c R_c IoU_c / N over the labels of `all`",
    group=_GROUP,
    record="counts",
    source="Long et al. 2015",
    best=1,
    worst=0,
    synonyms=also("fwiou"),
    title="FW IoU",
)
def frequency_weighted_iou(c: Counts) -> float:
    """Frequency-weighted IoU: that of each label, background included, weighted by its share of the reference."""
    occurring = c[np.flatnonzero(c.reference).tolist()]
    return float((occurring.reference * metrics.iou(occurring)).sum() / c.n[0])


@of_all(
    "1 − Σ w_ij n_ij / Σ w_ij t_i s_j · N, w_ij = |i − j|; weights=quadratic: (i − j)²",
    group=_GROUP,
    undefined="both volumes hold one value, the same",
    source="Cohen 1968",
    best=1,
    worst=-math.inf,
    synonyms=also("ordinal_kappa", qwk="{name}:weights=quadratic", quadratic_weighted_kappa="{name}:weights=quadratic"),
    title="weighted κ",
)
def weighted_kappa(p: Partition, *, weights: str = "linear") -> float:
    """Weighted kappa of label values that are grades: how far apart they are counts."""
    power = 2 if weights == "quadratic" else 1
    reference, prediction = p.sizes()
    grades = p.reference_values[p.reference], p.prediction_values[p.prediction]
    apart = (np.maximum(*grades) - np.minimum(*grades)).astype(np.float64)
    observed = float((p.shared * apart**power).sum())
    expected = _by_chance(p.reference_values, reference, p.prediction_values, prediction, power) / float(p.shared.sum())
    return 1 - observed / expected if expected else math.nan


def _by_chance(first: NDArray[np.integer], n: Integers, second: NDArray[np.integer], m: Integers, power: int) -> float:
    """Σ_i Σ_j n_i m_j |first_i − second_j|^power, without a table of all pairs."""
    if power == 2:
        x, y = first.astype(np.float64), second.astype(np.float64)
        return float((n * x * x).sum() * m.sum() + (m * y * y).sum() * n.sum() - 2 * (n * x).sum() * (m * y).sum())
    values = np.union1d(first, second)
    below = [np.zeros(values.size) for _ in range(2)]
    for side, places, counts in ((0, first, n), (1, second, m)):
        np.add.at(below[side], np.searchsorted(values, places), counts)
    left, right = (np.cumsum(side) for side in below)
    crossing = left * (right[-1] - right) + right * (left[-1] - left)
    return float((crossing[:-1] * np.diff(values)).sum())

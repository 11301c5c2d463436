"""Calibration and ranking of probabilities: functions of a histogram. The definitions are in docs/calibration.md.

Every formula gives one value per target, float64 of shape (targets,), NaN where it is undefined.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from msgspec import Struct

from segeval.array_types import Floats, Integers
from segeval.quantities.arithmetic import ratio
from segeval.quantities.quantity import also, measure
from segeval.tallies.histogram import BINS, ProbabilityHistogram
from segeval.tallies.tally import SoftSums

_CURVE_EDGES = sorted({0} | {k for i in range(6) for k in (1 << i, BINS - (1 << i))} | set(range(32, BINS, 32)))
"""As multiples of 1/4096: steps of 1/128, and powers of two towards 0 and 1."""

_Counts = TypeVar("_Counts", Floats, Integers)


def brier_over_all(s: SoftSums) -> float:
    """Brier's multi-class score from the sums of all classes, background included: the sum of the classes' scores."""
    return float(brier(s).sum())


@measure(
    "calibration",
    "sums",
    "Σ (p − r)² / N; all: the sum over the classes",
    undefined="no voxel is evaluated",
    source="Brier 1950",
    best=0.0,
    worst=1.0,
    over_all=brier_over_all,
    synonyms=also("brier_loss brier_score_loss mse mean_squared_error"),
    title="Brier",
)
def brier(s: SoftSums) -> Floats:
    """Mean squared difference of probability and truth."""
    squares = (s.r - 2 * s.i + s.i2) + (s.p2 - s.i2)  # inside and outside the reference
    return ratio(np.maximum(squares, 0.0), s.n)  # rounding may leave a perfect prediction below 0


@measure(
    "calibration",
    "histogram",
    "Σ_b |Σ_b p − R_b| / N over ``bins`` equal parts b of [0, 1]",
    undefined="no voxel is evaluated, or the prediction is a label map",
    source="Naeini et al. 2015, Guo et al. 2017",
    best=0.0,
    worst=1.0,
    synonyms=also("expected_calibration_error calibration_error"),
    title="ECE",
)
def ece(h: ProbabilityHistogram, *, bins: float = 15) -> Floats:
    """Expected calibration error; bins is a divisor of 300 or of 4096."""
    parts = h.in_parts(bins)
    return ratio(np.abs(parts.probability - parts.inside).sum(axis=1), h.n)


@measure(
    "calibration",
    "histogram",
    "share of the pairs (voxel inside, voxel outside) with the higher p inside, ties half",
    undefined="reference empty, or fills everything, or the prediction is a label map",
    source="Hanley and McNeil 1982, Fawcett 2006",
    best=1.0,
    worst=0.0,
    synonyms=also("auc roc_auc auc_roc area_under_curve"),
    title="AUROC",
)
def auroc(h: ProbabilityHistogram) -> Floats:
    """Area under the receiver operating characteristic; voxels of one histogram cell are tied."""
    inside, outside = _inside_and_outside(h)
    below = outside.cumsum(axis=1) - outside
    return ratio((inside * (below + outside / 2)).sum(axis=1), inside.sum(axis=1) * outside.sum(axis=1))


def auroc_error(h: ProbabilityHistogram) -> Floats:
    """The largest distance of ``auroc`` from its value without cells: half of the pairs tied by sharing a cell."""
    inside, outside = _inside_and_outside(h)
    return ratio((inside * outside).sum(axis=1) / 2, inside.sum(axis=1) * outside.sum(axis=1))


@measure(
    "calibration",
    "histogram",
    "Σ_k (sensitivity_k − sensitivity_k+1) precision_k over thresholds k",
    undefined="reference empty, or the prediction is a label map",
    source="Davis and Goadrich 2006",
    best=1.0,
    worst=0.0,
    synonyms=also("ap auprc auc_pr pr_auc"),
    title="AP",
)
def average_precision(h: ProbabilityHistogram) -> Floats:
    """Area under the precision-recall curve as a step function over the histogram's cells."""
    inside, outside = _inside_and_outside(h)
    tp, fp = _at_or_above(inside), _at_or_above(outside)
    return _weighted_by_inside(inside, ratio(tp, tp + fp))


def average_precision_error(h: ProbabilityHistogram) -> Floats:
    """The largest distance of ``average_precision`` from its value without cells.

    Within a cell, precision is highest after all voxels inside and none outside, lowest after one and all.
    """
    inside, outside = _inside_and_outside(h)
    tp, fp = _at_or_above(inside), _at_or_above(outside)
    highest, lowest = ratio(tp, tp + fp - outside), ratio(tp - inside + 1, tp - inside + 1 + fp)
    precision = ratio(tp, tp + fp)
    return np.maximum(_weighted_by_inside(inside, highest - precision), _weighted_by_inside(inside, precision - lowest))


@measure(
    "calibration",
    "histogram",
    "the highest Dice of p >= k/4096, k = 0 … 4,095",
    undefined="reference empty, or the prediction is a label map",
    source="Dice 1945",
    best=1.0,
    worst=0.0,
    synonyms=also("max_dice optimal_dice"),
    title="best Dice",
)
def best_dice(h: ProbabilityHistogram) -> Floats:
    """The highest Dice that a threshold on p could have given."""
    return np.asarray(_dice_at_edges(h).max(axis=1))


@measure(
    "calibration",
    "histogram",
    "the lowest k/4096 that reaches best_dice",
    undefined="reference empty, or the prediction is a label map",
    source="",
    synonyms=also("best_threshold optimal_threshold"),
    title="best Dice at",
)
def best_dice_threshold(h: ProbabilityHistogram) -> Floats:
    """The lowest threshold, inclusive, that gives the best Dice."""
    dice = _dice_at_edges(h)
    return np.where(np.isnan(dice[:, 0]), np.nan, dice.argmax(axis=1) / BINS)


class ThresholdCurve(Struct, frozen=True):
    """What thresholds, inclusive, make of a probability map; the same 138 thresholds for every map.

    thresholds: ascending, shape (points,); counts and ratios: shape (targets, points); n, reference: voxels, shape
    (targets,). Precision is NaN where no voxel reaches the threshold, sensitivity where the reference is empty.
    """

    thresholds: Floats
    tp: Integers
    fp: Integers
    precision: Floats
    sensitivity: Floats
    n: Integers
    reference: Integers


def threshold_curve(h: ProbabilityHistogram) -> ThresholdCurve:
    """TP, FP, precision and sensitivity at steps of 1/128, closer towards 0 and 1: exact, as from the voxels.

    The precision-recall curve and, with FP / (N − R), the ROC curve.
    """
    bins = h.in_parts(BINS)
    tp, predicted = (_at_or_above(a)[:, _CURVE_EDGES] for a in (bins.inside, bins.voxels))
    return ThresholdCurve(
        np.array(_CURVE_EDGES) / BINS,
        tp,
        predicted - tp,
        precision=ratio(tp, predicted),
        sensitivity=ratio(tp, h.reference[:, np.newaxis]),
        n=h.n,
        reference=h.reference,
    )


def _inside_and_outside(h: ProbabilityHistogram) -> tuple[Floats, Floats]:
    """In float64, whose products do not overflow."""
    return h.inside.astype(np.float64), (h.voxels - h.inside).astype(np.float64)


def _at_or_above(counts: _Counts) -> _Counts:
    """Voxels in this cell or a higher one."""
    return counts[:, ::-1].cumsum(axis=1)[:, ::-1]


def _weighted_by_inside(inside: Floats, values: Floats) -> Floats:
    """The mean over the voxels inside, of a value per cell that may be NaN where none is."""
    return ratio((inside * np.where(inside > 0, values, 0.0)).sum(axis=1), inside.sum(axis=1))


def _dice_at_edges(h: ProbabilityHistogram) -> Floats:
    """Dice of p >= k/4096, shape (targets, 4096); NaN where the reference is empty."""
    bins = h.in_parts(BINS)
    tp, predicted = _at_or_above(bins.inside), _at_or_above(bins.voxels)
    reference = h.reference[:, np.newaxis]
    return np.where(reference > 0, ratio(2 * tp, predicted + reference), np.nan)

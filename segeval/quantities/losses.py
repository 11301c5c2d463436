"""The losses: functions of the nine sums, lower is better. The definitions are in docs/quantities.md.

``r ln p̂`` and the like were summed under one (gamma, eta); a formula picks its own with ``s.logs[gamma, eta]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from segeval.array_types import Floats
from segeval.quantities.arithmetic import generalised_dice, mean_over_labels, ratio, two_class
from segeval.quantities.quantity import also, loss
from segeval.tallies.power_sums import PowerSum
from segeval.tallies.tally import DEFAULT_ETA, DEFAULT_GAMMA, SoftSums

_SUDRE = "Sudre et al. 2017"
_LIN = "Lin et al. 2017"
_EPSILON = 1e-6


def _smoothing(settings: Mapping[str, Any]) -> PowerSum | None:
    """Smoothed targets need the logarithms of what is not the case, too."""
    return ("wrong_log", 1.0, settings["eta"]) if settings["label_smoothing"] else None


def _sum_of_ce(s: SoftSums, *, eta: float, label_smoothing: float) -> float:
    return float(ce(s, eta=eta, label_smoothing=label_smoothing).sum())


def _sum_of_weighted_ce(s: SoftSums, *, eta: float) -> float:
    return float(weighted_ce(s, eta=eta).sum())


def _true_class_focal(s: SoftSums, *, gamma: float, eta: float) -> float:
    return float(ratio(-s.logs[gamma, eta].f1, s.n).sum())


def _generalised(s: SoftSums, weights: int, epsilon: float, numerator_epsilon: float) -> Floats:
    """The generalised Dice loss of each target against the rest, the weights 1 / R^weights."""
    return 1 - generalised_dice(*two_class(s), weights, epsilon=epsilon, numerator_epsilon=numerator_epsilon)


def _generalised_over_all(weights: int) -> Callable[..., float]:
    """The same over all classes, with the background or without."""

    def over_all(s: SoftSums, *, background: bool, **epsilons: float) -> float:
        classes = s if background else s[1:]
        if not classes.n.size:
            return math.nan
        intersection, total, reference = (a[:, np.newaxis] for a in (classes.i, classes.p + classes.r, classes.r))
        return 1 - float(generalised_dice(intersection, total, reference, weights, **epsilons)[0])

    return over_all


@loss(
    "−L1 / N, the label's share; label_smoothing s: the target is (1−s) r + s/C",
    source="cross-entropy averaged over voxels",
    over_all=_sum_of_ce,
    synonyms=also("cross_entropy ce_loss cross_entropy_loss categorical_cross_entropy log_loss nll nll_loss"),
    title="CE",
    power_sum=_smoothing,
)
def ce(s: SoftSums, *, eta: float = DEFAULT_ETA, label_smoothing: float = 0.0) -> Floats:
    """The label's share of the multi-class cross-entropy; the shares of all labels add up to ``all``."""
    l1 = s.logs[DEFAULT_GAMMA, eta].l1
    if label_smoothing:
        everywhere = l1 + s.powers["wrong_log", 1.0, eta].outside
        l1 = (1 - label_smoothing) * l1 + label_smoothing / s.classes * everywhere
    return ratio(-l1, s.n)


@loss(
    "−w L1 / N, w = N / (C R) or --class-weights, the label's share",
    source="class-weighted cross-entropy, FCN / U-Net",
    over_all=_sum_of_weighted_ce,
    synonyms=also("class_weighted_ce weighted_cross_entropy weighted_cross_entropy_loss"),
    title="weighted CE",
)
def weighted_ce(s: SoftSums, *, eta: float = DEFAULT_ETA) -> Floats:
    """The label's share of the class-weighted cross-entropy; 0 where the reference lacks the label."""
    weights = ratio(s.n, s.classes * s.r) if s.class_weights is None else s.class_weights
    return np.where(s.r == 0, 0.0, weights * ce(s, eta=eta))


@loss(
    "−(L1 + L0) / N; label_smoothing s: the target is (1−s) r + s/2",
    source="binary cross-entropy",
    synonyms=also("binary_cross_entropy bce_loss binary_cross_entropy_loss sigmoid_cross_entropy"),
    title="BCE",
    power_sum=_smoothing,
)
def bce(s: SoftSums, *, eta: float = DEFAULT_ETA, label_smoothing: float = 0.0) -> Floats:
    """Binary cross-entropy of the label against the rest."""
    logs = s.logs[DEFAULT_GAMMA, eta]
    total = logs.l1 + logs.l0
    if label_smoothing:
        total = total + label_smoothing / 2 * (s.powers["wrong_log", 1.0, eta].both - total)
    return ratio(-total, s.n)


@loss(
    "−(w L1 + L0) / N, w = (N − P) / P",
    undefined="P = 0 while R > 0",
    source=f"{_SUDRE}, weighted cross-entropy",
    needs_every_value=True,
    synonyms=also("wce_loss weighted_cross_entropy weighted_cross_entropy_loss"),
    title="WCE",
)
def wce(s: SoftSums, *, eta: float = DEFAULT_ETA) -> Floats:
    """Weighted cross-entropy, weighted by the predicted volume."""
    logs = s.logs[DEFAULT_GAMMA, eta]
    weighted = np.where((s.p == 0) & (s.r == 0), 0.0, ratio(s.n - s.p, s.p) * logs.l1)
    return ratio(-(weighted + logs.l0), s.n)


@loss(
    "−(β L1 + L0) / N, β = (N − R) / R by default",
    source="weighted BCE with pos_weight",
    synonyms=also("wbce weighted_binary_cross_entropy"),
    title="weighted BCE",
)
def weighted_bce(s: SoftSums, *, eta: float = DEFAULT_ETA, pos_weight: float | None = None) -> Floats:
    """Binary cross-entropy whose positive term is weighted; that term is 0 where the reference lacks the label."""
    logs = s.logs[DEFAULT_GAMMA, eta]
    weights = ratio(s.n - s.r, s.r) if pos_weight is None else np.full_like(s.r, pos_weight)
    weighted = np.where(s.r == 0, 0.0, weights * logs.l1)
    return ratio(-(weighted + logs.l0), s.n)


@loss(
    "−(F1 + F0) / N",
    source=f"{_LIN}, modulating factor alone",
    over_all=_true_class_focal,
    synonyms=also("focal_loss_no_alpha focal_without_alpha"),
    title="focal, no α",
)
def focal_no_alpha(s: SoftSums, *, eta: float = DEFAULT_ETA, gamma: float = DEFAULT_GAMMA) -> Floats:
    """Focal loss without class balance."""
    logs = s.logs[gamma, eta]
    return ratio(-(logs.f1 + logs.f0), s.n)


@loss("−(α F1 + (1−α) F0) / N", source=f"{_LIN}, α-balanced", synonyms=also("focal_loss balanced_focal_loss"))
def focal(s: SoftSums, *, alpha: float = 0.25, eta: float = DEFAULT_ETA, gamma: float = DEFAULT_GAMMA) -> Floats:
    """Focal loss, α-balanced."""
    logs = s.logs[gamma, eta]
    return ratio(-(alpha * logs.f1 + (1 - alpha) * logs.f0), s.n)


@loss(
    "1 − (I + ε)/(P + R + ε) − (Σ(1−p)(1−r) + ε)/(2N − P − R + ε)",
    source=f"two-class Dice loss, {_SUDRE} (after Milletari et al. 2016)",
    worst=1,
    synonyms=also("two_class_dice two_class_dice_loss"),
    title="DL2",
)
def dl2(s: SoftSums, *, epsilon: float = _EPSILON) -> Floats:
    """Two-class Dice loss."""
    (hit, rest_hit), (total, rest_total), _ = two_class(s)
    return 1 - ratio(hit + epsilon, total + epsilon) - ratio(rest_hit + epsilon, rest_total + epsilon)


@loss(
    "λ Σ(r−p)² r /(R + ε) + (1−λ) Σ(r−p)²(1−r) / (N − R + ε)",
    source="Brosch et al. 2015",
    worst=1,
    synonyms=also("sensitivity_specificity sensitivity_specificity_loss ss_loss"),
    title="SS",
)
def ss(s: SoftSums, *, epsilon: float = _EPSILON, sensitivity_weight: float = 0.05) -> Floats:
    """Sensitivity-specificity loss."""
    missed = ratio(s.r - 2 * s.i + s.i2, s.r + epsilon)
    invented = ratio(s.p2 - s.i2, s.n - s.r + epsilon)
    return sensitivity_weight * missed + (1 - sensitivity_weight) * invented


@loss(
    "1 − (2 Σ w_c I_c + ε_n) / (Σ w_c (P_c + R_c) + ε) over {label, rest}, w_c = 1/R_c²",
    source=f"generalised Dice loss, volume weights, {_SUDRE}",
    worst=1,
    over_all=_generalised_over_all(2),
    synonyms=also("gdl gdl_square generalised_dice_loss generalized_dice_loss"),
    title="GDL v",
)
def gdl_v(
    s: SoftSums,
    *,
    background: bool = True,  # noqa: ARG001 (the setting belongs to the row `all`)
    epsilon: float = 0.0,
    numerator_epsilon: float = 0.0,
) -> Floats:
    """Generalised Dice loss with volume weights."""
    return _generalised(s, 2, epsilon, numerator_epsilon)


@loss(
    "as gdl_v with w_c = 1/R_c",
    source=f"generalised Dice loss, {_SUDRE}",
    worst=1,
    over_all=_generalised_over_all(1),
    title="GDL simple",
)
def gdl_simple(
    s: SoftSums,
    *,
    background: bool = True,  # noqa: ARG001 (the setting belongs to the row `all`)
    epsilon: float = 0.0,
    numerator_epsilon: float = 0.0,
) -> Floats:
    """Generalised Dice loss with simple weights."""
    return _generalised(s, 1, epsilon, numerator_epsilon)


@loss(
    "as gdl_v with w_c = 1",
    source=f"generalised Dice loss, {_SUDRE}",
    worst=1,
    over_all=_generalised_over_all(0),
    title="GDL uniform",
)
def gdl_uniform(
    s: SoftSums,
    *,
    background: bool = True,  # noqa: ARG001 (the setting belongs to the row `all`)
    epsilon: float = 0.0,
    numerator_epsilon: float = 0.0,
) -> Floats:
    """Generalised Dice loss without weights."""
    return _generalised(s, 0, epsilon, numerator_epsilon)


@loss(
    "1 − (2 I + ε_n) / (D + ε), D = P2 + R; power=1: D = P + R",
    source="V-Net, squared denominator, Milletari et al. 2016; linear: Drozdzal et al. 2016",
    worst=1,
    over_all=mean_over_labels(lambda: soft_dice),
    without_label_map=True,
    synonyms=also("dice_loss soft_dice_loss vnet_dice"),
    title="soft Dice",
)
def soft_dice(s: SoftSums, *, power: float = 2.0, epsilon: float = _EPSILON, numerator_epsilon: float = 0.0) -> Floats:
    """Soft Dice loss, with the squared denominator by default."""
    predicted = s.p2 if power == 2 else s.p
    return 1 - ratio(2 * s.i + numerator_epsilon, predicted + s.r + epsilon)


@loss(
    "1 − (I + ε_n) / (D − I + ε), D = P + R; power=2: D = P2 + R",
    undefined="the denominator is 0",
    source="soft Jaccard loss, Rahman and Wang 2016",
    worst=1,
    over_all=mean_over_labels(lambda: soft_iou),
    without_label_map=True,
    synonyms=also("iou_loss soft_iou_loss jaccard_loss soft_jaccard soft_jaccard_loss"),
    title="soft IoU",
)
def soft_iou(s: SoftSums, *, power: float = 1.0, epsilon: float = 0.0, numerator_epsilon: float = 0.0) -> Floats:
    """Soft Jaccard loss."""
    predicted = s.p2 if power == 2 else s.p
    return 1 - ratio(s.i + numerator_epsilon, predicted + s.r - s.i + epsilon)

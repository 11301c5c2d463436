"""The losses: functions of the nine sums, lower is better. The definitions are in docs/quantities.md.

``r ln p̂`` and the like were summed under one (gamma, eta); a formula picks its own with ``s.logs[gamma, eta]``.
"""

from __future__ import annotations

import math

import numpy as np

from segeval.array_types import Floats
from segeval.quantities.arithmetic import generalised_dice, mean_of_defined, ratio, two_class
from segeval.quantities.quantity import also, loss
from segeval.tallies.tally import DEFAULT_ETA, DEFAULT_GAMMA, SoftSums

_SUDRE = "Sudre et al. 2017"
_LIN = "Lin et al. 2017"
_EPSILON = 1e-6


def _sum_of_ce(s: SoftSums, *, eta: float) -> float:
    return float(ce(s, eta=eta).sum())


def _sum_of_weighted_ce(s: SoftSums, *, eta: float) -> float:
    return float(weighted_ce(s, eta=eta).sum())


def _true_class_focal(s: SoftSums, *, gamma: float, eta: float) -> float:
    return float(ratio(-s.logs[gamma, eta].f1, s.n).sum())


def _mean_soft_dice(s: SoftSums, *, epsilon: float) -> float:
    return mean_of_defined(soft_dice(s, epsilon=epsilon))


def _mean_soft_iou(s: SoftSums) -> float:
    return mean_of_defined(soft_iou(s))


def _generalised_over_all(s: SoftSums, background: bool, power: int) -> float:
    classes = s if background else s[1:]
    if not classes.n.size:
        return math.nan
    intersection, total, reference = (a[:, np.newaxis] for a in (classes.i, classes.p + classes.r, classes.r))
    return 1 - float(generalised_dice(intersection, total, reference, power)[0])


def _gdl_v_over_all(s: SoftSums, *, background: bool) -> float:
    return _generalised_over_all(s, background, 2)


def _gdl_simple_over_all(s: SoftSums, *, background: bool) -> float:
    return _generalised_over_all(s, background, 1)


def _gdl_uniform_over_all(s: SoftSums, *, background: bool) -> float:
    return _generalised_over_all(s, background, 0)


@loss(
    "−L1 / N, the label's share",
    source="cross-entropy averaged over voxels",
    over_all=_sum_of_ce,
    synonyms=also("cross_entropy ce_loss cross_entropy_loss categorical_cross_entropy log_loss nll nll_loss"),
    title="CE",
)
def ce(s: SoftSums, *, eta: float = DEFAULT_ETA) -> Floats:
    """The label's share of the multi-class cross-entropy; the shares of all labels add up to ``all``."""
    return ratio(-s.logs[DEFAULT_GAMMA, eta].l1, s.n)


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
    "−(L1 + L0) / N",
    source="binary cross-entropy",
    synonyms=also("binary_cross_entropy bce_loss binary_cross_entropy_loss sigmoid_cross_entropy"),
    title="BCE",
)
def bce(s: SoftSums, *, eta: float = DEFAULT_ETA) -> Floats:
    """Binary cross-entropy of the label against the rest."""
    logs = s.logs[DEFAULT_GAMMA, eta]
    return ratio(-(logs.l1 + logs.l0), s.n)


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
    "1 − 2 Σ w_c I_c / Σ w_c (P_c + R_c) over {label, rest}, w_c = 1/R_c²",
    source=f"generalised Dice loss, volume weights, {_SUDRE}",
    worst=1,
    over_all=_gdl_v_over_all,
    synonyms=also("gdl gdl_square generalised_dice_loss generalized_dice_loss"),
    title="GDL v",
)
def gdl_v(s: SoftSums, *, background: bool = True) -> Floats:  # noqa: ARG001 (the setting belongs to the row `all`)
    """Generalised Dice loss with volume weights."""
    return 1 - generalised_dice(*two_class(s), 2)


@loss(
    "as gdl_v with w_c = 1/R_c",
    source=f"generalised Dice loss, {_SUDRE}",
    worst=1,
    over_all=_gdl_simple_over_all,
    title="GDL simple",
)
def gdl_simple(s: SoftSums, *, background: bool = True) -> Floats:  # noqa: ARG001 (the setting belongs to the row `all`)
    """Generalised Dice loss with simple weights."""
    return 1 - generalised_dice(*two_class(s), 1)


@loss(
    "as gdl_v with w_c = 1",
    source=f"generalised Dice loss, {_SUDRE}",
    worst=1,
    over_all=_gdl_uniform_over_all,
    title="GDL uniform",
)
def gdl_uniform(s: SoftSums, *, background: bool = True) -> Floats:  # noqa: ARG001 (the setting belongs to the row `all`)
    """Generalised Dice loss without weights."""
    return 1 - generalised_dice(*two_class(s), 0)


@loss(
    "1 − 2 I / (P2 + R + ε)",
    source="V-Net, squared denominator, Milletari et al. 2016",
    worst=1,
    over_all=_mean_soft_dice,
    without_label_map=True,
    synonyms=also("dice_loss soft_dice_loss vnet_dice"),
    title="soft Dice",
)
def soft_dice(s: SoftSums, *, epsilon: float = _EPSILON) -> Floats:
    """Soft Dice loss with the squared denominator."""
    return 1 - ratio(2 * s.i, s.p2 + s.r + epsilon)


@loss(
    "1 − I / (P + R − I)",
    undefined="P + R = 0",
    source="soft Jaccard loss",
    worst=1,
    over_all=_mean_soft_iou,
    without_label_map=True,
    synonyms=also("iou_loss soft_iou_loss jaccard_loss soft_jaccard soft_jaccard_loss"),
    title="soft IoU",
)
def soft_iou(s: SoftSums) -> Floats:
    """Soft Jaccard loss."""
    return 1 - ratio(s.i, s.p + s.r - s.i)

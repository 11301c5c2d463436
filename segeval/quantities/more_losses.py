"""The losses beside those of the default report: from the nine sums, and from a sum of their own where one says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from segeval.array_types import Floats
from segeval.quantities.arithmetic import mean_over_labels, ratio
from segeval.quantities.losses import soft_dice
from segeval.quantities.quantity import also, loss
from segeval.tallies.power_sums import PowerSum
from segeval.tallies.tally import DEFAULT_ETA, SoftSums

_EPSILON = 1e-6


def _errors(settings: Mapping[str, Any]) -> PowerSum:
    return "error", settings["gamma"], 0.0


def _powers_of_logarithms(settings: Mapping[str, Any]) -> PowerSum:
    return "log", settings["gamma"], settings["eta"]


@loss(
    "1 − (I + ε_n) / (I + a FP + b FN + ε), FP = P − I, FN = R − I, a = fp_weight, b = fn_weight",
    group="more_losses",
    source="Salehi et al. 2017",
    worst=1,
    over_all=mean_over_labels(lambda: tversky),
    without_label_map=True,
    synonyms=also("tversky_loss"),
    title="Tversky",
)
def tversky(
    s: SoftSums,
    *,
    fp_weight: float = 0.3,
    fn_weight: float = 0.7,
    epsilon: float = _EPSILON,
    numerator_epsilon: float = _EPSILON,
) -> Floats:
    """Tversky loss: a soft Dice or Jaccard loss that weighs what was invented and what was missed."""
    wrong = fp_weight * (s.p - s.i) + fn_weight * (s.r - s.i)
    return 1 - ratio(s.i + numerator_epsilon, s.i + wrong + epsilon)


@loss(
    "tversky^(1/γ)",
    undefined="γ = 0",
    group="more_losses",
    source="Abraham and Khan 2019",
    worst=1,
    over_all=mean_over_labels(lambda: focal_tversky),
    without_label_map=True,
    synonyms=also("focal_tversky_loss"),
    title="focal Tversky",
)
def focal_tversky(
    s: SoftSums,
    *,
    gamma: float = 4 / 3,
    fp_weight: float = 0.3,
    fn_weight: float = 0.7,
    epsilon: float = _EPSILON,
    numerator_epsilon: float = _EPSILON,
) -> Floats:
    """Focal Tversky loss: the Tversky loss to a power."""
    plain = tversky(s, fp_weight=fp_weight, fn_weight=fn_weight, epsilon=epsilon, numerator_epsilon=numerator_epsilon)
    if gamma == 0:
        return np.full_like(plain, np.nan)
    return np.asarray(np.maximum(plain, 0.0) ** (1 / gamma))  # rounding may leave a perfect one below 0


@loss(
    "ln cosh(soft_dice)",
    group="more_losses",
    source="Jadon 2020",
    worst=float(np.log(np.cosh(1.0))),
    over_all=mean_over_labels(lambda: log_cosh_dice),
    without_label_map=True,
    synonyms=also("log_cosh_dice_loss"),
    title="log-cosh Dice",
)
def log_cosh_dice(
    s: SoftSums, *, power: float = 2.0, epsilon: float = _EPSILON, numerator_epsilon: float = 0.0
) -> Floats:
    """Log-cosh Dice loss: the soft Dice loss, smoothed around 0."""
    return np.log(np.cosh(soft_dice(s, power=power, epsilon=epsilon, numerator_epsilon=numerator_epsilon)))


@loss(
    "Σ|p − r|^γ / (P2 + R + ε)",
    group="more_losses",
    source="Wang et al. 2020",
    worst=1,
    over_all=mean_over_labels(lambda: noise_robust_dice),
    without_label_map=True,
    power_sum=_errors,
    synonyms=also("noise_robust_dice_loss nr_dice"),
    title="NR Dice",
)
def noise_robust_dice(s: SoftSums, *, gamma: float = 1.5, epsilon: float = 1e-5) -> Floats:
    """Noise-robust Dice loss: the soft Dice loss with γ = 2, the mean absolute error over the volumes with γ = 1."""
    return ratio(s.powers["error", gamma, 0.0].both, s.p2 + s.r + epsilon)


@loss(
    "w_d (−ln DSC)^γ + w_c √(N/R) Σ r (−ln p̂)^γ / N, DSC = (2 I + ε) / (P + R + ε); over all labels the first term's "
    "mean and the second one's sum",
    group="more_losses",
    source="exponential logarithmic loss, Wong et al. 2018",
    over_all=lambda s, **settings: _exp_log_over_all(s, **settings),
    power_sum=_powers_of_logarithms,
    synonyms=also("exponential_logarithmic exp_log_loss exponential_logarithmic_loss"),
    title="exp. log.",
)
def exp_log(
    s: SoftSums,
    *,
    gamma: float = 0.3,
    dice_weight: float = 0.8,
    ce_weight: float = 0.2,
    epsilon: float = 1.0,
    eta: float = DEFAULT_ETA,
) -> Floats:
    """Exponential logarithmic loss: the label's Dice term and its share of the cross-entropy term."""
    dice, cross_entropy = _exp_log_terms(s, gamma, epsilon, eta)
    return dice_weight * dice + ce_weight * cross_entropy


def _exp_log_terms(s: SoftSums, gamma: float, epsilon: float, eta: float) -> tuple[Floats, Floats]:
    logarithm = np.log(ratio(2 * s.i + epsilon, s.p + s.r + epsilon))
    weights = np.sqrt(ratio(s.n, s.r))
    share = ratio(weights * s.powers["log", gamma, eta].inside, s.n)
    return np.maximum(-logarithm, 0.0) ** gamma, np.where(s.r == 0, 0.0, share)


def _exp_log_over_all(
    s: SoftSums, *, gamma: float, dice_weight: float, ce_weight: float, epsilon: float, eta: float
) -> float:
    dice, cross_entropy = _exp_log_terms(s, gamma, epsilon, eta)
    return float(dice_weight * dice.mean() + ce_weight * cross_entropy.sum())


@loss(
    "1 − (TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN)), TP = I + ε, FP = P − I + ε, FN = R − I + ε, "
    "TN = N − P − R + I + ε",
    group="more_losses",
    source="Abhishek and Hamarneh 2021; ε as in segmentation_models.pytorch",
    worst=2,
    over_all=mean_over_labels(lambda: mcc_loss),
    without_label_map=True,
    synonyms=also("matthews_loss soft_mcc"),
    title="MCC loss",
)
def mcc_loss(s: SoftSums, *, epsilon: float = 1e-5) -> Floats:
    """Matthews correlation coefficient of the soft counts, as a loss."""
    tp, fp, fn = s.i + epsilon, s.p - s.i + epsilon, s.r - s.i + epsilon
    tn = s.n - s.p - s.r + s.i + epsilon
    return 1 - ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn)))


@loss(
    "λ (−δ L1 − (1−δ) F0) / N + (1−λ) ((1 − T_rest) + (1 − T)^(1−γ)) / 2, T = (TP + ε) / (TP + δ FN + (1−δ) FP + ε)",
    undefined="a perfect label with γ > 1",
    group="more_losses",
    source="unified focal loss, asymmetric, Yeung et al. 2022",
    over_all=mean_over_labels(lambda: unified_focal),
    without_label_map=True,
    synonyms=also("unified_focal_loss asymmetric_unified_focal asym_unified_focal_loss"),
    title="unified focal",
)
def unified_focal(
    s: SoftSums,
    *,
    weight: float = 0.5,
    delta: float = 0.6,
    gamma: float = 0.5,
    epsilon: float = 1e-7,
    eta: float = DEFAULT_ETA,
) -> Floats:
    """Asymmetric unified focal loss of the label against the rest."""
    logs = s.logs[gamma, eta]
    focal = ratio(-(delta * logs.l1 + (1 - delta) * logs.f0), s.n)
    fp, fn = s.p - s.i, s.r - s.i
    rest = s.n - s.p - s.r + s.i
    of_label = ratio(s.i + epsilon, s.i + delta * fn + (1 - delta) * fp + epsilon)
    of_rest = ratio(rest + epsilon, rest + delta * fp + (1 - delta) * fn + epsilon)
    with np.errstate(divide="ignore"):
        enhanced = np.maximum(1 - of_label, 0.0) ** (1 - gamma)
    return np.asarray(weight * focal + (1 - weight) * ((1 - of_rest) + enhanced) / 2)

"""What the formulas share: ratios that may be undefined, the generalised Dice, counts as floats."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.tallies.tally import Counts, SoftSums


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    """numerator / denominator in float64, NaN where the denominator is 0."""
    out = np.empty(np.broadcast(numerator, denominator).shape)
    out.fill(np.nan)  # half the time of np.full, and most of a small case's quantities are ratios
    np.true_divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def mean(values: Floats) -> float:
    """Of equal values their own, which a computed mean may miss by a rounding error."""
    return float(values[0]) if equal(values) else float(values.mean())


def deviation(values: Floats) -> float:
    """The standard deviation with n − 1; of equal values 0, of less than two NaN."""
    if len(values) < 2:
        return math.nan
    return 0.0 if equal(values) else float(values.std(ddof=1))


def equal(values: Floats) -> bool:
    """Whether they are all the same; there is one at least."""
    return bool((values == values[0]).all())


def generalised_dice(
    intersection: Floats,
    total: Floats,
    reference: Floats,
    power: int,
    *,
    epsilon: float = 0.0,
    numerator_epsilon: float = 0.0,
) -> Floats:
    """(2 Σ_c w_c I_c + ε_n) / (Σ_c w_c (P_c + R_c) + ε) over the first axis, w_c = 1 / R_c^power.

    A class with R_c = 0 takes the largest finite weight of the other classes, as the authors' NiftyNet does; where
    no class has a finite weight they are all 1. Source: Sudre et al. 2017, after Crum et al. 2006.
    """
    weights = ratio(np.ones_like(reference), reference**power)
    infinite = reference == 0
    if infinite.any():
        largest = np.where(infinite, -np.inf, weights).max(axis=0)
        weights = np.where(infinite, np.where(np.isfinite(largest), largest, 1.0), weights)
    return ratio(2 * (weights * intersection).sum(axis=0) + numerator_epsilon, (weights * total).sum(axis=0) + epsilon)


def as_floats(counts: Counts) -> tuple[Floats, Floats, Floats, Floats]:
    """TP, FP, FN, TN in float64, whose products do not overflow."""
    return (
        counts.tp.astype(np.float64),
        counts.fp.astype(np.float64),
        counts.fn.astype(np.float64),
        counts.tn.astype(np.float64),
    )


def mean_of_defined(values: Floats) -> float:
    """The mean of the values that are not NaN; NaN where there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def mean_over_labels(formula: Callable[[], Callable[..., Floats]]) -> Callable[..., float]:
    """A loss's row ``all``: the mean of its values of all labels, background included, undefined ones left out.

    formula: gives the loss, whose decorator asks for this before the loss is there.
    """

    def over_all(s: SoftSums, **settings: Any) -> float:
        return mean_of_defined(formula()(s, **settings))

    return over_all


def two_class(sums: SoftSums) -> tuple[Floats, Floats, Floats]:
    """(I, P + R, R) of the target and of the rest, each stacked to shape (2, targets)."""
    rest_intersection = sums.n - sums.p - sums.r + sums.i
    rest_total = 2 * sums.n - sums.p - sums.r
    return (
        np.stack([sums.i, rest_intersection]),
        np.stack([sums.p + sums.r, rest_total]),
        np.stack([sums.r, sums.n - sums.r]),
    )

"""Two sets of values of the same cases, many quantities at once: what changed, and whether that is more than noise.

Arrays are (cases, columns), NaN where undefined; a pair is defined where both values are.
Differences are second − first.
"""

from __future__ import annotations

import warnings

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.quantities.arithmetic import mean
from segeval.quantities.bootstrap import intervals, means_of_draws


class PairedStatistics(Struct, frozen=True):
    """One entry per column; NaN where undefined.

    first, second: the means over the defined pairs. low, high: the 95 % interval of the mean difference.
    wins, ties, losses: of the second, by the direction; −1 where the quantity has none.
    p: two-sided Wilcoxon signed-rank. effect: matched-pairs rank-biserial correlation. n: defined pairs.
    """

    first: Floats
    second: Floats
    difference: Floats
    low: Floats
    high: Floats
    wins: Integers
    ties: Integers
    losses: Integers
    p: Floats
    effect: Floats
    n: Integers


def compare_pairs(
    first: Floats, second: Floats, signs: Integers, weights: NDArray[np.uint8], *, tested: bool = True
) -> PairedStatistics:
    """Every statistic of every column. tested: p and effect, too, which `signed_rank_tests` can tell later.

    signs: per column 1 where higher is better, −1 where lower is, 0 where neither. weights: how often each draw holds
    each case, (draws, cases), as `bootstrap.resample` gives them: the same draws for every column.
    """
    differences = paired_differences(first, second)
    defined = ~np.isnan(differences)
    intervals = paired_intervals(differences, weights)
    wins, ties, losses = wins_ties_losses(differences, signs)
    p, effect = signed_rank_tests(differences) if tested else np.full((2, len(signs)), np.nan)
    return PairedStatistics(
        _means(first, defined),
        _means(second, defined),
        _means(differences, defined),
        *intervals,
        wins,
        ties,
        losses,
        p,
        effect,
        defined.sum(axis=0),
    )


def paired_differences(first: Floats, second: Floats) -> Floats:
    """second − first, NaN where either is undefined or the difference overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        differences = second - first
    differences[~np.isfinite(differences)] = np.nan
    return differences


def paired_intervals(differences: Floats, weights: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """The lower and upper ends of the percentile bootstrap's 95 % interval of each column's mean."""
    low, high = (of.reduce(differences, axis=0, initial=np.nan) for of in (np.fmin, np.fmax))
    lower, upper = np.where(low == high, low, intervals(means_of_draws(differences, weights), low, high))
    return lower, upper


def wins_ties_losses(differences: Floats, signs: Integers) -> tuple[Integers, Integers, Integers]:
    """How many defined pairs are better, equal and worse in the second; −1 where the quantity has no direction."""
    better = differences * signs
    counts = ((better > 0).sum(axis=0), (differences == 0).sum(axis=0), (better < 0).sum(axis=0))
    wins, ties, losses = (np.where(signs == 0, -1, count) for count in counts)
    return wins, ties, losses


def signed_rank_tests(differences: Floats) -> tuple[Floats, Floats]:
    """p and effect of each column of differences."""
    tests = [signed_ranks(column[~np.isnan(column)]) for column in differences.T]
    p, effect = np.array(tests, np.float64).reshape(-1, 2).T
    return p, effect


def signed_ranks(differences: Floats) -> tuple[float, float]:
    """(p, effect) of one column of defined differences; NaN where none differs from zero.

    p is that of `scipy.stats.wilcoxon` as it stands: two-sided, zeros left out, exact where SciPy thinks it feasible.
    effect is the matched-pairs rank-biserial correlation (Kerby 2014): (W+ − W−) / (W+ + W−) of the rank sums of the
    positive and negative differences, zeros left out; 1 where all differences are positive.
    """
    from scipy.stats import rankdata, wilcoxon

    moved = differences[differences != 0]
    if not len(moved):
        return np.nan, np.nan
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of a small sample: n stands beside p
        p = wilcoxon(differences).pvalue
    ranks = rankdata(np.abs(moved))
    return float(p), float((ranks * np.sign(moved)).sum() / ranks.sum())


def holm(p: Floats) -> Floats:
    """The p-values adjusted for all of them together (Holm 1979); undefined ones are no tests and stay undefined."""
    adjusted = np.full(p.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(p))
    ascending = tests[np.argsort(p[tests], kind="stable")]
    stepped = p[ascending] * np.arange(len(tests), 0, -1)
    adjusted[ascending] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def _means(values: Floats, defined: NDArray[np.bool_]) -> Floats:
    """Each column's mean over what is defined, summed as NumPy sums a list of it."""
    means = np.full(values.shape[1], np.nan)
    for index, (column, which) in enumerate(zip(values.T, defined.T, strict=True)):
        known = column[which]
        if len(known):
            with np.errstate(over="ignore"):
                found = mean(known)
            means[index] = found if np.isfinite(found) else np.nan
    return means

"""How a challenge orders its entries by several numbers together, and how sure their places are.

Arrays are (reports, cases, columns), NaN where undefined or missing. Rank 1 is the best; equal values share the average
of their ranks, or the least of them; undefined ones rank last.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.choices import RankingMethod, Ties
from segeval.quantities.bootstrap import TAILS, means_of_draws_of
from segeval.quantities.paired import holm, signed_rank_tests
from segeval.quantities.ranks import ordered, ranks_of, rounded

LEVEL = 0.05
"""Of the tests of the significance-based ranking."""


class Rules(Struct, frozen=True):
    """signs: per column 1 where higher is better, −1 where lower is. shares: the weight of each ranked column.

    These are the first columns; those after them are tie-breakers, which decide between equals one after the other.
    """

    method: RankingMethod
    signs: Integers
    shares: Floats
    ties: Ties = "average"


class Places(Struct, frozen=True):
    """ranks: (reports,), of the scores, of which lower is better. interval: (2, reports), NaN where none is drawn.

    means: (reports, ranked columns), of what is defined. of_columns: each column's ranks, or mean ranks.
    """

    ranks: Floats
    scores: Floats
    interval: Floats
    means: Floats
    of_columns: Floats


def places(values: Floats, rules: Rules, weights: NDArray[np.uint8], together: Floats | None = None) -> Places:
    """The order of the reports. weights: (draws, cases) of `bootstrap.resample`.

    together: (reports, columns), of all cases at once, NaN for a column that is of cases; no interval is drawn then.

    mean-then-rank: the mean rank over the columns, of the means over the cases where a report has a value.
    mean-then-scale (Kuijf 2019): these means on a scale from 0, the best one, to 1, the worst; the mean over the
    columns. rank-then-mean: the mean rank over cases and columns. significance (Maier-Hein 2018, Wiesenfarth 2021): the
    mean rank over the columns, of the number of reports that one is better than by one-sided Wilcoxon signed-rank tests
    at 5 %, by Holm's correction over all pairs; no interval is drawn.
    """
    once = np.ones((1, values.shape[1]), np.uint8)
    ranked = len(rules.shares)
    means = means_of_draws_of(values, once)[:, 0]
    if together is not None:
        means = np.where(np.isnan(together), means, together)
    in_cases = None
    if rules.method == "significance":
        of_columns = _by_tests(values[:, :, :ranked], rules)
    elif rules.method == "rank-then-mean":
        in_cases = ranks_of(values[:, :, :ranked], rules.signs[:ranked], rules.ties)
        of_columns = in_cases.mean(axis=1)
    else:
        of_columns = _of_means(means, rules)
    scores = _scored(of_columns, rules)
    interval = np.full((2, len(values)), np.nan)
    if together is None and rules.method != "significance" and ranked and len(weights):
        if in_cases is None:
            drawn = means_of_draws_of(values, weights)
            of_draws, breakers = _of_means(drawn, rules), drawn[..., ranked:]
        else:
            of_draws = means_of_draws_of(in_cases, weights)
            breakers = means_of_draws_of(values[:, :, ranked:], weights)
        found = _placed(_scored(of_draws, rules), breakers, rules)
        interval = np.quantile(found, TAILS, axis=1)
    return Places(_placed(scores, means[:, ranked:], rules), scores, interval, means[:, :ranked], of_columns)


def _of_means(means: Floats, rules: Rules) -> Floats:
    """(reports, …, ranked columns), from means of all columns."""
    ranked = len(rules.shares)
    if rules.method == "mean-then-rank":
        return ranks_of(rounded(means[..., :ranked]), rules.signs[:ranked], rules.ties)
    return _scaled(means[..., :ranked] * -rules.signs[:ranked])


def _scaled(keys: Floats) -> Floats:
    """From 0 for the least to 1 for the greatest; 0 where all are equal, 1 for what is undefined."""
    known = np.where(np.isnan(keys), np.inf, keys)
    least = known.min(axis=0)
    least = np.where(np.isinf(least), 0.0, least)
    span = np.where(np.isnan(keys), -np.inf, keys).max(axis=0) - least
    share = np.divide(keys - least, span, out=np.zeros_like(keys), where=span > 0)
    return np.where(np.isnan(keys), 1.0, share)


def _scored(of_columns: Floats, rules: Rules) -> Floats:
    """The mean over the columns, by their weights."""
    return np.average(of_columns, axis=-1, weights=rules.shares) if len(rules.shares) else of_columns.mean(axis=-1)


def _placed(scores: Floats, breakers: Floats, rules: Rules) -> Floats:
    """The rank of each report, of (reports, …) scores and the means of the tie-breakers."""
    keys = -breakers * rules.signs[len(rules.shares) :]
    keys = rounded(np.concatenate([scores[..., np.newaxis], keys], axis=-1))
    return ordered(np.where(np.isnan(keys), np.inf, keys), rules.ties)


def _by_tests(values: Floats, rules: Rules) -> Floats:
    """Each column's ranks by how many reports one beats."""
    pairs = list(permutations(range(len(values)), 2))
    wins = np.zeros((len(values), values.shape[2]))
    for column, sign in enumerate(rules.signs[: values.shape[2]]):
        gains = np.stack([(values[one, :, column] - values[other, :, column]) * sign for one, other in pairs], axis=1)
        two_sided, effect = signed_rank_tests(gains)
        one_sided = np.where(effect > 0, two_sided / 2, 1 - two_sided / 2)
        for (one, _), p in zip(pairs, holm(one_sided), strict=True):
            wins[one, column] += p < LEVEL
    return ranks_of(wins, np.ones(values.shape[2], int), rules.ties)

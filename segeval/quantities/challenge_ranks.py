"""How a challenge orders its entries by several numbers together, and how sure their places are.

Arrays are (reports, cases, columns), NaN where undefined or missing. Rank 1 is the best; equal values share the average
of their ranks; undefined ones rank last.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.choices import RankingMethod
from segeval.quantities.bootstrap import TAILS, means_of_draws
from segeval.quantities.paired import holm, signed_rank_tests
from segeval.quantities.ranks import ranks_of

LEVEL = 0.05
"""Of the tests of the significance-based ranking."""


class Places(Struct, frozen=True):
    """ranks: (reports,), of the scores, of which lower is better. interval: (2, reports), NaN where none is drawn.

    means: (reports, columns), of what is defined. of_columns: each column's ranks, or mean ranks.
    """

    ranks: Floats
    scores: Floats
    interval: Floats
    means: Floats
    of_columns: Floats


def places(values: Floats, signs: Integers, method: RankingMethod, weights: NDArray[np.uint8]) -> Places:
    """signs: per column 1 where higher is better, −1 where lower is. weights: (draws, cases) of `bootstrap.resample`.

    mean-then-rank: the mean rank over the columns, of the means over the cases where a report has a value.
    rank-then-mean: the mean rank over cases and columns. significance (Maier-Hein 2018, Wiesenfarth 2021): the mean
    rank over the columns, of the number of reports that one is better than by one-sided Wilcoxon signed-rank tests at
    5 %, by Holm's correction over all pairs; no interval is drawn.
    """
    once = np.ones((1, values.shape[1]), np.uint8)
    means = np.stack([means_of_draws(of_report, once)[0] for of_report in values])
    if method == "significance":
        of_columns = _by_tests(values, signs)
        drawn = None
    elif method == "mean-then-rank":
        of_columns = ranks_of(means, signs)
        drawn = ranks_of(np.stack([means_of_draws(of_report, weights) for of_report in values]), signs)
    else:
        in_cases = ranks_of(values, signs)
        of_columns = in_cases.mean(axis=1)
        drawn = np.stack([means_of_draws(of_report, weights) for of_report in in_cases])
    scores = of_columns.mean(axis=1)
    lower = np.array(-1)
    interval = np.full((2, len(values)), np.nan)
    if drawn is not None and values.shape[1]:
        interval = np.quantile(ranks_of(drawn.mean(axis=2), lower), TAILS, axis=1)
    return Places(ranks_of(scores, lower), scores, interval, means, of_columns)


def _by_tests(values: Floats, signs: Integers) -> Floats:
    """Each column's ranks by how many reports one beats."""
    pairs = list(permutations(range(len(values)), 2))
    wins = np.zeros((len(values), len(signs)))
    for column, sign in enumerate(signs):
        gains = np.stack([(values[one, :, column] - values[other, :, column]) * sign for one, other in pairs], axis=1)
        two_sided, effect = signed_rank_tests(gains)
        one_sided = np.where(effect > 0, two_sided / 2, 1 - two_sided / 2)
        for (one, _), p in zip(pairs, holm(one_sided), strict=True):
            wins[one, column] += p < LEVEL
    return ranks_of(wins, np.ones(len(signs), int))

"""Several reports ranked by many quantities at once, and how sure the ranks are.

Arrays are (reports, cases, columns), NaN where undefined. Rank 1 is the best; equal values share the average of their
ranks; undefined values rank last, equal among themselves.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.choices import Ties
from segeval.quantities.bootstrap import BLOCK, TAILS, means_of_draws_of

_DIGITS = 12
"""Significant ones, of means that are ranked."""


class RankStatistics(Struct, frozen=True):
    """Arrays of shape (reports, columns), intervals (2, reports, columns).

    means: over the cases where every report has a value; by_mean: the rank of that mean.
    mean_ranks: the mean over the cases of the rank in each; by_rank: the rank of that mean rank.
    n: the cases where every report has a value; ranked: those where any has, (columns,) both.
    """

    means: Floats
    by_mean: Floats
    by_mean_interval: Floats
    mean_ranks: Floats
    by_rank: Floats
    by_rank_interval: Floats
    n: Integers
    ranked: Integers


def rank_reports(values: Floats, signs: Integers, weights: NDArray[np.uint8]) -> RankStatistics:
    """Ranks by the mean (mean-then-rank) and by the mean of the cases' ranks (rank-then-mean).

    signs: per column 1 where higher is better, −1 where lower is. weights: (draws, cases) of `bootstrap.resample`.
    """
    known = ~np.isnan(values)
    complete, some = known.all(axis=0), known.any(axis=0)
    shared = np.where(complete, values, np.nan)
    case_ranks = np.where(some, ranks_of(values, signs), np.nan)
    lower = np.full_like(signs, -1)
    means, mean_ranks = (means_of_draws_of(kind, _every_case_once(values)) for kind in (shared, case_ranks))
    return RankStatistics(
        means[:, 0],
        ranks_of(rounded(means), signs)[:, 0],
        _intervals(shared, signs, weights),
        mean_ranks[:, 0],
        ranks_of(mean_ranks, lower)[:, 0],
        _intervals(case_ranks, lower, weights),
        complete.sum(axis=0),
        some.sum(axis=0),
    )


def ranks_of(values: Floats, signs: Integers, ties: Ties = "average") -> Floats:
    """The rank of each report among them all, along the first axis."""
    keys = np.where(np.isnan(values), np.inf, -values * signs)
    return ordered(keys[..., np.newaxis], ties)


def rounded(means: Floats) -> Floats:
    """To `_DIGITS` significant digits: what rounding alone tells apart is a tie."""
    size = np.abs(means)
    powers = np.floor(np.log10(size, out=np.zeros_like(means), where=(size > 0) & np.isfinite(size)))
    unit = 10.0 ** (powers - _DIGITS + 1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return np.where(np.isfinite(means) & (unit > 0), np.round(means / unit) * unit, means)


def ordered(keys: Floats, ties: Ties = "average") -> Floats:
    """Ranks along the first axis, 1 for the least; of equals the next number along the last axis decides."""
    ranks = np.empty(keys.shape[:-1])
    for index, key in enumerate(keys):
        better, equals = np.zeros(ranks.shape[1:]), np.zeros(ranks.shape[1:])
        for other in keys:
            equal = np.ones(ranks.shape[1:], bool)
            for level in range(keys.shape[-1]):
                better += equal & (other[..., level] < key[..., level])
                equal &= other[..., level] == key[..., level]
            equals += equal
        ranks[index] = better + (1 if ties == "min" else (equals + 1) / 2)
    return ranks


def _intervals(values: Floats, signs: Integers, weights: NDArray[np.uint8]) -> Floats:
    """The 2.5 % and 97.5 % quantiles of the ranks that the draws give, (2, reports, columns)."""
    columns = values.shape[2]
    bounds = np.empty((2, len(values), columns))
    size = max(1, BLOCK // max(1, len(values) * max(len(weights), values.shape[1])))
    for start in range(0, columns, size):
        part = slice(start, start + size)
        drawn = means_of_draws_of(values[:, :, part], weights)
        bounds[:, :, part] = np.quantile(ranks_of(drawn, signs[part]), TAILS, axis=1)
    return bounds


def _every_case_once(values: Floats) -> NDArray[np.uint8]:
    return np.ones((1, values.shape[1]), np.uint8)

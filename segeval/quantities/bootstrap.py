"""Cases resampled: the means of many quantities in every draw at once, and the intervals they give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.machine import usable_cores
from segeval.quantities.arithmetic import ratio

BLOCK = 1_000_000
"""Numbers in an array: what bounds the memory for any number of cases and labels."""

_MOST_THREADS = 4  # which hold a block together

TAILS = (0.025, 0.975)


def resample(cases: int, draws: int, seed: int) -> NDArray[np.uint8]:
    """How often each draw holds each case, shape (draws, cases); 255 times does not happen."""
    generator = np.random.Generator(np.random.PCG64(seed))
    times = np.empty((draws, cases), np.uint8)
    step = max(1, BLOCK // 2 // max(cases, 1))
    for start in range(0, draws if cases else 0, step):
        part = times[start : start + step]
        drawn = generator.integers(0, cases, part.shape)
        drawn += np.arange(len(part))[:, np.newaxis] * cases
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)
    return times


def means_of_draws(values: Floats, weights: NDArray[np.uint8]) -> Floats:
    """The mean of each column in each draw, over the cases with a value: (draws, columns); NaN where none has one.

    values: (cases, columns), NaN where undefined. weights: of `resample`.
    """
    defined = ~np.isnan(values)
    filled = values if defined.all() else np.where(defined, values, 0.0)
    gaps = np.flatnonzero(~defined.all(axis=0))
    # Most columns are undefined in the same cases: the draws are summed once for each pattern.
    patterns, pattern_of = np.unique(np.packbits(defined[:, gaps], axis=0), axis=1, return_inverse=True)
    present = np.unpackbits(patterns, axis=0, count=len(values)).astype(np.float64)
    step = max(1, BLOCK // _MOST_THREADS // max(len(values), 1))  # for any number of threads: last digits hang on it
    means = np.empty((len(weights), values.shape[1]))

    def fill(start: int) -> None:
        part = weights[start : start + step].astype(np.float64)
        numbers = np.repeat(part.sum(axis=1, keepdims=True), values.shape[1], axis=1)
        numbers[:, gaps] = (part @ present)[:, pattern_of]
        with np.errstate(over="ignore", invalid="ignore"):
            means[start : start + step] = ratio(part @ filled, numbers)

    blocks = range(0, len(weights), step)
    if len(blocks) < 2:
        for start in blocks:
            fill(start)
        return means
    from concurrent.futures import ThreadPoolExecutor  # products of matrices leave the interpreter's lock to others

    with ThreadPoolExecutor(min(usable_cores(), _MOST_THREADS)) as pool:
        list(pool.map(fill, blocks))
    return means


def means_of_draws_of(values: Floats, weights: NDArray[np.uint8]) -> Floats:
    """The mean of each report's columns in each draw, (reports, draws, columns)."""
    return np.stack([means_of_draws(of_report, weights) for of_report in values])


def intervals(drawn: Floats, low: Floats, high: Floats) -> Floats:
    """The percentile interval of each column of drawn means, (2, columns); NaN where no draw had a value.

    low, high: each column's least and greatest value: a mean lies between them, also where the weights rounded it.
    """
    return quantiles_by_column(drawn, TAILS).clip(low, high)


def quantiles_by_column(table: Floats, shares: Sequence[float]) -> Floats:
    """Quantiles of what is defined in each column, (shares, columns); NaN where nothing is."""
    gaps = np.isnan(table).any(axis=0)
    found = np.full((len(shares), table.shape[1]), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        if not gaps.all():
            found[:, ~gaps] = np.quantile(table[:, ~gaps], shares, axis=0)
        for index in np.flatnonzero(gaps):
            defined = table[:, index][~np.isnan(table[:, index])]
            if defined.size:
                found[:, index] = np.quantile(defined, shares)
    return found

"""The running sums of one target, in float64, added block by block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.tallies import Counts, LogSetting, LogSums, SoftSums

BLOCK = 1 << 14
"""Voxels whose float64 work arrays stay in a core's cache."""
_PADDING = 72  # rows a power of two apart would compete for the same lines of the cache
_SMALL = 2.0**-15  # below: the series' next term is less than 4e-10 of its sum
_INSIDE, _OUTSIDE, _BOTH = 0, 1, slice(None)
_MOMENTS = 4  # rows that need no logarithm
_MOST_SPECIAL = BLOCK * 3 // 10  # of a block: from here on all of it is taken exactly
_ASIDE = BLOCK // 2


class Workspace:
    """The work arrays of one block, made once: fresh memory costs more than the arithmetic."""

    def __init__(self, logs: tuple[LogSetting, ...]) -> None:
        self.steps = tuple((eta, tuple(g for g, e in logs if e == eta)) for eta in dict.fromkeys(e for _, e in logs))
        self.has_series = bool(logs) and all(eta < _SMALL and gamma > 0 for gamma, eta in logs)
        self.rows = _MOMENTS + len(self.steps) + len(logs)
        self._masks = np.empty((2, BLOCK + _PADDING))
        self._terms = np.empty((self.rows, BLOCK + _PADDING))
        self._powers = np.ones((5, BLOCK + _PADDING))
        self._special = np.empty(BLOCK, dtype=np.bool_)

    def exact(self, size: int) -> tuple[Floats, Floats]:
        """Arrays of any content: (masks inside and outside as ones and zeros, terms), the terms a row each."""
        return self._masks[:, :size], self._terms[:, :size]

    def series(self, size: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Arrays of any content, but for the ones in the fourth row: (f, f², f^γ · f, 1, f; special)."""
        return self._powers[:, :size], self._special[:size]


class TargetSums:
    """What is summed for one target; ``tp`` and ``predicted`` only for independent channels.

    With t the probability of what is the case (p inside the target, 1 − p outside) and f = 1 − t that of what is not,
    the sums over both sides of t, f, t², f², ln t and f^γ ln t hold all that is wanted, for the target and for its
    complement.

    Most voxels of a block lie on one side of the target's border, and there f is next to nothing: their logarithms are
    a series, whose terms are sums of products of powers of f. What is left is put aside, and taken exactly.

    What rounding loses when a block is added is kept beside the sum: plain addition is off by 1e-11 after 10^10 voxels,
    which a loss near 0, one minus a ratio of such sums, shows in its fifth digit.
    """

    def __init__(self, work: Workspace) -> None:
        self.tp = self.predicted = self.n = self.r = 0
        self._work = work
        self._added: Floats = np.zeros((work.rows, 2))  # terms × (inside, outside)
        self._lost = np.zeros_like(self._added)
        self._aside = 0
        self._aside_p = np.empty(_ASIDE)
        self._aside_inside = np.empty(_ASIDE, dtype=np.bool_)

    def add(self, p: NDArray[Any], inside: NDArray[np.bool_]) -> None:
        """Probabilities in [0, 1] and the reference mask of a block of at most ``BLOCK`` voxels."""
        reference = int(np.count_nonzero(inside))
        self.n += p.size
        self.r += reference
        if not self._work.has_series:
            self._include(_BOTH, self._exact(p, inside))
            return
        powers, special = self._work.series(p.size)
        false = powers[0]
        np.copyto(false, p)
        side, rare = _OUTSIDE, inside
        if 2 * reference > p.size:
            side, rare = _INSIDE, ~inside
            np.subtract(1.0, false, out=false)
        np.greater_equal(false, _SMALL, out=special)
        if 0 < reference < p.size:
            np.logical_or(special, rare, out=special)
        where = np.flatnonzero(special)
        if where.size > _MOST_SPECIAL:
            self._include(_BOTH, self._exact(p, inside))
            return
        if where.size:
            self._put_aside(p.take(where), inside.take(where))
            false[where] = 0.0
        self._include(side, self._nearly_certain(powers, where.size))

    def _include(self, side: int | slice, block: Floats) -> None:
        """Add a block's sums, and what the addition lost. Source: Knuth, TAOCP 2, 4.2.2, theorem B (TwoSum)."""
        before = self._added[:, side]
        after = before + block
        added = after - before
        self._lost[:, side] += (before - (after - added)) + (block - added)
        self._added[:, side] = after

    def _put_aside(self, p: NDArray[Any], inside: NDArray[np.bool_]) -> None:
        """Few voxels of many blocks are summed together: a call of NumPy's costs as much as a thousand of them."""
        if self._aside + p.size > _ASIDE:
            self._add_aside()
        where = slice(self._aside, self._aside + p.size)
        self._aside_p[where], self._aside_inside[where] = p, inside
        self._aside = where.stop

    def _add_aside(self) -> None:
        if self._aside:
            self._include(_BOTH, self._exact(self._aside_p[: self._aside], self._aside_inside[: self._aside]))
            self._aside = 0

    def _exact(self, p: NDArray[Any], inside: NDArray[np.bool_]) -> Floats:
        """Any voxels: one matrix product, as a mask that is multiplied in costs a tenth of one that selects."""
        masks, terms = self._work.exact(p.size)
        r, outside = masks
        np.copyto(r, inside)
        np.subtract(1.0, r, out=outside)
        true, false, true_squared, false_squared = terms[:_MOMENTS]
        np.copyto(false, p)
        np.abs(np.subtract(outside, false, out=true), out=true)
        np.abs(np.subtract(r, false, out=false), out=false)  # exact where 1 - true would not be
        np.square(true, out=true_squared)
        np.square(false, out=false_squared)
        rows = iter(terms[_MOMENTS:])
        for eta, gammas in self._work.steps:
            logs = next(rows)
            np.log(np.clip(true, eta, 1 - eta, out=logs), out=logs)
            for gamma in gammas:
                np.multiply(false_squared if gamma == 2 else false**gamma, logs, out=next(rows))
        return np.asarray(terms @ masks.T)

    def _nearly_certain(self, powers: Floats, zeros: int) -> Floats:
        """Where f, the first row, is small: ln t = −(f + f²/2 …).

        zeros: how many f are 0 in place of voxels that are summed elsewhere.
        """
        false, squared, focal, _, clipped = powers
        np.square(false, out=squared)
        logs: list[float] = []
        for eta, gammas in self._work.steps:
            np.maximum(false, eta, out=clipped)  # t is at most 1 − η
            for index, gamma in enumerate(gammas):
                np.multiply(squared if gamma == 2 else false**gamma, clipped, out=focal)
                products = (powers @ powers[-2:].T).tolist()  # with 1 and with f
                (total, _), (squares, _), (first, second), _, (plain, plain_squares) = products
                if not index:
                    logs.append(zeros * (eta + eta**2 / 2) - plain - plain_squares / 2)
                logs.append(-first - second / 2)
        certain = false.size - zeros
        return np.array([certain - total, total, certain - 2 * total + squares, squares, *logs])

    def complement(self) -> TargetSums:
        """The sums of 1 − p against the target's complement."""
        other = TargetSums(self._work)
        self._add_aside()
        other._added, other._lost = self._added[:, ::-1], self._lost[:, ::-1]
        other.n, other.r = self.n, self.n - self.r
        return other

    @property
    def _totals(self) -> list[list[float]]:
        self._add_aside()
        totals: list[list[float]] = (self._added + self._lost).tolist()
        return totals

    @property
    def moments(self) -> tuple[float, float, float, float]:
        """P, I, P², I²."""
        (i, _), (_, wrong), (i2, _), (_, wrong2) = self._totals[:_MOMENTS]
        return i + wrong, i, i2 + wrong2, i2

    @property
    def logs(self) -> dict[LogSetting, list[float]]:
        """L1, L0, F1, F0 under each setting."""
        rows = iter(self._totals[_MOMENTS:])
        found: dict[LogSetting, list[float]] = {}
        for eta, gammas in self._work.steps:
            plain = next(rows)
            found |= {(gamma, eta): plain + next(rows) for gamma in gammas}
        return found


def counts_of(parts: list[TargetSums]) -> Counts:
    """Hard one-vs-rest counts, shape (targets,)."""
    tp, predicted, n, r = (
        np.array([getattr(s, f) for s in parts], dtype=np.int64) for f in ("tp", "predicted", "n", "r")
    )
    return Counts(tp=tp, fp=predicted - tp, fn=r - tp, tn=n - r - predicted + tp)


def sums_of(parts: list[TargetSums], settings: tuple[LogSetting, ...]) -> SoftSums:
    """The nine sums, shape (targets,)."""

    def column(values: Iterable[float]) -> Floats:
        return np.array(list(values), dtype=np.float64)

    p, i, p2, i2 = (column(s.moments[k] for s in parts) for k in range(_MOMENTS))
    logs = [s.logs for s in parts]
    return SoftSums(
        column(s.n for s in parts),
        column(s.r for s in parts),
        p,
        i,
        p2,
        i2,
        logs={
            setting: LogSums(*(column(found[setting][k] for found in logs) for k in range(4))) for setting in settings
        },
    )

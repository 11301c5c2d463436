"""The running sums of one target, in float64, added block by block."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.tallies import Counts, LogSetting, LogSums, SoftSums

BLOCK = 1 << 14
"""Voxels whose float64 work arrays stay in a core's cache."""
_PADDING = 72  # rows a power of two apart would compete for the same lines of the cache
_SMALL = 2.0**-12  # below: the series' next term is less than 1e-11 of its sum
_INSIDE, _OUTSIDE, _BOTH = 0, 1, slice(None)
_MOMENTS = 4  # rows that need no logarithm


class Workspace:
    """The work arrays of one block, made once: fresh memory costs more than the arithmetic.

    masks: inside and outside the target as ones and zeros. terms: what is summed over each, one row after the other.
    """

    def __init__(self, logs: tuple[LogSetting, ...]) -> None:
        self.steps = tuple((eta, tuple(g for g, e in logs if e == eta)) for eta in dict.fromkeys(e for _, e in logs))
        self._masks = np.empty((2, BLOCK + _PADDING))
        self._terms = np.empty((_MOMENTS + len(self.steps) + len(logs), BLOCK + _PADDING))

    def arrays(self, size: int) -> tuple[Floats, Floats]:
        """(masks, terms) for a block of this size, of any content."""
        return self._masks[:, :size], self._terms[:, :size]


class TargetSums:
    """What is summed for one target; ``tp`` and ``predicted`` only for independent channels.

    With t the probability of what is the case (p inside the target, 1 − p outside) and f = 1 − t that of what is not,
    the sums over both sides of t, f, t², f², ln t and f^γ ln t hold all that is wanted, for the target and for its
    complement. They are one matrix product: a mask that is multiplied in costs a tenth of one that selects.

    What rounding loses when a block is added is kept beside the sum: plain addition is off by 1e-11 after 10^10 voxels,
    which a loss near 0, one minus a ratio of such sums, shows in its fifth digit.
    """

    def __init__(self, work: Workspace) -> None:
        self.tp = self.predicted = self.n = self.r = 0
        self._work = work
        self._sums: Floats = np.zeros((len(work.arrays(0)[1]), 2))  # terms × (inside, outside)
        self._lost = np.zeros_like(self._sums)

    def add(self, p: Floats, inside: NDArray[np.bool_]) -> None:
        """Probabilities in [0, 1] and the reference mask of a block of at most ``BLOCK`` voxels."""
        reference = int(np.count_nonzero(inside))
        self.n += p.size
        self.r += reference
        if not reference:
            self._include(_OUTSIDE, self._one_sided(p))
        elif reference == p.size:
            self._include(_INSIDE, self._one_sided(np.subtract(1.0, p)))
        else:
            self._include(_BOTH, self._two_sided(p, inside))

    def _include(self, side: int | slice, block: Floats) -> None:
        """Add a block's sums, and what the addition lost. Source: Knuth, TAOCP 2, 4.2.2, theorem B (TwoSum)."""
        before = self._sums[:, side]
        after = before + block
        added = after - before
        self._lost[:, side] += (before - (after - added)) + (block - added)
        self._sums[:, side] = after

    def _two_sided(self, p: Floats, inside: NDArray[np.bool_]) -> Floats:
        masks, terms = self._work.arrays(p.size)
        r, outside = masks
        np.copyto(r, inside)
        np.subtract(1.0, r, out=outside)
        true, false = terms[:2]
        np.abs(np.subtract(outside, p, out=true), out=true)
        np.abs(np.subtract(r, p, out=false), out=false)  # exact where 1 - true would not be
        self._complete(terms)
        return np.asarray(terms @ masks.T)

    def _one_sided(self, false: Floats) -> Floats:
        """The sums over one side, where all of the block lies: most of a volume is far from any border."""
        if false.size and false.max() < _SMALL and all(eta < _SMALL for eta, _ in self._work.steps):
            return self._nearly_certain(false)
        _, terms = self._work.arrays(false.size)
        np.subtract(1.0, false, out=terms[0])
        np.copyto(terms[1], false)
        self._complete(terms)
        return np.asarray(terms.sum(axis=1))

    def _complete(self, terms: Floats) -> None:
        """All other rows from the first two."""
        true, false, true_squared, false_squared = terms[:_MOMENTS]
        np.square(true, out=true_squared)
        np.square(false, out=false_squared)
        rows = iter(terms[_MOMENTS:])
        for eta, gammas in self._work.steps:
            logs = next(rows)
            np.log(np.clip(true, eta, 1 - eta, out=logs), out=logs)
            for gamma in gammas:
                np.multiply(false_squared if gamma == 2 else false**gamma, logs, out=next(rows))

    def _nearly_certain(self, false: Floats) -> Floats:
        """Where f is small, ln t = −(f + f²/2 + f³/3 + f⁴/4 …): sums of products instead of logarithms."""
        _, (power, square, cube, *_) = self._work.arrays(false.size)
        total, squares = float(false.sum()), float(false @ false)
        sums = [false.size - total, total, false.size - 2 * total + squares, squares]
        for eta, gammas in self._work.steps:
            clipped = np.maximum(false, eta)  # t is at most 1 − η
            np.square(clipped, out=square)
            np.multiply(square, clipped, out=cube)
            series = ((clipped, 1), (square, 2), (cube, 3))
            sums.append(-float(clipped.sum()) - sum(float(x @ clipped) / (k + 1) for x, k in series))
            for gamma in gammas:
                np.copyto(power, np.square(false) if gamma == 2 else false**gamma)
                sums.append(-sum(float(x @ power) / k for x, k in series))
        return np.array(sums)

    def complement(self) -> TargetSums:
        """The sums of 1 − p against the target's complement."""
        other = TargetSums(self._work)
        other._sums, other._lost = self._sums[:, ::-1], self._lost[:, ::-1]
        other.n, other.r = self.n, self.n - self.r
        return other

    @property
    def _totals(self) -> list[list[float]]:
        totals: list[list[float]] = (self._sums + self._lost).tolist()
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

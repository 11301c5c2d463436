"""The running sums of one target, in float64, added block by block."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.tallies import Counts, LogSetting, LogSums, SoftSums

BLOCK = 1 << 15
"""Voxels whose float64 work arrays stay in a core's cache."""
_MOMENTS = 4  # rows that need no logarithm


class Workspace:
    """The work arrays of one block, made once: fresh memory costs more than the arithmetic.

    masks: inside and outside the target as ones and zeros. terms: what is summed over each, one row after the other.
    """

    def __init__(self, logs: tuple[LogSetting, ...]) -> None:
        self.steps = tuple((eta, tuple(g for g, e in logs if e == eta)) for eta in dict.fromkeys(e for _, e in logs))
        self._masks = np.empty((2, BLOCK))
        self._terms = np.empty((_MOMENTS + len(self.steps) + len(logs), BLOCK))

    def arrays(self, size: int) -> tuple[Floats, Floats]:
        """(masks, terms) for a block of this size, of any content."""
        return self._masks[:, :size], self._terms[:, :size]


class TargetSums:
    """What is summed for one target; ``tp`` and ``predicted`` only for independent channels.

    With t the probability of what is the case (p inside the target, 1 − p outside) and f = 1 − t that of what is not,
    the sums over both sides of t, f, t², f², ln t and f^γ ln t hold all that is wanted, for the target and for its
    complement. They are one matrix product: a mask that is multiplied in costs a tenth of one that selects.
    """

    def __init__(self, work: Workspace) -> None:
        self.tp = self.predicted = self.n = self.r = 0
        self._work = work
        self._sums: Floats = np.zeros((len(work.arrays(0)[1]), 2))  # terms × (inside, outside)

    def add(self, p: Floats, inside: NDArray[np.bool_]) -> None:
        """Probabilities in [0, 1] and the reference mask of a block of at most ``BLOCK`` voxels."""
        masks, terms = self._work.arrays(p.size)
        r, outside = masks
        np.copyto(r, inside)
        np.subtract(1.0, r, out=outside)
        true, false, true_squared, false_squared = terms[:_MOMENTS]
        np.abs(np.subtract(outside, p, out=true), out=true)
        np.abs(np.subtract(r, p, out=false), out=false)  # exact where 1 - true would not be
        np.square(true, out=true_squared)
        np.square(false, out=false_squared)
        rows = iter(terms[_MOMENTS:])
        for eta, gammas in self._work.steps:
            logs = next(rows)
            np.log(np.clip(true, eta, 1 - eta, out=logs), out=logs)
            for gamma in gammas:
                np.multiply(false_squared if gamma == 2 else false**gamma, logs, out=next(rows))
        self._sums += terms @ masks.T
        self.n += p.size
        self.r += int(np.count_nonzero(inside))

    def complement(self) -> TargetSums:
        """The sums of 1 − p against the target's complement."""
        other = TargetSums(self._work)
        other._sums, other.n, other.r = self._sums[:, ::-1], self.n, self.n - self.r
        return other

    @property
    def moments(self) -> tuple[float, float, float, float]:
        """P, I, P², I²."""
        (i, _), (_, wrong), (i2, _), (_, wrong2) = self._sums[:_MOMENTS].tolist()
        return i + wrong, i, i2 + wrong2, i2

    @property
    def logs(self) -> dict[LogSetting, list[float]]:
        """L1, L0, F1, F0 under each setting."""
        rows = iter(self._sums[_MOMENTS:].tolist())
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

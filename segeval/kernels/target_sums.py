"""The running sums of one target, in float64; blocks are summed pairwise by NumPy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.tallies import Counts, LogSetting, LogSums, SoftSums


class TargetSums:
    """What is summed for one target; ``tp`` and ``predicted`` only for independent channels."""

    def __init__(self, logs: tuple[LogSetting, ...]) -> None:
        self.tp = self.predicted = self.n = self.r = 0
        self.p = self.i = self.p2 = self.i2 = 0.0
        self.logs = {setting: [0.0, 0.0, 0.0, 0.0] for setting in logs}

    def add_moments(self, p: Floats, inside: NDArray[np.bool_]) -> None:
        """Probabilities in [0, 1] and the reference mask of a block: all sums without a logarithm."""
        p_inside = p[inside]
        self.n += p.size
        self.r += p_inside.size
        self.p += float(p.sum())
        self.i += float(p_inside.sum())
        self.p2 += float(p @ p)
        self.i2 += float(p_inside @ p_inside)

    def add_logs(self, p: Floats, inside: NDArray[np.bool_]) -> None:
        """The logarithmic sums of the same block."""
        true = np.where(inside, p, 1 - p)  # the probability of what is the case
        for eta in {eta for _, eta in self.logs}:
            logs = np.log(np.clip(true, eta, 1 - eta))
            for gamma in (g for g, e in self.logs if e == eta):
                modulated = logs * (1 - true) ** gamma
                for place, terms in ((0, logs.copy()), (2, modulated)):
                    self.logs[gamma, eta][place] += float(terms[inside].sum())
                    terms[inside] = 0.0  # rather than subtracting two large sums
                    self.logs[gamma, eta][place + 1] += float(terms.sum())


def counts_of(parts: list[TargetSums]) -> Counts:
    """Hard one-vs-rest counts, shape (targets,)."""
    tp, predicted, n, r = (
        np.array([getattr(s, f) for s in parts], dtype=np.int64) for f in ("tp", "predicted", "n", "r")
    )
    return Counts(tp=tp, fp=predicted - tp, fn=r - tp, tn=n - r - predicted + tp)


def sums_of(parts: list[TargetSums], logs: tuple[LogSetting, ...]) -> SoftSums:
    """The nine sums, shape (targets,)."""

    def column(values: Iterable[float]) -> Floats:
        return np.array(list(values), dtype=np.float64)

    n, r, p, i, p2, i2 = (column(getattr(s, name) for s in parts) for name in ("n", "r", "p", "i", "p2", "i2"))
    return SoftSums(
        n,
        r,
        p,
        i,
        p2,
        i2,
        logs={setting: LogSums(*(column(s.logs[setting][k] for s in parts) for k in range(4))) for setting in logs},
    )

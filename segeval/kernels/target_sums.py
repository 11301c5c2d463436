"""The running sums of one target, in float64, added block by block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.kernels.exact_sums import UNFOLDED, folded
from segeval.tallies.power_sums import PowerSum, Sides, term, term_where_certain
from segeval.tallies.tally import Counts, LogSetting, LogSums, SoftSums

BLOCK = 1 << 15
"""Voxels whose float64 work arrays stay in a core's cache."""
_MOMENTS = 4  # sums that need no logarithm
_ASIDE = BLOCK // 4  # voxels that wait to be taken together, of each side of each target


class Logarithms:
    """Which logarithms are summed, and what else.

    by_clip: each η with its focal exponents γ. certain: the largest f that every η clips.
    weighted: voxels have weights.
    """

    def __init__(
        self, logs: tuple[LogSetting, ...], powers: tuple[PowerSum, ...] = (), *, weighted: bool = False
    ) -> None:
        self.weighted = weighted
        self.by_clip = [(eta, [g for g, e in logs if e == eta]) for eta in dict.fromkeys(e for _, e in logs)]
        self.powers = powers
        clips = [eta for _, eta in logs] + [eta for _, _, eta in powers if eta]
        self.certain = min(clips, default=0.5)  # without logarithms nothing is clipped


class SideSums:
    """What is summed over the voxels on one side of a target's border.

    With t the probability of what is the case (p inside the target, 1 − p outside) and f = 1 − t that of what is not,
    these are the sums of t, f, t², f², ln t and f^γ ln t, and behind them what `power_sums` names.

    Most voxels lie far from the border, and there f is at most η: t is clipped, and its logarithm the same for all of
    them. The others of many blocks are put aside, and taken together: a call of NumPy's costs as much as a thousand
    voxels.

    The blocks' sums are added exactly: plain addition is off by 1e-11 after 10^10 voxels, which a loss near 0, one
    minus a ratio of such sums, shows in its fifth digit.
    """

    def __init__(self, logarithms: Logarithms, inside: bool) -> None:
        self.n = 0
        self._logarithms = logarithms
        self._inside = inside
        self._blocks: list[Sequence[float]] = []
        self._aside: list[NDArray[Any]] = []
        self._aside_n = 0

    def add(self, p: NDArray[Any], weights: Floats | None = None) -> None:
        """Probabilities in [0, 1] of at most ``BLOCK`` voxels on this side, and their weights, where they have some."""
        self.n += p.size
        if weights is not None:
            self.include(self._exact(p.astype(np.float64), weights))
            return
        false = np.subtract(1.0, p, dtype=np.float64) if self._inside else p.astype(np.float64)
        uncertain = (false > self._logarithms.certain).nonzero()[0]
        if 2 * uncertain.size > p.size:
            self._put_aside(p.copy())  # of a view that its owner may write over
            return
        if uncertain.size:
            self._put_aside(p.take(uncertain))
            false[uncertain] = 0.0
        self.include(self._certain(false, uncertain.size))

    def include(self, block: Sequence[float]) -> None:
        """Add a block's sums."""
        self._blocks.append(block)
        if len(self._blocks) > UNFOLDED:
            columns = zip(*self._blocks, strict=True)
            self._blocks = list(zip(*map(folded, columns), strict=True))

    def totals(self) -> list[float]:
        """The sums, in the order above; those of the logarithms clip by clip."""
        self._add_aside()
        if not self._blocks:
            self.include(self._certain(np.zeros(0), 0))
        return [math.fsum(column) for column in zip(*self._blocks, strict=True)]

    def _put_aside(self, p: NDArray[Any]) -> None:
        self._aside.append(p)
        self._aside_n += p.size
        if self._aside_n > _ASIDE:
            self._add_aside()

    def _add_aside(self) -> None:
        if self._aside:
            self.include(self._exact(np.concatenate(self._aside, dtype=np.float64)))
            self._aside, self._aside_n = [], 0

    def _certain(self, false: Floats, zeros: int) -> list[float]:
        """Where f is at most η.

        zeros: how many f are 0 in place of voxels that are summed elsewhere.
        """
        certain = false.size - zeros
        total, squares = float(false.sum()), float(false.dot(false))
        sums = [certain - total, total, certain - 2 * total + squares, squares]
        for eta, gammas in self._logarithms.by_clip:
            log = math.log(1 - eta)
            powers = (squares if gamma == 2 else float((false**gamma).sum()) - zeros * 0.0**gamma for gamma in gammas)
            sums += [certain * log, *(power * log for power in powers)]
        for what in self._logarithms.powers:
            alike = term_where_certain(what)
            if alike is None:
                sums.append(float((false ** what[1]).sum()) - zeros * 0.0 ** what[1])
            else:
                sums.append(certain * alike)
        return sums

    def _exact(self, p: Floats, weights: Floats | None = None) -> list[float]:
        """Any voxels."""

        def summed(terms: Floats) -> float:
            return float(terms.sum() if weights is None else terms.dot(weights))

        true, false = (p, 1.0 - p) if self._inside else (1.0 - p, p)
        squared = np.square(false)
        sums = [summed(true), summed(false), true.dot(true if weights is None else true * weights), summed(squared)]
        for eta, gammas in self._logarithms.by_clip:
            logs = np.clip(true, eta, 1 - eta)
            np.log(logs, out=logs)
            if weights is not None:
                logs *= weights
            sums += [logs.sum(), *((squared if gamma == 2 else false**gamma).dot(logs) for gamma in gammas)]
        sums += [summed(term(what, false, true)) for what in self._logarithms.powers]
        return [float(value) for value in sums]


class TargetSums:
    """What is summed for one target; ``tp`` and ``predicted`` only for independent channels.

    The sums over its inside and its outside hold all that is wanted, for the target and for its complement.
    """

    def __init__(self, logarithms: Logarithms) -> None:
        self.tp = self.predicted = 0
        self._logarithms = logarithms
        self.inside, self.outside = (SideSums(logarithms, inside) for inside in (True, False))

    @property
    def n(self) -> int:
        """Voxels."""
        return self.inside.n + self.outside.n

    @property
    def r(self) -> int:
        """Voxels inside the target."""
        return self.inside.n

    def add(self, p: NDArray[Any], inside: NDArray[np.bool_], weights: Floats | None = None) -> None:
        """Probabilities in [0, 1], reference mask and weights of a block of at most ``BLOCK`` voxels."""
        reference = int(np.count_nonzero(inside))
        if reference == p.size:
            self.inside.add(p, weights)
        elif not reference:
            self.outside.add(p, weights)
        else:
            outside = ~inside
            self.inside.add(p[inside], None if weights is None else weights[inside])
            self.outside.add(p[outside], None if weights is None else weights[outside])

    def complement(self) -> TargetSums:
        """The sums of 1 − p against the target's complement."""
        other = TargetSums(self._logarithms)
        other.inside, other.outside = self.outside, self.inside
        return other

    def totals(self) -> Totals:
        """All sums of the target."""
        (i, lacking, i2, _, *inside), (right, wrong, _, wrong2, *outside) = self.inside.totals(), self.outside.totals()
        voxels: tuple[float, float] = self.n, self.r
        if self._logarithms.weighted:  # t and f of a voxel are 1 together
            voxels = i + lacking + right + wrong, i + lacking
        logs: dict[LogSetting, list[float]] = {}
        sides = zip(inside, outside, strict=True)
        for eta, gammas in self._logarithms.by_clip:
            plain = next(sides)
            logs |= {(gamma, eta): [*plain, *next(sides)] for gamma in gammas}
        moments = [i + wrong, i, i2 + wrong2, i2]
        return Totals(moments, logs, dict(zip(self._logarithms.powers, sides, strict=True)), voxels)


class Totals(Struct):
    """moments: P, I, P², I². logs: L1, L0, F1, F0 under each setting. powers: both sides of each. voxels: N, R."""

    moments: list[float]
    logs: dict[LogSetting, list[float]]
    powers: dict[PowerSum, tuple[float, float]]
    voxels: tuple[float, float]


def counts_of(parts: list[TargetSums]) -> Counts:
    """Hard one-vs-rest counts, shape (targets,)."""
    tp, predicted, n, r = (
        np.array([getattr(s, f) for s in parts], dtype=np.int64) for f in ("tp", "predicted", "n", "r")
    )
    return Counts(tp=tp, fp=predicted - tp, fn=r - tp, tn=n - r - predicted + tp)


def sums_of(parts: list[TargetSums], logarithms: Logarithms) -> SoftSums:
    """The sums, shape (targets,)."""

    def column(values: Iterable[float]) -> Floats:
        return np.array(list(values), dtype=np.float64)

    totals = [s.totals() for s in parts]
    n, r = (column(of.voxels[k] for of in totals) for k in range(2))
    p, i, p2, i2 = (column(of.moments[k] for of in totals) for k in range(_MOMENTS))
    return SoftSums(
        n,
        r,
        p,
        i,
        p2,
        i2,
        logs={
            (gamma, eta): LogSums(*(column(of.logs[gamma, eta][k] for of in totals) for k in range(4)))
            for eta, gammas in logarithms.by_clip
            for gamma in gammas
        },
        powers={
            what: Sides(*(column(of.powers[what][k] for of in totals) for k in range(2))) for what in logarithms.powers
        },
    )

"""How much worse each quantity became in the cases that a report shares with its baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.errors import BaselineError, UsageError
from segeval.gates.baseline_files import Scores, listed
from segeval.gates.grammar import Measure, parse_measure
from segeval.gates.matching import Matched
from segeval.gates.tolerances import Tolerance
from segeval.quantities import keys_named
from segeval.quantities.arithmetic import mean
from segeval.quantities.bootstrap import means_of_draws, resample
from segeval.quantities.naming import did_you_mean
from segeval.results.report import MEAN, Column, Label
from segeval.words.nearest import suggestion

LEVEL = 0.025
"""One-sided: how often noise alone may look like a drop, for each comparison."""
DRAWS = 10_000
SEED = 0
_ROUNDING = 1e-9  # of the values: what another machine may add up otherwise
_BLOCK = 100  # comparisons whose draws are in memory together


class Drop(Struct, frozen=True, eq=False):
    """One quantity of one label, case by case: before and now, NaN where undefined or not there.

    measure: as messages and findings name it. asked: whether the user named it.
    """

    measure: Measure
    column: Column
    tolerance: Tolerance
    asked: bool
    cases: Sequence[str]
    before: Floats
    now: Floats

    @property
    def sign(self) -> int:
        """1 where higher is better, else −1."""
        return self.column.sign

    @property
    def paired(self) -> NDArray[np.bool_]:
        """The cases with a value on both sides."""
        return ~np.isnan(self.before) & ~np.isnan(self.now)

    @property
    def gains(self) -> Floats:
        """By how much each case became better; NaN without a pair."""
        return self.sign * (self.now - self.before)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """The cases whose value became undefined or missing; the worst value of all cannot get worse."""
        gone: NDArray[np.bool_] = ~np.isnan(self.before) & np.isnan(self.now) & (self.before != self.column.worst)
        return gone

    @property
    def means(self) -> tuple[float, float]:
        """Before and now, over the pairs."""
        paired = self.paired
        if not paired.any():
            return math.nan, math.nan
        return mean(self.before[paired]), mean(self.now[paired])

    @property
    def exceeds(self) -> bool:
        """Whether the mean over the pairs dropped by more than the tolerance."""
        before, now = self.means
        if math.isnan(before):
            return False
        drop = -mean(self.gains[self.paired])
        return drop - self.tolerance.margin(before) > _rounding(before, now)

    @property
    def exceeding_cases(self) -> NDArray[np.bool_]:
        """The cases that dropped by more than the tolerance, each beside its own value."""
        margins = self.tolerance.amount * (np.abs(self.before) if self.tolerance.relative else 1.0)
        rounding = _ROUNDING * np.fmax(np.abs(self.before), np.abs(self.now))
        return -self.gains - margins > rounding  # a comparison with NaN is False


def drops_of(
    option: str, tolerances: Mapping[str, Tolerance], matched: Matched, columns: Sequence[Column]
) -> list[Drop]:
    """What the keys name, in their order. Raises UsageError, BaselineError."""
    drops = []
    for key, tolerance in tolerances.items():
        try:
            measure = parse_measure(key)
        except UsageError as problem:
            raise UsageError(f"{option} {problem}") from None
        column = _column(f"{option} {key}", measure.quantity, matched, columns)
        label = _label(f"{option} {key}", measure.label, matched)
        if not _has(matched, label, column.key):
            raise UsageError(f"{option} {key}: the row {measure.label} has no {column.key}; name another quantity")
        drops.append(_drop(measure, label, column, tolerance, matched, asked=True))
    return drops


def all_drops(matched: Matched, columns: Sequence[Column]) -> list[Drop]:
    """Every quantity with a direction that both sides hold, of ``mean`` and of every label, without tolerance."""
    known = matched.baseline.quantities
    directed = [column for column in columns if column.sign and column.key in known]
    return [
        _drop(Measure(_name(label, matched), column.key), label, column, Tolerance(0.0, False), matched, asked=False)
        for label in (MEAN, *matched.labels)
        for column in directed
        if _has(matched, label, column.key)
    ]


def bounds_beyond_noise(drops: Sequence[Drop]) -> list[float]:
    """The 97.5th percentile of the mean gain when cases are drawn anew, each with both its values.

    Every draw holds the same cases for every comparison; a draw's mean is over its pairs.
    """
    if not drops:
        return []
    weights = resample(len(drops[0].cases), DRAWS, SEED)
    bounds: list[float] = []
    for start in range(0, len(drops), _BLOCK):
        gains = np.stack([drop.gains for drop in drops[start : start + _BLOCK]], axis=1)
        bounds += [float(b) for b in np.nanquantile(means_of_draws(gains, weights), 1 - LEVEL, axis=0)]
    return bounds


def _rounding(*values: float) -> float:
    return _ROUNDING * max(map(abs, values))


def _drop(
    measure: Measure, label: Label, column: Column, tolerance: Tolerance, matched: Matched, *, asked: bool
) -> Drop:
    before, now = (side.values(label, column.key, matched.cases) for side in (matched.baseline, matched.current))
    return Drop(measure, column, tolerance, asked, matched.cases, before, now)


def _has(matched: Matched, label: Label, key: str) -> bool:
    sides = (matched.baseline, matched.current)
    return any(side.presence(label, key, matched.cases).any() for side in sides)


def _column(where: str, quantity: str, matched: Matched, columns: Sequence[Column]) -> Column:
    """The column that is meant: ``focal:gamma=3.0`` is ``focal:gamma=3``."""
    known = {column.key: column for column in columns}
    try:
        (key, *more) = keys_named(quantity, known)
    except UsageError:
        more, key = [], quantity
    if more or key not in known:
        nearest = did_you_mean(quantity, known) or f"; there are {listed(known) or 'none'}"
        raise UsageError(f"{where}: the results hold no quantity {quantity!r}{nearest}")
    column = known[key]
    if not column.sign:
        directed = listed(name for name, other in known.items() if other.sign)
        raise UsageError(f"{where}: {key} has no direction that is worse; name one of {directed or 'more quantities'}")
    if key not in matched.baseline.quantities:
        raise BaselineError(
            f"{matched.path}: {where}: the baseline holds no {key}; it holds "
            f"{listed(sorted(matched.baseline.quantities))}; write it anew with --update-baseline"
        )
    return column


def _label(where: str, text: str, matched: Matched) -> Label:
    """The row that a label's number or name stands for."""
    rows = dict.fromkeys(label for side in (matched.baseline, matched.current) for label in side.labels)
    named = [label for label in rows if str(label) == text]
    named = named or [label for label in rows if text in _names(label, matched)]
    if len(named) > 1:
        raise UsageError(f"{where}: labels {listed(named)} are all called {text!r}; name one by its number")
    if not named:
        held = {name: None for label in rows for name in (str(label), *_names(label, matched))}
        raise UsageError(f"{where}: there is no label {text!r} in what is compared{_nearest(text, held)}")
    return named[0]


def _names(label: Label, matched: Matched) -> set[str]:
    return {side.names[label] for side in (matched.baseline, matched.current) if label in side.names}


def _name(label: Label, matched: Matched) -> str:
    """The label's name where no other label has it, else its number."""
    sides: tuple[Scores, Scores] = (matched.current, matched.baseline)
    name = next((side.names[label] for side in sides if label in side.names), None)
    if name is None or sum(name in _names(other, matched) for other in matched.labels) > 1:
        return str(label)
    return name


def _nearest(text: str, known: Mapping[str, object]) -> str:
    return suggestion(text, known) or (f"; there are {listed(known)}" if known else "")

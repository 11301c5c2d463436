"""A challenge's own table of a report: a line per case, a column per number, and statistics over the cases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from segeval.results.formulas import Together, formula, lookup_of, value_of

if TYPE_CHECKING:
    from segeval.results.report import CaseResult, Report


def _quantile(values: list[float], share: float) -> float:
    """Linear interpolation, as NumPy does it."""
    values = sorted(values)
    place = share * (len(values) - 1)
    low = math.floor(place)
    return values[low] + (place - low) * (values[min(low + 1, len(values) - 1)] - values[low])


def _deviation(values: list[float], by: int) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / by) if by else math.nan


STATISTICS: Mapping[str, Callable[[list[float]], float]] = {
    "mean": lambda values: math.fsum(values) / len(values),
    "sd": lambda values: _deviation(values, len(values) - 1),
    "population_sd": lambda values: _deviation(values, len(values)),
    "median": lambda values: _quantile(values, 0.5),
    "q1": lambda values: _quantile(values, 0.25),
    "q3": lambda values: _quantile(values, 0.75),
    "min": min,
    "max": max,
    "sum": math.fsum,
    "count": lambda values: float(len(values)),
}
"""Over the cases where a number is defined. sd: with n − 1; population_sd: with n."""
POOLED = "pooled"
"""The line of the numbers that are of all cases together."""


class ChallengeTable(Struct, frozen=True):
    """columns: the challenge's names. cases: the values of each case by column; ends: those of each statistic.

    Columns of all cases together come last, from number `of_cases` on; they are undefined but in the last of the ends.
    unscored: cases that failed or were skipped: they have no number, whatever a formula makes of nothing.
    """

    title: str
    columns: Sequence[str]
    cases: Sequence[tuple[str, Sequence[float]]]
    ends: Sequence[tuple[str, Sequence[float]]]
    of_cases: int
    unscored: Sequence[str] = ()

    def shown(self, *, alone: bool) -> list[tuple[str, Sequence[float]]]:
        """What people read of it: the statistics; of a case that stands alone its values, and what is of all."""
        if not alone:
            return list(self.ends)
        return [*(("value", values) for _, values in self.cases), *(end for end in self.ends if end[0] == POOLED)]


def challenge_table(report: Report, protocol: object = None) -> ChallengeTable | None:
    """The table of a protocol, as reports hold one, by default of the one that the report was made under.

    None where there is none, or it names no columns.
    """
    protocol = report.settings.get("protocol") if protocol is None else protocol
    if not isinstance(protocol, Mapping):
        return None
    columns, pooled = protocol.get("columns") or {}, protocol.get("pooled") or {}
    if not columns and not pooled:
        return None
    missing = protocol.get("missing") or {}
    nothing = [math.nan] * len(pooled)
    cases = [(case.case, [*_values(case, columns, missing), *nothing]) for case in report.cases]
    found = [
        [value for value in of if not math.isnan(value)] for of in zip(*(values for _, values in cases), strict=True)
    ]
    ends = [
        (name, [STATISTICS[name](values) if values else math.nan for values in found])
        for name in protocol.get("statistics") or ("mean",)
    ]
    if pooled:
        ends.append((POOLED, [math.nan] * len(columns) + _together(report, pooled)))
    unscored = tuple(case.case for case in report.cases if not case.rows)
    title = protocol.get("title") or protocol["name"]
    return ChallengeTable(title, (*columns, *pooled), cases, ends, len(columns), unscored)


def _together(report: Report, pooled: Mapping[str, str]) -> list[float]:
    """Of all cases; a case alone is what it would be pooled with nothing."""
    cases = [lookup_of(case.rows) for case in report.cases if case.rows]
    alone = report.pooled is None and report.summary is None and len(cases) == 1
    every = Together(cases[0] if alone else lookup_of(report.pooled or ()), cases)
    return [float(formula(of)(every)) for of in pooled.values()]


def _values(case: CaseResult, columns: Mapping[str, str], missing: Mapping[str, float | None]) -> list[float]:
    """A case that was scored as empty for want of a prediction has what the protocol says that costs.

    One without rows, which failed or was skipped, has nothing.
    """
    if not case.rows:
        return [math.nan] * len(columns)
    lost = missing if case.status == "missing" else {}
    found = {name: math.nan if value is None else float(value) for name, value in lost.items()}
    return [found[name] if name in found else value_of(case, of) for name, of in columns.items()]

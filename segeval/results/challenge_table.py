"""A challenge's own table of a report: a line per case, a column per number, and statistics over the cases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from segeval.results.formulas import value_of

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


class ChallengeTable(Struct, frozen=True):
    """columns: the challenge's names. cases: the values of each case by column; ends: those of each statistic."""

    title: str
    columns: Sequence[str]
    cases: Sequence[tuple[str, Sequence[float]]]
    ends: Sequence[tuple[str, Sequence[float]]]


def challenge_table(report: Report, protocol: object = None) -> ChallengeTable | None:
    """The table of a protocol, as reports hold one, by default of the one that the report was made under.

    None where there is none, or it names no columns.
    """
    protocol = report.settings.get("protocol") if protocol is None else protocol
    columns = protocol.get("columns") if isinstance(protocol, Mapping) else None
    if not isinstance(protocol, Mapping) or not isinstance(columns, Mapping) or not columns:
        return None
    missing = protocol.get("missing") or {}
    cases = [(case.case, _values(case, columns, missing)) for case in report.cases]
    found = [
        [value for value in of if not math.isnan(value)] for of in zip(*(values for _, values in cases), strict=True)
    ]
    ends = [
        (name, [STATISTICS[name](values) if values else math.nan for values in found])
        for name in protocol.get("statistics") or ("mean",)
    ]
    return ChallengeTable(protocol.get("title") or protocol["name"], tuple(columns), cases, ends)


def _values(case: CaseResult, columns: Mapping[str, str], missing: Mapping[str, float]) -> list[float]:
    """A case without a prediction has what the protocol says it costs, whatever an empty one would have."""
    lost = missing if case.status == "missing" else {}
    return [float(lost[name]) if name in lost else value_of(case, of) for name, of in columns.items()]

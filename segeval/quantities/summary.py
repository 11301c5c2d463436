"""Statistics over the cases of a batch: per label, region, ``mean`` and ``all``, and per quantity."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.quantities.bootstrap import BLOCK, intervals, means_of_draws, quantiles_by_column, resample
from segeval.ranking import worst_cases
from segeval.report import ALL, MEAN, CaseResult, Column, Row, Statistic

__all__ = ["summarise", "worst_cases"]

_NAN = math.nan


class _Line(Struct):
    """A label over the cases. places: which evaluated cases have the row, ascending; rows: those."""

    label: int | str
    name: str | None = None
    places: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Rows of a kind have the same quantities."""
        return self.label if self.label in (MEAN, ALL) and isinstance(self.label, str) else "target"


class _Cases(Struct, frozen=True):
    """How many cases there are of each sort."""

    evaluated: int
    failed: int
    missing: int


def summarise(
    cases: Sequence[CaseResult], columns: Sequence[Column], *, draws: int = 1000, seed: int = 0
) -> tuple[Statistic, ...]:
    """The statistics: labels ascending, regions in order of appearance, ``mean``, ``all``; each by column.

    A label that an evaluated case lacks is undefined there. draws, seed: of the bootstrap, which resamples cases, the
    same ones for every label and quantity. The order of the cases changes nothing.
    """
    ordered = sorted(cases, key=lambda case: (case.case, case.prediction or "", case.reference or ""))
    evaluated = [case for case in ordered if case.status == "ok" or (case.status == "missing" and case.rows)]
    status = Counter(case.status for case in cases)
    counts = _Cases(len(evaluated), status["error"], status["missing"])
    lines = _lines(evaluated)
    keys = _keys_by_kind(lines, [column.key for column in columns])
    times_drawn = resample(len(evaluated), draws, seed)
    statistics: list[Statistic] = []
    for block in _blocks(lines, counts.evaluated * max(len(columns), 1)):
        statistics += _block_statistics(block, keys, times_drawn, counts)
    return tuple(statistics)


def _lines(evaluated: Sequence[CaseResult]) -> list[_Line]:
    found: dict[int | str, _Line] = {}
    for place, case in enumerate(evaluated):
        for row in case.rows:
            line = found.setdefault(row.label, _Line(row.label))
            line.name = line.name or row.name
            line.places.append(place)
            line.rows.append(row)
    labels = sorted(label for label in found if isinstance(label, int))
    regions = [label for label in found if isinstance(label, str) and label not in (MEAN, ALL)]
    return [found[label] for label in (*labels, *regions, MEAN, ALL) if label in found]


def _keys_by_kind(lines: Sequence[_Line], keys: Sequence[str]) -> dict[str, list[str]]:
    """The quantities that a kind of row has in any case: ``all`` lacks most of them."""
    present: dict[str, set[str]] = {}
    for line in lines:
        known = present.setdefault(line.kind, set())
        for row in line.rows:
            if not row.values.keys() <= known:
                known.update(row.values)
    return {kind: [key for key in keys if key in known] for kind, known in present.items()}


def _blocks(lines: Sequence[_Line], numbers_per_line: int) -> Iterator[Sequence[_Line]]:
    size = max(1, BLOCK // max(numbers_per_line, 1))
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


def _block_statistics(
    lines: Sequence[_Line], keys: dict[str, list[str]], times_drawn: NDArray[np.uint8], counts: _Cases
) -> Iterator[Statistic]:
    places = np.unique(np.concatenate([line.places for line in lines]))  # the cases that have any of these labels
    entries = [(line, key) for line in lines for key in keys[line.kind]]
    values = np.full((len(places), len(entries)), np.nan)
    first = 0
    for line in lines:
        names = keys[line.kind]
        if names:
            table = [[row.values.get(key, _NAN) for key in names] for row in line.rows]
            values[np.searchsorted(places, line.places), first : first + len(names)] = table
            first += len(names)
    weights = times_drawn if len(places) == counts.evaluated else times_drawn[:, places]
    drawn = means_of_draws(values, weights)
    quantiles = quantiles_by_column(values, (0, 0.25, 0.5, 0.75, 1))
    bounds = intervals(drawn, quantiles[0], quantiles[-1])
    for index, (line, key) in enumerate(entries):
        defined = values[:, index][~np.isnan(values[:, index])]
        yield Statistic(
            line.label, line.name, key, **_describe(defined, quantiles[:, index], bounds[:, index]), n=len(defined),
            undefined=counts.evaluated - len(defined), failed=counts.failed, missing=counts.missing,
        )  # fmt: skip


def _describe(defined: Floats, quantiles: Floats, bounds: Floats) -> dict[str, Any]:
    """Every statistic of the values of the cases. bounds: of their mean, as the draws have it."""
    if len(defined) < 2 or (defined == defined[0]).all():  # a computed mean would be a rounding error off
        value = float(defined[0]) if len(defined) else _NAN
        same = dict.fromkeys(("mean", "median", "q1", "q3", "min", "max"), value)
        return {**same, "sd": 0.0 if len(defined) > 1 else _NAN, "ci95": (value, value)}
    low, q1, median, q3, high = quantiles
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = {
            "mean": defined.mean(), "sd": defined.std(ddof=1), "median": median, "q1": q1, "q3": q3,
            "min": low, "max": high,
        }  # fmt: skip
    return {**{name: _finite(number) for name, number in numbers.items()}, "ci95": tuple(map(_finite, bounds))}


def _finite(number: float) -> float:
    """What overflows is no number."""
    return float(number) if math.isfinite(number) else _NAN

"""Statistics over the cases of a batch: per label, region, ``mean`` and ``all``, and per quantity."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.quantities.arithmetic import equal
from segeval.quantities.bootstrap import BLOCK, intervals, means_of_draws, quantiles_by_column, resample
from segeval.results.ranking import worst_cases
from segeval.results.report import ALL, MEAN, CaseResult, Column, Label, Statistic
from segeval.results.rows import Line
from segeval.results.slices import Results

__all__ = ["MISSED_LABELS", "missed_remark", "summarise", "worst_cases"]

MISSED_LABELS = "labels that one volume lacks, whose distances are those of --missed"
"""How `missed_remark` begins."""

_NAN = math.nan


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
    results = Results.of(evaluated, [column.key for column in columns])
    keys = _keys_by_kind(results, [column.key for column in columns])
    times_drawn = resample(len(evaluated), draws, seed)
    statistics: list[Statistic] = []
    for block in _blocks(results.lines, counts.evaluated * max(len(columns), 1)):
        statistics += _block_statistics(results, block, keys, times_drawn, counts)
    return tuple(statistics)


def _kind(line: Line) -> str:
    """Rows of a kind have the same quantities."""
    return line.label if line.label in (MEAN, ALL) and isinstance(line.label, str) else "target"


def _keys_by_kind(results: Results, keys: Sequence[str]) -> dict[str, list[str]]:
    """The quantities that a kind of row has in any case: ``all`` lacks most of them."""
    present: dict[str, set[str]] = {}
    for line in results.lines:
        present.setdefault(_kind(line), set()).update(results.keys(line.label))
    return {kind: [key for key in keys if key in known] for kind, known in present.items()}


def _blocks(lines: Sequence[Line], numbers_per_line: int) -> Iterator[Sequence[Line]]:
    size = max(1, BLOCK // max(numbers_per_line, 1))
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


def _block_statistics(
    results: Results,
    lines: Sequence[Line],
    keys: dict[str, list[str]],
    times_drawn: NDArray[np.uint8],
    counts: _Cases,
) -> Iterator[Statistic]:
    found = [results.cells(line.label, keys[_kind(line)]) for line in lines]
    places = np.unique(np.concatenate([cases for cases, _ in found]))  # the cases that have any of these labels
    entries = [(line, key) for line in lines for key in keys[_kind(line)]]
    values = np.full((len(places), len(entries)), np.nan)
    first = 0
    for cases, table in found:
        width = table.shape[1]
        values[np.searchsorted(places, cases), first : first + width] = table
        first += width
    del found, cases, table
    weights = times_drawn if len(places) == counts.evaluated else times_drawn[:, places]
    drawn = means_of_draws(values, weights)
    quantiles = quantiles_by_column(values, (0, 0.25, 0.5, 0.75, 1))
    bounds = intervals(drawn, quantiles[0], quantiles[-1])
    for index, (line, key) in enumerate(entries):
        defined = values[:, index][~np.isnan(values[:, index])]
        yield Statistic(
            line.label,
            line.name,
            key,
            **_describe(defined, quantiles[:, index], bounds[:, index]),
            n=len(defined),
            undefined=counts.evaluated - len(defined),
            failed=counts.failed,
            missing=counts.missing,
        )


def _describe(defined: Floats, quantiles: Floats, bounds: Floats) -> dict[str, Any]:
    """Every statistic of the values of the cases. bounds: of their mean, as the draws have it."""
    if len(defined) < 2 or equal(defined):  # a computed mean would be a rounding error off
        value = float(defined[0]) if len(defined) else _NAN
        same = dict.fromkeys(("mean", "median", "q1", "q3", "min", "max"), value)
        return {**same, "sd": 0.0 if len(defined) > 1 else _NAN, "ci95": (value, value)}
    low, q1, median, q3, high = quantiles
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = {
            "mean": defined.mean(),
            "sd": defined.std(ddof=1),
            "median": median,
            "q1": q1,
            "q3": q3,
            "min": low,
            "max": high,
        }
    return {**{name: _finite(number) for name, number in numbers.items()}, "ci95": tuple(map(_finite, bounds))}


def _finite(number: float) -> float:
    """What overflows is no number."""
    return float(number) if math.isfinite(number) else _NAN


def missed_remark(cases: Mapping[Label, int], missed: str) -> list[str]:
    """How many distances of a summary are not measured, but stand for a label that one volume lacks.

    cases: how many, by label. missed: as ``--missed`` takes it.
    """
    if not cases:
        return []
    found = sorted(cases.items(), key=lambda item: (isinstance(item[0], str), item[0]))
    words = ", ".join(f"{label} in {count} case(s)" for label, count in found)
    return [f"{MISSED_LABELS} {missed} and whose nsd is 0: {words}"]

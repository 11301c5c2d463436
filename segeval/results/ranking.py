"""Which quantity stands for a report, and which of its cases are worst by it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from segeval.results.report import MEAN, CaseResult, Column
from segeval.results.slices import Results

_MAIN = "dice"


def main_column(columns: Sequence[Column]) -> Column | None:
    """Dice where it was asked for, else the first quantity that has a direction."""
    directed = (column for column in columns if column.sign)
    return next((column for column in columns if column.key == _MAIN), next(directed, None))


def worst_cases(
    cases: Sequence[CaseResult], columns: Sequence[Column], count: int = 5
) -> tuple[tuple[str, str, float], ...]:
    """(quantity, case, value) of the worst cases by their ``mean`` row, worst first, ties by name.

    A case whose mean is undefined, or that has no label to average, is in no order with the others and left out.
    """
    column = main_column(columns)
    if column is None:
        return ()
    sign = column.sign or 1
    values = Results.of(cases, [column.key]).values(MEAN, [column.key])[:, 0].tolist()
    ranked = sorted(
        ((value, case.case) for value, case in zip(values, cases, strict=True) if not math.isnan(value)),
        key=lambda entry: (sign * entry[0], entry[1]),
    )
    return tuple((column.key, case, value) for value, case in ranked[:count])

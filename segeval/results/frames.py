"""Rows as columns of a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segeval.array_types import Integers
from segeval.results.slices import HasRows, one_table, rows_of_cases


def tidy_columns(cases: Sequence[HasRows], keys: Sequence[str]) -> tuple[Integers, dict[str, Any]]:
    """Which case each row is of, and by name: label, name, then each quantity, float64, NaN where there is no value."""
    table, rows = one_table(cases, keys)
    case_of, numbers = rows_of_cases(rows)
    lines = [table.lines[place] for place in table.line_of[numbers]]
    place_of = {key: place for place, key in enumerate(table.keys)}
    columns: dict[str, Any] = {"label": [line.label for line in lines], "name": [line.name for line in lines]}
    for key in keys:
        known = key in place_of
        columns[key] = table.values[numbers, place_of[key]] if known else np.full(len(numbers), np.nan)
    return case_of, columns

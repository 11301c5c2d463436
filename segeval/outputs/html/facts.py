"""What the page's scripts draw: the values of all cases, the statistics, and what was counted beside them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np

from segeval.array_types import Floats
from segeval.outputs.cells import label_text
from segeval.outputs.html.counted import confusion_facts, curve_facts, instance_facts
from segeval.results.columns import finite
from segeval.results.ranking import main_column
from segeval.results.report import Column, Label, Report, Statistic
from segeval.results.rows import Line
from segeval.results.slices import Results

MOST_VALUES = 2_500_000
"""Cases × labels × quantities that a page holds: 13 MB of it."""
VOLUMES = ("ref_volume_ml", "pred_volume_ml")
_EXACT_IN_FLOAT32 = 1 << 24
_MOST_EXACT = 500_000


def report_facts(report: Report) -> dict[str, Any]:
    """Everything about a report that its charts and its table show."""
    results = Results.of(report.cases, [column.key for column in report.columns])
    labels = [line.label for line in results.lines]
    columns = shown_columns(report.columns, len(report.cases) * len(labels))
    main = main_column(columns)
    return {
        "kind": "report",
        "lines": [line_facts(line) for line in results.lines],
        "columns": [column_facts(column, values_of(results, labels, column.key)) for column in columns],
        "left_out": len(report.columns) - len(columns),
        "main": None if main is None else main.key,
        "cases": [case.case for case in report.cases],
        "status": [case.status for case in report.cases],
        "reasons": {str(place): case.reason for place, case in enumerate(report.cases) if case.reason},
        "statistics": statistics_facts(report.summary or (), results.lines, columns),
        "confusion": confusion_facts(report),
        "curves": curve_facts(report),
        "instances": instance_facts(report),
    }


def shown_columns(columns: Sequence[Column], cells: int) -> list[Column]:
    """As many columns as the page has room for: the main one first, then those that people look for first."""
    main = main_column(columns)

    def order(column: Column) -> tuple[bool, bool, bool, bool]:
        return column != main, column.key not in VOLUMES, not column.main, not column.sign

    most = max(3, MOST_VALUES // max(cells, 1))
    chosen = sorted(columns, key=order)[:most]
    return [column for column in columns if column in chosen]


def values_of(results: Results, labels: Sequence[Label | None], key: str) -> Floats:
    """(labels, cases); NaN where a case has no such value, and for None, a label that there is not."""
    found = [results.values(label, [key])[:, 0] for label in labels]
    return np.array(found, np.float64).reshape(len(found), results.size)


def column_facts(column: Column, values: Floats, *, exact: bool = False) -> dict[str, Any]:
    """A column and its values: float32 where four digits behind the point are right in it, else float64.

    exact: float64 in any case, for values whose differences count, unless there are more than a page has room for.
    """
    largest = np.max(np.abs(values), initial=0, where=np.isfinite(values))
    whole = bool(np.all(values[np.isfinite(values)] == np.floor(values[np.isfinite(values)])))
    short = bool(largest < (_EXACT_IN_FLOAT32 if whole else 1000)) and not (exact and values.size <= _MOST_EXACT)
    stored = values.astype("<f4" if short else "<f8")
    return {
        "key": column.key,
        "title": column.title or column.key,
        "group": column.group,
        "sign": column.sign,
        "best": finite(column.best),
        "worst": finite(column.worst),
        "main": column.main,
        "whole": whole and column.sign == 0,
        "type": "f4" if short else "f8",
        "values": b64encode(stored.tobytes()).decode(),
    }


def line_facts(line: Line) -> dict[str, Any]:
    """A label as the page names it."""
    return {
        "label": line.label,
        "name": line.name,
        "text": label_text(line.label, line.name),
        "sums_up": line.label in ("mean", "all"),
    }


def statistics_facts(summary: Sequence[Statistic], lines: Sequence[Line], columns: Sequence[Column]) -> list[list[Any]]:
    """A list per statistic: places of line and column, then mean, interval, sd, median, quartiles, ends, counts."""
    place_of_line = {line.label: place for place, line in enumerate(lines)}
    place_of_column = {column.key: place for place, column in enumerate(columns)}
    return [
        [
            place_of_line[s.label],
            place_of_column[s.quantity],
            *map(finite, (s.mean, *s.ci95, s.sd, s.median, s.q1, s.q3, s.min, s.max)),
            s.n,
            s.undefined,
            s.failed,
            s.missing,
        ]
        for s in summary
        if s.quantity in place_of_column and s.label in place_of_line
    ]

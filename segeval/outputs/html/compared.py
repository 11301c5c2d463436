"""A comparison of reports for the page: what it comes to in words and tables, and the values case by case to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from segeval.array_types import Floats
from segeval.outputs import comparison_words as words
from segeval.outputs.cells import label_text
from segeval.outputs.comparison_page import ranking_table
from segeval.outputs.html.facts import column_facts, line_facts, values_of
from segeval.outputs.html.sections import shown_pictures, shown_table
from segeval.results.columns import finite
from segeval.results.comparison import Comparison, ComparisonRow
from segeval.results.pictures import ComparedPictures
from segeval.results.report import Label, Report
from segeval.results.rows import Line
from segeval.results.slices import Results
from segeval.words.lists import counted_as

_MOST_ROWS = 2000


def comparison_sections(comparison: Comparison, pictures: Sequence[ComparedPictures] = ()) -> dict[str, Any]:
    """The template's variables: plain text, which it escapes."""
    baseline, *others = comparison.reports
    ranking = comparison.ranking
    return {
        "title": f"{counted_as(len(others), 'report')} against {baseline.name}",
        "signature": baseline.signature,
        "baseline": baseline.name,
        "conclusions": [words.conclusion(comparison, other.name) for other in others],
        "ranking": None if ranking is None else shown_table(words.ranking_title(ranking), ranking_table(ranking)),
        "headers": words.HEADERS,
        "others": [_against(comparison, other.name) for other in others],
        "more_rows": max(0, len(comparison.rows) - _MOST_ROWS),
        "main": comparison.main,
        "ranks": [
            (label_text(row.label, row.name), row.report, words.rank_cells(row))
            for row in words.shown_ranks(comparison)
        ],
        "rank_headers": words.RANK_HEADERS,
        "rank_notes": words.RANK_NOTES if comparison.ranks else (),
        "pictures": [
            {
                "words": each.words,
                "report": each.report,
                "baseline": shown_pictures(each.baseline, f"b{place}-"),
                "other": shown_pictures(each.other, f"o{place}-"),
            }
            for place, each in enumerate(pictures)
        ],
        "missing": words.missing_lines(comparison),
        "notes": words.notes(comparison),
        "remarks": list(comparison.remarks),
    }


def comparison_facts(comparison: Comparison, reports: Sequence[Report]) -> dict[str, Any]:
    """The main quantity of every case in every report, and the means and intervals of all rows of it.

    reports: in the order of the comparison's.
    """
    cases = sorted({case.case for report in reports for case in report.cases if case.rows})
    column = next((c for c in reports[0].columns if c.key == comparison.main), None)
    lines = [Line(row.label, row.name) for row in _rows(comparison, comparison.reports[1].name)]
    values = [
        _values(report, cases, [compared.own_label(line.label) for line in lines], comparison.main)
        for compared, report in zip(comparison.reports, reports, strict=True)
    ]
    return {
        "kind": "comparison",
        "main": comparison.main,
        "reports": [report.name for report in comparison.reports],
        "cases": cases,
        "lines": [line_facts(line) for line in lines],
        "columns": [] if column is None else [column_facts(column, of_report, exact=True) for of_report in values],
        "rows": [
            [
                {
                    "difference": finite(row.difference),
                    "low": finite(row.ci95[0]),
                    "high": finite(row.ci95[1]),
                    "verdict": row.verdict,
                    "wins": row.wins,
                    "ties": row.ties,
                    "losses": row.losses,
                }
                for row in _rows(comparison, other.name)
            ]
            for other in comparison.reports[1:]
        ],
    }


def _values(report: Report, cases: Sequence[str], labels: Sequence[Label | None], key: str | None) -> Floats:
    """(labels, cases), NaN where the report lacks a case or a value."""
    found = [case for case in report.cases if case.rows]
    results = Results.of(found, [column.key for column in report.columns if column.key == key])
    place = {case: number for number, case in enumerate(cases)}
    values = np.full((len(labels), len(cases)), np.nan)
    values[:, [place[case.case] for case in found]] = values_of(results, labels, key or "")
    return values


def _rows(comparison: Comparison, report: str) -> list[ComparisonRow]:
    """Of the main quantity, in the order of the labels."""
    return [row for row in comparison.rows if (row.report, row.quantity) == (report, comparison.main)]


def _against(comparison: Comparison, report: str) -> dict[str, Any]:
    metrics = []
    for metric in comparison.metrics:
        rows = [row for row in comparison.rows[:_MOST_ROWS] if (row.report, row.quantity) == (report, metric)]
        cells = [(label_text(row.label, row.name), row.verdict, words.row_cells(row)) for row in rows]
        metrics.append({"metric": metric, "rows": cells, "open": metric == comparison.main})
    metrics.sort(key=lambda each: not each["open"])
    return {
        "name": report,
        "metrics": metrics,
        "changes": [
            (title, [words.change_line(change) + (f"  ({change.where})" if change.where else "") for change in changes])
            for title, changes in words.change_titles(comparison, report)
        ],
    }

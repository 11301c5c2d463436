"""A comparison as CSV, and the formats that it can be written in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Literal

from segeval.outputs import Output
from segeval.outputs.comparison_page import page_of_comparison
from segeval.outputs.csv_output import number_cell, text_cell
from segeval.results.comparison import Comparison, ComparisonRow, RankRow

ComparisonFormat = Literal["table", "csv", "json", "markdown"]

_VALUES = ("baseline", "value", "difference", "ci95_low", "ci95_high")
_TESTS = ("wins", "ties", "losses", "p", "p_holm", "effect", "n", "undefined", "missing")
_OF_MEANS = ("mean", "mean_then_rank", "mean_then_rank_low", "mean_then_rank_high")
_OF_RANKS = ("mean_rank", "rank_then_mean", "rank_then_mean_low", "rank_then_mean_high", "rank_n", "ranked")


def _csv(comparison: Comparison) -> Iterable[str]:
    """A row per report, label and quantity, full precision, undefined empty; of more than two reports, also the
    baseline's rows, and everyone's ranks."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns, ranked = (*_VALUES, *_TESTS), (*_OF_MEANS, *_OF_RANKS) if comparison.ranks else ()
    writer.writerow(["report", "label", "name", "quantity", *columns, *ranked])
    ranks = {(row.report, row.label, row.quantity): row for row in comparison.ranks}
    baseline = [row for row in comparison.ranks if row.report == comparison.reports[0].name]
    for rank in baseline:
        writer.writerow([*_names(rank), *[""] * len(columns), *_rank_numbers(rank)])
    for row in comparison.rows:
        found = ranks.get((row.report, row.label, row.quantity))
        own = _rank_numbers(found) if found is not None else [""] * len(ranked)
        writer.writerow([*_names(row), *_numbers(row), *own])
    yield text.getvalue()


def _table(comparison: Comparison) -> Iterable[str]:
    """80 columns wide, with every quantity."""
    from segeval.outputs.sheet import plain_text

    yield plain_text(page_of_comparison(comparison))


def _json(comparison: Comparison) -> Iterable[str]:
    yield comparison.to_json() + "\n"


def _markdown(comparison: Comparison) -> Iterable[str]:
    """GitHub's tables, numbers rounded for reading."""
    from segeval.outputs.markdown import markdown_of

    yield markdown_of(page_of_comparison(comparison))


COMPARISON_OUTPUTS: dict[ComparisonFormat, Output[Comparison]] = {
    "table": Output(_table, (".txt",)),
    "csv": Output(_csv, (".csv",), shows_remarks=False),
    "json": Output(_json, (".json",)),
    "markdown": Output(_markdown, (".md", ".markdown")),
}


def _names(row: ComparisonRow | RankRow) -> list[str]:
    return [text_cell(row.report), text_cell(row.label), text_cell(row.name or ""), text_cell(row.quantity)]


def _numbers(row: ComparisonRow) -> list[str]:
    counts = (row.wins, row.ties, row.losses)
    tests = (row.p, row.p_holm, row.effect, row.n, row.undefined, row.missing)
    return list(map(number_cell, (row.baseline, row.value, row.difference, *row.ci95, *counts, *tests)))


def _rank_numbers(row: RankRow) -> list[str]:
    of_means = (row.mean, row.mean_then_rank, *row.mean_then_rank_ci95)
    of_ranks = (row.mean_rank, row.rank_then_mean, *row.rank_then_mean_ci95, row.n, row.ranked)
    return list(map(number_cell, (*of_means, *of_ranks)))

"""A comparison as CSV, and the formats that it can be written in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from segeval.outputs.comparison_page import page_of_comparison
from segeval.outputs.csv_output import number_cell, text_cell
from segeval.results.comparison import Comparison, ComparisonRow, RankRow

ComparisonFormat = Literal["table", "csv", "json", "markdown"]

_COLUMNS = (
    "baseline",
    "value",
    "difference",
    "ci95_low",
    "ci95_high",
    "wins",
    "ties",
    "losses",
    "p",
    "p_holm",
    "effect",
    "n",
    "undefined",
    "missing",
)
_RANK_COLUMNS = (
    "mean",
    "mean_then_rank",
    "mean_then_rank_low",
    "mean_then_rank_high",
    "mean_rank",
    "rank_then_mean",
    "rank_then_mean_low",
    "rank_then_mean_high",
    "rank_n",
    "ranked",
)


class ComparisonOutput(Struct, frozen=True):
    """render: the comparison as text that ends with a newline. endings: of the files it is written to.

    shows_remarks: the text holds the remarks; otherwise they go to stderr.
    """

    render: Callable[[Comparison], str]
    endings: tuple[str, ...]
    shows_remarks: bool = True


def render_comparison_csv(comparison: Comparison) -> str:
    """A row per report, label and quantity, full precision, undefined empty; of more than two reports, also the
    baseline's rows, and everyone's ranks."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ranked = _RANK_COLUMNS if comparison.ranks else ()
    writer.writerow(["report", "label", "name", "quantity", *_COLUMNS, *ranked])
    ranks = {(row.report, row.label, row.quantity): row for row in comparison.ranks}
    baseline = [row for row in comparison.ranks if row.report == comparison.reports[0].name]
    for rank in baseline:
        writer.writerow([*_names(rank), *[""] * len(_COLUMNS), *_rank_numbers(rank)])
    for row in comparison.rows:
        found = ranks.get((row.report, row.label, row.quantity))
        own = _rank_numbers(found) if found is not None else [""] * len(ranked)
        writer.writerow([*_names(row), *_numbers(row), *own])
    return text.getvalue()


def _table(comparison: Comparison) -> str:
    """80 columns wide, with every quantity."""
    from segeval.outputs.sheet import plain_text

    return plain_text(page_of_comparison(comparison))


def _markdown(comparison: Comparison) -> str:
    """GitHub's tables, numbers rounded for reading."""
    from segeval.outputs.markdown import markdown_of

    return markdown_of(page_of_comparison(comparison))


COMPARISON_OUTPUTS: dict[ComparisonFormat, ComparisonOutput] = {
    "table": ComparisonOutput(_table, (".txt",)),
    "csv": ComparisonOutput(render_comparison_csv, (".csv",), shows_remarks=False),
    "json": ComparisonOutput(lambda comparison: comparison.to_json() + "\n", (".json",)),
    "markdown": ComparisonOutput(_markdown, (".md", ".markdown")),
}


def comparison_format_of_ending(name: str) -> ComparisonFormat | None:
    """The format that a file name asks for by its ending."""
    found = (format_ for format_, output in COMPARISON_OUTPUTS.items() if name.lower().endswith(output.endings))
    return next(found, None)


def _names(row: ComparisonRow | RankRow) -> list[str]:
    return [text_cell(row.report), text_cell(row.label), text_cell(row.name or ""), text_cell(row.quantity)]


def _numbers(row: ComparisonRow) -> list[str]:
    values = (
        row.baseline,
        row.value,
        row.difference,
        *row.ci95,
        row.wins,
        row.ties,
        row.losses,
        row.p,
        row.p_holm,
        row.effect,
        row.n,
        row.undefined,
        row.missing,
    )
    return [number_cell(value) for value in values]


def _rank_numbers(row: RankRow) -> list[str]:
    values = (
        row.mean,
        row.mean_then_rank,
        *row.mean_then_rank_ci95,
        row.mean_rank,
        row.rank_then_mean,
        *row.rank_then_mean_ci95,
        row.n,
        row.ranked,
    )
    return [number_cell(value) for value in values]

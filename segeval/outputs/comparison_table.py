"""A comparison as people read it on a terminal: a table per quantity, the cases that changed most, the ranks."""

from __future__ import annotations

from functools import partial

from rich.console import Console

from segeval.outputs.cells import row_title
from segeval.outputs.comparison_words import (
    HEADERS,
    RANK_HEADERS,
    RANK_NOTES,
    change_line,
    change_titles,
    conclusion,
    missing_lines,
    notes,
    rank_cells,
    ranking_cells,
    ranking_headers,
    ranking_title,
    row_cells,
    shown_ranks,
)
from segeval.outputs.grid import Line, print_grid
from segeval.outputs.sheet import plain_text, print_line
from segeval.results.comparison import ChallengeRanking, Comparison, ComparisonRow, RankRow
from segeval.results.report import ALL, MEAN
from segeval.words.printable import printable

_STYLES = {"better": "green", "worse": "red", "": ""}
_MARKS = {"better": "*", "worse": "!", "": " "}
_LEGEND = "* better and ! worse: the interval of the difference excludes zero"
_MOST_ROWS = 500


def render_comparison_table(comparison: Comparison) -> str:
    """The table as plain text, 80 columns wide, with every quantity."""
    return plain_text(partial(print_comparison, comparison, wide=True))


def print_comparison(comparison: Comparison, console: Console, *, wide: bool = False) -> None:
    """Print the comparison on a console, as wide and as coloured as that is: first what it comes to, in a sentence for
    each report; then the main quantity, or all with ``wide``."""
    baseline, *others = comparison.reports
    for other in others:
        sentence = conclusion(comparison, other.name)
        print_line(console, sentence, "bold")
    console.print()
    if comparison.ranking is not None:
        _print_ranking(comparison.ranking, console)
    metrics = comparison.metrics if wide or comparison.main is None else (comparison.main,)
    for other in others:
        print_line(console, f"baseline {baseline.name}", "bold")
        print_line(console, f"against  {other.name}", "bold")
        _print_rows([row for row in comparison.rows if row.report == other.name], metrics, console)
        for title, changes in change_titles(comparison, other.name):
            print_line(console, title, "bold")
            for change in changes:
                print_line(console, change_line(change))
            console.print()
    if hidden := len(comparison.metrics) - len(metrics):
        print_line(console, f"{hidden} more quantities: --wide, or --format csv or json", "dim")
        console.print()
    if comparison.ranks:
        _print_ranks(comparison, console)
    for line in missing_lines(comparison):
        print_line(console, line, "red")
    if any(row.verdict for row in comparison.rows if row.quantity in metrics):
        print_line(console, _LEGEND)
    for note in notes(comparison):
        print_line(console, note)
    for remark in comparison.remarks:
        print_line(console, f"remark: {remark}", "yellow")
    print_line(console, baseline.signature, "dim")


def _print_ranking(ranking: ChallengeRanking, console: Console) -> None:
    print_line(console, ranking_title(ranking), "bold")
    headers = ranking_headers(ranking)
    lines = [
        Line(printable(placing.report), {head: (text, "") for head, text in zip(headers, cells, strict=True)})
        for placing in ranking.placings
        for cells in [ranking_cells(placing)]
    ]
    print_grid(console, "", headers, lines)
    console.print()


def _print_rows(rows: list[ComparisonRow], metrics: tuple[str, ...], console: Console) -> None:
    for metric in metrics:
        mine = [row for row in rows if row.quantity == metric]
        marked = any(row.verdict for row in mine)
        lines = [_line(row, marked) for row in mine[:_MOST_ROWS]]
        if lines:
            print_grid(console, printable(metric), HEADERS, lines)
        if len(mine) > _MOST_ROWS:
            print_line(console, f"… and {len(mine) - _MOST_ROWS} more rows; --format csv or json has all of them")
    console.print()


def _line(row: ComparisonRow, marked: bool) -> Line:
    title = row_title(row)
    style = _STYLES[row.verdict]
    cells = {
        header: (text, style if header in ("difference", "95 % interval") else "")
        for header, text in zip(HEADERS, row_cells(row), strict=True)
    }
    if marked:
        cells["difference"] = (cells["difference"][0] + _MARKS[row.verdict], style)
    return Line(title, cells, row.label in (MEAN, ALL))


def _print_ranks(comparison: Comparison, console: Console) -> None:
    shown = shown_ranks(comparison)
    print_line(console, f"ranks by {comparison.main}", "bold")
    for label in dict.fromkeys(row.label for row in shown[:_MOST_ROWS]):
        lines = [_rank_line(row) for row in shown if row.label == label]
        print_grid(console, printable(str(label)), RANK_HEADERS, lines)
    console.print()
    for note in RANK_NOTES:
        print_line(console, note)


def _rank_line(row: RankRow) -> Line:
    cells = zip(RANK_HEADERS, rank_cells(row), strict=True)
    return Line(printable(row.report), {header: (text, "") for header, text in cells})

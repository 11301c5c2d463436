"""A comparison as people read it on a terminal: a table per quantity, the cases that changed most, the ranks."""

from __future__ import annotations

import io

from segeval.outputs.comparison_words import (
    HEADERS,
    RANK_HEADERS,
    RANK_NOTES,
    change_line,
    change_titles,
    missing_lines,
    notes,
    rank_cells,
    row_cells,
    shown_ranks,
)
from segeval.outputs.grid import Line, print_grid, print_line
from segeval.outputs.sheet import PlainSheet, Sheet
from segeval.results.comparison import Comparison, ComparisonRow, RankRow
from segeval.results.report import ALL, MEAN
from segeval.words.printable import printable

_STYLES = {"better": "green", "worse": "red", "": ""}
_MOST_ROWS = 500


def render_comparison_table(comparison: Comparison) -> str:
    """The table as plain text, 80 columns wide."""
    text = io.StringIO()
    print_comparison(comparison, PlainSheet(text))
    return text.getvalue()


def print_comparison(comparison: Comparison, sheet: Sheet) -> None:
    """Print the comparison on a sheet, as wide and as coloured as that is."""
    baseline, *others = comparison.reports
    for other in others:
        print_line(sheet, f"baseline {baseline.name}", "bold")
        print_line(sheet, f"against  {other.name}", "bold")
        _print_rows([row for row in comparison.rows if row.report == other.name], comparison.metrics, sheet)
        for title, changes in change_titles(comparison, other.name):
            print_line(sheet, title, "bold")
            for change in changes:
                print_line(sheet, change_line(change))
            sheet.line()
    if comparison.ranks:
        _print_ranks(comparison, sheet)
    for line in missing_lines(comparison):
        print_line(sheet, line, "red")
    for note in notes(comparison):
        print_line(sheet, note)
    for remark in comparison.remarks:
        print_line(sheet, f"remark: {remark}", "yellow")
    print_line(sheet, baseline.signature, "dim")


def _print_rows(rows: list[ComparisonRow], metrics: tuple[str, ...], sheet: Sheet) -> None:
    for metric in metrics:
        mine = [row for row in rows if row.quantity == metric]
        lines = [_line(row) for row in mine[:_MOST_ROWS]]
        if lines:
            print_grid(sheet, printable(metric), HEADERS, lines)
        if len(mine) > _MOST_ROWS:
            print_line(sheet, f"… and {len(mine) - _MOST_ROWS} more rows; --format csv or json has all of them")
    sheet.line()


def _line(row: ComparisonRow) -> Line:
    title = printable(f"{row.label} {row.name}" if row.name else str(row.label))
    style = _STYLES[row.verdict]
    cells = {
        header: (text, style if header in ("difference", "95 % interval") else "")
        for header, text in zip(HEADERS, row_cells(row), strict=True)
    }
    return Line(title, cells, row.label in (MEAN, ALL))


def _print_ranks(comparison: Comparison, sheet: Sheet) -> None:
    shown = shown_ranks(comparison)
    print_line(sheet, f"ranks by {comparison.main}", "bold")
    for label in dict.fromkeys(row.label for row in shown[:_MOST_ROWS]):
        lines = [_rank_line(row) for row in shown if row.label == label]
        print_grid(sheet, printable(str(label)), RANK_HEADERS, lines)
    sheet.line()
    for note in RANK_NOTES:
        print_line(sheet, note)


def _rank_line(row: RankRow) -> Line:
    cells = zip(RANK_HEADERS, rank_cells(row), strict=True)
    return Line(printable(row.report), {header: (text, "") for header, text in cells})

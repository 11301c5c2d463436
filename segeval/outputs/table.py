"""The table that people read: blocks of columns that fit the width, label by label."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from segeval.outputs import batch
from segeval.outputs.cells import blocks, cell_text, row_title
from segeval.outputs.grid import Line, print_grid, print_line, style_of
from segeval.outputs.sheet import PlainSheet, Sheet
from segeval.results.report import ALL, MEAN, CaseResult, Column, Report, Row

_MOST_ROWS = 500


def render_table(report: Report) -> str:
    """The table as plain text, 80 columns wide."""
    text = io.StringIO()
    print_table(report, PlainSheet(text))
    return text.getvalue()


def print_table(report: Report, sheet: Sheet) -> None:
    """Print the report on a sheet, as wide and as coloured as that is; of a batch the summary."""
    if report.summary is None:
        for case in report.cases:
            _print_case(report, case, sheet)
        remarks: Sequence[str] = report.remarks
    else:
        _print_batch(report, sheet)
        remarks = batch.batch_remarks(report)
    for remark in remarks:
        print_line(sheet, f"remark: {remark}", "yellow")
    print_line(sheet, report.signature, "dim")


def _print_case(report: Report, case: CaseResult, sheet: Sheet) -> None:
    print_line(sheet, f"case {case.case}", "bold")
    if case.prediction is not None and case.reference is not None:
        print_line(sheet, f"prediction {case.prediction}")
        print_line(sheet, f"reference  {case.reference}")
    if case.hashes is not None:
        for side, digest in zip(("prediction", "reference "), case.hashes, strict=True):
            print_line(sheet, f"sha256 {side} {digest}")
    _print_blocks(report, case.rows, cell_text, sheet)
    _print_end(case.rows, sheet)
    for remark in case.remarks:
        print_line(sheet, f"remark: {remark}", "yellow")


def _print_blocks(report: Report, rows: Sequence[Row], text: Callable[[Row, Column], str], sheet: Sheet) -> None:
    shown, _ = _first(rows)
    for title, columns in blocks(report):
        lines = [
            Line(
                row_title(row),
                {c.key: (text(row, c), style_of(row.values[c.key], c)) for c in columns if c.key in row.values},
                row.label in (MEAN, ALL),
            )
            for row in shown
        ]
        print_grid(sheet, title, [column.key for column in columns], lines)


def _print_end(rows: Sequence[Row], sheet: Sheet) -> None:
    """What follows the tables of these rows."""
    sheet.line()
    if hidden := _first(rows)[1]:
        print_line(sheet, f"… and {hidden} more labels; --format csv or json has all of them")


def _first(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """As many labels as anybody reads, with the rows that sum them up, and how many labels more there are."""
    labels = [row for row in rows if row.label not in (MEAN, ALL)]
    return labels[:_MOST_ROWS] + [row for row in rows if row.label in (MEAN, ALL)], max(0, len(labels) - _MOST_ROWS)


def _print_batch(report: Report, sheet: Sheet) -> None:
    _print_summary(report, sheet)
    if (worst := batch.worst_lines(report)) is not None:
        title, entries = worst
        print_line(sheet, title, "bold")
        width = max(len(value) for value, _ in entries)
        for value, case in entries:
            print_line(sheet, f"{value:>{width}}  {case}")
        sheet.line()
    failures, more = batch.failure_lines(report)
    for failure in failures:
        print_line(sheet, failure, "red")
    if more:
        print_line(sheet, f"… and {more} more; --format csv or json has all of them", "red")
    print_line(sheet, batch.scored_sentence(report.cases), "bold")
    sheet.line()
    if report.pooled is not None:
        print_line(sheet, batch.POOLED_TITLE, "bold")
        _print_blocks(report, report.pooled, cell_text, sheet)
        _print_end(report.pooled, sheet)


def _print_summary(report: Report, sheet: Sheet) -> None:
    for note in batch.counts_notes(report):
        print_line(sheet, note)
    lines = batch.summary_lines(report.summary or ())
    if not lines:
        return
    found = {line.row.label: line.statistics for line in lines}
    rows = [line.row for line in lines]
    _print_blocks(report, rows, lambda row, column: batch.mean_text(found[row.label].get(column.key)), sheet)
    if (details := batch.details(report)) is not None:
        _print_details(*details, sheet)
    _print_end(rows, sheet)


def _print_details(column: Column, lines: Sequence[batch.SummaryLine], sheet: Sheet) -> None:
    texts = {line.row.label: batch.detail_texts(line.statistics[column.key]) for line in lines}
    grid = [
        Line(row_title(row), {k: (v, "") for k, v in texts[row.label].items()}, row.label in (MEAN, ALL))
        for row in _first([line.row for line in lines])[0]
    ]
    print_grid(sheet, column.key, batch.DETAILS, grid)

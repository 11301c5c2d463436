"""The table that people read, of Rich: blocks of columns that fit the width, label by label.

Of everything that is computed unless somebody asks for less, a narrow page shows what most people come for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rich.console import Console

from segeval.outputs import batch
from segeval.outputs.cells import blocks, cell_text, row_title, value_text
from segeval.outputs.grid import GAP, Line, parts, print_grid
from segeval.outputs.sheet import plain_text, print_line
from segeval.results.report import ALL, MEAN, CaseResult, Column, Report, Row, Value

_MOST_ROWS = 500
_CHALLENGE_WIDTH = 40
_BEST, _WORST = "*", "!"
_LEGEND = "* best and ! worst label of a column"

Cell = Callable[[Row, Column], str]


def render_table(report: Report, *, wide: bool = False) -> str:
    """The table as plain text, 80 columns wide. wide: every column, whatever the width."""
    return plain_text(partial(print_table, report, wide=wide))


def print_table(report: Report, console: Console, *, wide: bool = False) -> None:
    """Print the report on a console, as wide and as coloured as that is; of a batch the summary."""
    _print_challenge(report, console)
    if report.summary is None:
        for case in report.cases:
            _print_case(report, case, console, wide)
        remarks: Sequence[str] = report.remarks
    else:
        _print_batch(report, console, wide)
        remarks = batch.batch_remarks(report)
    for remark in remarks:
        print_line(console, f"remark: {remark}", "yellow")
    print_line(console, report.signature, "dim")


def _print_challenge(report: Report, console: Console) -> None:
    """The challenge's own numbers, where the report is under a protocol that names some."""
    if report.settings.get("protocol") is None:
        return
    from segeval.results.challenge_table import challenge_table

    table = challenge_table(report)
    if table is None:
        return
    shown = table.shown(alone=report.summary is None)
    heads = [name for name, _ in shown]
    lines = [
        Line(column, {head: (value_text(values[number]), "") for head, (_, values) in zip(heads, shown, strict=True)})
        for number, column in enumerate(table.columns)
    ]
    print_line(console, table.title, "bold")
    print_grid(console, "", heads, lines, widest=_CHALLENGE_WIDTH)
    console.print()


def _print_case(report: Report, case: CaseResult, console: Console, wide: bool) -> None:
    print_line(console, f"case {case.case}", "bold")
    if case.prediction is not None and case.reference is not None:
        print_line(console, f"prediction {case.prediction}")
        print_line(console, f"reference  {case.reference}")
    if case.hashes is not None:
        for side, digest in zip(("prediction", "reference "), case.hashes, strict=True):
            print_line(console, f"sha256 {side} {digest}")
    _print_blocks(report, case.rows, cell_text, console, wide, marked=True)
    _print_end(case.rows, console)
    for remark in case.remarks:
        print_line(console, f"remark: {remark}", "yellow")


def _print_blocks(
    report: Report, rows: Sequence[Row], text: Cell, console: Console, wide: bool, *, marked: bool = False
) -> None:
    """marked: the best and the worst label of each column bear a mark."""
    shown, _ = _first(rows)
    usual = {column.group for column in report.columns} == {"overlap", "losses"} and any(c.main for c in report.columns)
    hidden, any_mark = 0, False
    for title, columns in blocks(report):
        heads = {column.key: column.title or column.key for column in columns}
        lines, with_marks = _lines(shown, columns, text, marked)
        gap = GAP - with_marks
        if usual and not wide and len(parts(title, heads, lines, console.width, gap)) > 1:
            main = [column.key for column in columns if column.main]
            hidden += len(columns) - len(main) if main else 0
            heads = {key: heads[key] for key in main or heads}
        print_grid(console, title, list(heads), lines, heads, gap)
        any_mark |= with_marks
    if hidden or any_mark:
        console.print()
    if any_mark:
        print_line(console, _LEGEND, "dim")
    if hidden:
        print_line(console, f"{hidden} more overlap quantities: --wide, or --format csv or json", "dim")


def _lines(rows: Sequence[Row], columns: Sequence[Column], text: Cell, marked: bool) -> tuple[list[Line], bool]:
    """The lines of a table, and whether any cell of it has a mark."""
    marks = {column.key: _marks(rows, column) if marked else {} for column in columns}
    lines = []
    for number, row in enumerate(rows):
        cells = {}
        for column in columns:
            if column.key in row.values:
                mark = marks[column.key].get(number, " ") if marks[column.key] else ""
                cells[column.key] = (text(row, column) + mark, style_of(row.values[column.key], column))
        lines.append(Line(row_title(row), cells, row.label in (MEAN, ALL)))
    return lines, any(marks.values())


def _marks(rows: Sequence[Row], column: Column) -> Mapping[int, str]:
    """By row, what its value is marked with: the best and the worst label's, where they are one each."""
    if column.best is None or column.worst is None:
        return {}
    values = {
        number: row.values[column.key]
        for number, row in enumerate(rows)
        if row.label not in (MEAN, ALL) and column.key in row.values and not math.isnan(row.values[column.key])
    }
    found = {}
    for mark, extreme in ((_BEST, column.best), (_WORST, column.worst)):
        end = (max if extreme == max(column.best, column.worst) else min)(values.values(), default=math.nan)
        there = [number for number, value in values.items() if value == end]
        if len(there) == 1 and len(values) > 1:
            found[there[0]] = mark
    return found


def style_of(value: Value | None, column: Column) -> str:
    """Green near the best end of a bounded scale, red near its worst."""
    if value is None or math.isnan(value):
        return "dim"
    if column.best is None or column.worst is None or math.isinf(column.worst):
        return ""
    goodness = (value - column.worst) / (column.best - column.worst)
    return "green" if goodness >= 0.8 else "yellow" if goodness >= 0.5 else "red"


def _print_end(rows: Sequence[Row], console: Console) -> None:
    """What follows the tables of these rows."""
    console.print()
    if hidden := _first(rows)[1]:
        print_line(console, f"… and {hidden} more labels; --format csv or json has all of them")


def _first(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """As many labels as anybody reads, with the rows that sum them up, and how many labels more there are."""
    labels = [row for row in rows if row.label not in (MEAN, ALL)]
    return labels[:_MOST_ROWS] + [row for row in rows if row.label in (MEAN, ALL)], max(0, len(labels) - _MOST_ROWS)


def _print_batch(report: Report, console: Console, wide: bool) -> None:
    _print_summary(report, console, wide)
    if (worst := batch.worst_lines(report)) is not None:
        title, entries = worst
        print_line(console, title, "bold")
        width, labels = max(len(value) for value, _ in entries), batch.worst_labels(report)
        for value, case in entries:
            print_line(console, f"{value:>{width}}  {case}" + (f"  ({labels[case]})" if case in labels else ""))
        console.print()
    failures, more = batch.failure_lines(report)
    for failure in failures:
        print_line(console, failure, "red")
    if more:
        print_line(console, f"… and {more} more; --format csv or json has all of them", "red")
    print_line(console, batch.scored_sentence(report.cases), "bold")
    console.print()
    if report.pooled is not None:
        print_line(console, batch.POOLED_TITLE, "bold")
        _print_blocks(report, report.pooled, cell_text, console, wide)
        _print_end(report.pooled, console)


def _print_summary(report: Report, console: Console, wide: bool) -> None:
    for note in batch.counts_notes(report):
        print_line(console, note)
    lines = batch.summary_lines(report.summary or ())
    if not lines:
        return
    found = {line.row.label: line.statistics for line in lines}
    rows = [line.row for line in lines]
    _print_blocks(report, rows, lambda row, column: batch.mean_text(found[row.label].get(column.key)), console, wide)
    if (details := batch.details(report)) is not None:
        _print_details(*details, console)
    _print_end(rows, console)


def _print_details(column: Column, lines: Sequence[batch.SummaryLine], console: Console) -> None:
    texts = {line.row.label: batch.detail_texts(line.statistics[column.key]) for line in lines}
    grid = [
        Line(row_title(row), {k: (v, "") for k, v in texts[row.label].items()}, row.label in (MEAN, ALL))
        for row in _first([line.row for line in lines])[0]
    ]
    print_grid(console, column.title or column.key, batch.DETAILS, grid)

"""The page of a report: blocks of columns, label by label; of a batch the summary.

Of everything that is computed unless somebody asks for less, a narrow page shows what most people come for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from segeval.outputs import batch, page
from segeval.outputs.cells import blocks, cell_text, row_title, value_text
from segeval.results.report import ALL, MEAN, CaseResult, Column, Report, Row, Value

_CHALLENGE_WIDTH = 40
_LEGEND = "* best and ! worst label of a column"
_MORE = "{} more overlap quantities: --wide, or --format csv or json"

CellText = Callable[[Row, Column], str]


def render_table(report: Report, *, wide: bool = False) -> str:
    """The page as plain text, 80 columns wide. wide: every column, whatever the width."""
    from segeval.outputs.sheet import plain_text

    return plain_text(page_of_report(report, wide=wide))


def render_markdown(report: Report) -> str:
    """GitHub's tables; numbers rounded for reading."""
    from segeval.outputs.markdown import markdown_of

    return markdown_of(page_of_report(report))


def page_of_report(report: Report, *, wide: bool = False) -> list[page.Part]:
    """Of every case, or of a batch the summary. wide: every column, whatever the width."""
    parts = _challenge(report)
    if report.summary is None:
        for case in report.cases:
            parts += _case(report, case, wide)
    else:
        parts += _batch(report, wide)
    remarks = report.remarks if report.summary is None else batch.batch_remarks(report)
    return [*parts, page.bullets([], noted=remarks), page.code(report.signature)]


def _challenge(report: Report) -> list[page.Part]:
    """The challenge's own numbers, where the report is under a protocol that names some."""
    if report.settings.get("protocol") is None:
        return []
    from segeval.results.challenge_table import challenge_table

    table = challenge_table(report)
    if table is None:
        return []
    heads, values = zip(*table.shown(alone=report.summary is None), strict=True)
    rows = zip(table.columns, zip(*values, strict=True), strict=True)
    lines = [page.Line(column, page.numbers(map(value_text, row))) for column, row in rows]
    grid = page.Table("", heads, lines, widest=_CHALLENGE_WIDTH, corner="number")
    return [page.Section([page.heading(table.title, document=table.title), page.Tables([grid])])]


def _case(report: Report, case: CaseResult, wide: bool) -> list[page.Part]:
    parts: list[page.Part] = [page.heading(f"case {case.case}", document=case.case)]
    if case.prediction is not None and case.reference is not None:
        parts.append(page.terminal([f"prediction {case.prediction}", f"reference  {case.reference}"]))
        parts.append(page.document([f"Prediction {case.prediction}, reference {case.reference}"]))
    tables = _tables(report, case.rows, cell_text, wide, marked=True)
    prediction, reference = case.hashes or ("", "")
    hashes = page.terminal([f"sha256 prediction {prediction}", f"sha256 reference  {reference}"])
    sentence = page.document([f"SHA-256 prediction {prediction}, reference {reference}"])
    parts += [tables] if case.hashes is None else [hashes, tables, sentence]
    return [page.Section(parts), page.bullets([], noted=case.remarks)]


def _batch(report: Report, wide: bool) -> list[page.Part]:
    """Summary, main quantity, worst cases, failures, pooled rows."""
    scored = batch.scored_sentence(report.cases)
    parts = [page.document(["Summary"], "title"), page.document([scored]), *_summary(report, wide)]
    if (worst := batch.worst_lines(report)) is not None:
        title, entries = worst
        width, labels = max(len(value) for value, _ in entries), batch.worst_labels(report)
        label = {case: f"  ({words})" for case, words in labels.items()}
        lines = page.said(f"{value:>{width}}  {case}{label.get(case, '')}" for value, case in entries)
        shorter = [f"{value} {case}" for value, case in entries]
        parts.append(page.Section([page.heading(title, "subtitle"), page.Lines(lines, "list", shorter)]))
    failures = page.bullets(batch.failure_lines(report), "bad")
    header = page.document(["Not scored"] if failures.terminal else [], "subtitle")
    parts.append(page.Section([header, failures, page.terminal([scored], "strong")]))
    if report.pooled is not None:
        pooled = _tables(report, report.pooled, cell_text, wide)
        parts.append(page.Section([page.heading(batch.POOLED_TITLE), pooled]))
    return parts


def _summary(report: Report, wide: bool) -> list[page.Part]:
    lines = batch.summary_lines(report.summary or ())
    if not lines:
        return []
    found = {line.row.label: line.statistics for line in lines}

    def text(row: Row, column: Column) -> str:
        return batch.mean_text(found[row.label].get(column.key))

    notes = page.Lines(page.said(batch.counts_notes(report)))
    parts: list[page.Part] = [notes, _tables(report, [line.row for line in lines], text, wide)]
    if (details := batch.details(report)) is not None:
        column, lines = details
        rows = [_line(line.row, page.numbers(batch.detail_texts(line.statistics[column.key]))) for line in lines]
        parts.append(page.Tables([page.Table(column.title or column.key, batch.DETAILS, rows, key=column.key)]))
    return [page.Section(parts)]


def _tables(report: Report, rows: Sequence[Row], text: CellText, wide: bool, *, marked: bool = False) -> page.Tables:
    """marked: the best and the worst label of each column bear a mark."""
    usual = {column.group for column in report.columns} == {"overlap", "losses"} and not wide
    tables = []
    for title, columns in blocks(report):
        marks = [_marks(rows, column) if marked else {} for column in columns]
        lines = [
            _line(row, [_cell(row, c, text, of.get(number, "")) for c, of in zip(columns, marks, strict=True)])
            for number, row in enumerate(rows)
        ]
        main = [place for place, column in enumerate(columns) if column.main] if usual else ()
        heads, keys = [column.title or column.key for column in columns], [column.key for column in columns]
        tables.append(page.Table(title, heads, lines, keys, main=main, dense=any(marks)))
    return page.Tables(tables, legend=_LEGEND if any(table.dense for table in tables) else "", more=_MORE)


def _line(row: Row, cells: Sequence[page.Cell | None]) -> page.Line:
    return page.Line(row_title(row), cells, row.label in (MEAN, ALL))


def _cell(row: Row, column: Column, text: CellText, mark: page.Mark) -> page.Cell | None:
    if column.key not in row.values:
        return None
    return page.Cell(text(row, column), tone_of(row.values[column.key], column), mark)


def _marks(rows: Sequence[Row], column: Column) -> Mapping[int, page.Mark]:
    """By row, what its value is marked with: the best and the worst label's, where they are one each."""
    if column.best is None or column.worst is None:
        return {}
    values = {
        number: row.values[column.key]
        for number, row in enumerate(rows)
        if row.label not in (MEAN, ALL) and column.key in row.values and not math.isnan(row.values[column.key])
    }
    found: dict[int, page.Mark] = {}
    ends: tuple[tuple[page.Mark, float], ...] = (("best", column.best), ("worst", column.worst))
    for mark, extreme in ends:
        end = (max if extreme == max(column.best, column.worst) else min)(values.values(), default=math.nan)
        there = [number for number, value in values.items() if value == end]
        if len(there) == 1 and len(values) > 1:
            found[there[0]] = mark
    return found


def tone_of(value: Value, column: Column) -> page.Tone:
    """Good near the best end of a bounded scale, bad near its worst."""
    if math.isnan(value):
        return "faint"
    if column.best is None or column.worst is None or math.isinf(column.worst):
        return ""
    goodness = (value - column.worst) / (column.best - column.worst)
    return "good" if goodness >= 0.8 else "fair" if goodness >= 0.5 else "bad"

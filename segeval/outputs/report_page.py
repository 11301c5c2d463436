"""The page of a report: blocks of columns, label by label; of a batch the summary.

Of everything that is computed unless somebody asks for less, a narrow page shows what most people come for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from segeval.outputs import batch, page
from segeval.outputs.cells import blocks, cell_text, ends_last, value_text
from segeval.results.report import ALL, MEAN, CaseResult, Column, Report, Row, Value

_CHALLENGE_WIDTH = 40
_ENDS = (MEAN, ALL)
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
    found = challenge_of(report)
    if found is None:
        return []
    title, grid = found
    return [page.Section([page.heading(title, document=title), page.Tables([grid])])]


def challenge_of(report: Report) -> tuple[str, page.Table] | None:
    """The title and the challenge's own numbers, where the report is under a protocol that names some."""
    if report.settings.get("protocol") is None:
        return None
    from segeval.results.challenge_table import challenge_table

    table = challenge_table(report)
    if table is None or not report.cases:
        return None
    heads, values = zip(*table.shown(alone=report.summary is None), strict=True)
    texts = [list(map(value_text, of_column)) for of_column in zip(*values, strict=True)]
    grid = page.Table("", heads, table.columns, texts.__getitem__, widest=_CHALLENGE_WIDTH, corner="number")
    return table.title, grid


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
        rows, titles, ends = ends_last([line.row for line in lines])
        texts = [batch.detail_texts(found[row.label][column.key]) for row in rows]
        title, key = column.title or column.key, column.key
        parts.append(page.Tables([page.Table(title, batch.DETAILS, titles, texts.__getitem__, ends, key=key)]))
    return [page.Section(parts)]


def _tables(report: Report, rows: Sequence[Row], text: CellText, wide: bool, *, marked: bool = False) -> page.Tables:
    """marked: the best and the worst label of each column bear a mark."""
    usual = {column.group for column in report.columns} == {"overlap", "losses"} and not wide
    rows, titles, ends = ends_last(rows)
    tables = []
    for title, columns in blocks(report):
        marks = _marks(rows, columns) if marked else {}
        tables.append(
            page.Table(
                title,
                [column.title or column.key for column in columns],
                titles,
                partial(_texts, rows, columns, text),
                ends,
                partial(_tones, rows, columns),
                marks,
                dense=bool(marks),
                main=[place for place, column in enumerate(columns) if column.main] if usual else (),
                keys=[column.key for column in columns],
            )
        )
    return page.Tables(tables, legend=_LEGEND if any(table.dense for table in tables) else "", more=_MORE)


def _texts(rows: Sequence[Row], columns: Sequence[Column], text: CellText, line: int) -> list[str | None]:
    row = rows[line]
    return [text(row, column) if column.key in row.values else None for column in columns]


def _tones(rows: Sequence[Row], columns: Sequence[Column], line: int) -> list[page.Tone]:
    values = rows[line].values
    return [tone_of(values.get(column.key, math.nan), column) for column in columns]


def _marks(rows: Sequence[Row], columns: Sequence[Column]) -> dict[tuple[int, int], page.Mark]:
    """The best and the worst label of each column, where they are one each."""
    return {
        (line, place): mark for place, column in enumerate(columns) for line, mark in _ends_of(rows, column).items()
    }


def _ends_of(rows: Sequence[Row], column: Column) -> Mapping[int, page.Mark]:
    """By line; those that sum up come last."""
    if column.best is None or column.worst is None:
        return {}
    found: dict[int, page.Mark] = {}
    values = [row.values.get(column.key, math.nan) for row in rows if row.label not in _ENDS]
    known = [value for value in values if not math.isnan(value)]
    ends: tuple[tuple[page.Mark, float], ...] = (("best", column.best), ("worst", column.worst))
    for mark, extreme in ends if len(known) > 1 else ():
        end = (max if extreme == max(column.best, column.worst) else min)(known)
        if known.count(end) == 1:
            found[values.index(end)] = mark
    return found


def tone_of(value: Value, column: Column) -> page.Tone:
    """Good near the best end of a bounded scale, bad near its worst."""
    if math.isnan(value):
        return "faint"
    if column.best is None or column.worst is None or math.isinf(column.worst):
        return ""
    goodness = (value - column.worst) / (column.best - column.worst)
    return "good" if goodness >= 0.8 else "fair" if goodness >= 0.5 else "bad"

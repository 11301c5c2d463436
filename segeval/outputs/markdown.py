"""Markdown: a table per block, for reports and pull requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from segeval.outputs import batch
from segeval.outputs.cells import blocks, cell_text, row_title, value_text
from segeval.results.report import CaseResult, Column, Report, Row
from segeval.words.printable import printable


def render_markdown(report: Report) -> str:
    """GitHub's tables; numbers rounded for reading; of a batch the summary."""
    parts = _challenge(report)
    if report.summary is None:
        parts += [_case(report, case) for case in report.cases]
        remarks: Sequence[str] = report.remarks
    else:
        parts += _batch(report)
        remarks = batch.batch_remarks(report)
    if remarks:
        parts.append(bullets(remarks))
    parts.append(code_span(report.signature) + "\n")
    return "\n".join(parts)


def _challenge(report: Report) -> list[str]:
    """The challenge's own numbers, where the report is under a protocol that names some."""
    if report.settings.get("protocol") is None:
        return []
    from segeval.results.challenge_table import challenge_table

    table = challenge_table(report)
    if table is None:
        return []
    shown = table.shown(alone=report.summary is None)
    cells = [
        [plain(column), *(value_text(values[number]) for _, values in shown)]
        for number, column in enumerate(table.columns)
    ]
    lines = table_lines([name for name, _ in shown], cells, "number")
    return ["\n".join([f"## {plain(table.title)}", "", *lines, ""])]


def _case(report: Report, case: CaseResult) -> str:
    lines = [f"## {plain(case.case)}", ""]
    if case.prediction is not None and case.reference is not None:
        lines += [f"Prediction {plain(case.prediction)}, reference {plain(case.reference)}", ""]
    lines += _blocks(report, case.rows, cell_text)
    if case.hashes is not None:
        lines += [f"SHA-256 prediction {case.hashes[0]}, reference {case.hashes[1]}", ""]
    if case.remarks:
        lines.append(bullets(case.remarks))
    return "\n".join(lines)


def _batch(report: Report) -> list[str]:
    """The parts: summary, main quantity, worst cases, failures, pooled rows."""
    lines = batch.summary_lines(report.summary or ())
    found = {line.row.label: line.statistics for line in lines}
    parts = ["\n".join(["## Summary", "", batch.scored_sentence(report.cases), "", *_notes(report)])]
    if lines:
        rows = [line.row for line in lines]
        shown = _blocks(report, rows, lambda row, column: batch.mean_text(found[row.label].get(column.key)))
        parts.append("\n".join(shown))
    if (details := batch.details(report)) is not None:
        column, labels = details
        table = table_lines(batch.DETAILS, [_detail_cells(line, column) for line in labels])
        parts.append("\n".join([f"### {plain(column.key)}", "", *table, ""]))
    if (worst := batch.worst_lines(report)) is not None:
        title, entries = worst
        cases = bullets([f"{value} {case}" for value, case in entries])
        parts.append("\n".join([f"### {plain(title.capitalize())}", "", cases]))
    failures, more = batch.failure_lines(report)
    if failures:
        rest = [f"… and {more} more"] if more else []
        parts.append("\n".join(["### Not scored", "", bullets([*failures, *rest])]))
    if report.pooled is not None:
        heading = plain(batch.POOLED_TITLE.capitalize())
        parts.append("\n".join([f"## {heading}", "", *_blocks(report, report.pooled, cell_text)]))
    return parts


def _notes(report: Report) -> list[str]:
    return [line for note in batch.counts_notes(report) for line in (plain(note), "")]


def _detail_cells(line: batch.SummaryLine, column: Column) -> list[str]:
    texts = batch.detail_texts(line.statistics[column.key])
    return [plain(row_title(line.row)), *(texts[header] for header in batch.DETAILS)]


def _blocks(report: Report, rows: Sequence[Row], text: Callable[[Row, Column], str]) -> list[str]:
    lines: list[str] = []
    for title, columns in blocks(report):
        cells = [
            [plain(row_title(row)), *(text(row, column) for column in columns)]
            for row in rows
            if any(c.key in row.values for c in columns)
        ]
        lines += [f"### {title}", "", *table_lines([c.key for c in columns], cells), ""]
    return lines


def table_lines(headers: Sequence[str], lines: Sequence[Sequence[str]], first: str = "label") -> list[str]:
    """A table beside the labels, to the right of which numbers stand. Headers and cells are Markdown already."""
    head = [f"| {first} | " + " | ".join(headers) + " |", "| --- |" + " ---: |" * len(headers)]
    return head + ["| " + " | ".join(cells) + " |" for cells in lines]


def bullets(entries: Sequence[str]) -> str:
    """A list of plain texts."""
    return "\n".join(f"- {plain(entry)}" for entry in entries) + "\n"


def code_span(text: str) -> str:
    """A code span, behind more backticks than the text holds in a row."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{printable(text)}{space}{fence}"


def plain(text: str) -> str:
    """Text whose characters mean nothing to Markdown."""
    text = printable(text)
    for character in "\\`*_[]<>|#&~$@":
        text = text.replace(character, "\\" + character)
    return text

"""Markdown: a table per block, for reports and pull requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from segeval.outputs import batch
from segeval.outputs.cells import blocks, cell_text, row_title
from segeval.printable import printable
from segeval.report import CaseResult, Column, Report, Row


def render_markdown(report: Report) -> str:
    """GitHub's tables; numbers rounded for reading; of a batch the summary."""
    if report.summary is None:
        parts = [_case(report, case) for case in report.cases]
        remarks: Sequence[str] = report.remarks
    else:
        parts = _batch(report)
        remarks = batch.batch_remarks(report)
    if remarks:
        parts.append(_list(remarks))
    parts.append(_code(report.signature) + "\n")
    return "\n".join(parts)


def _case(report: Report, case: CaseResult) -> str:
    lines = [f"## {_plain(case.case)}", ""]
    if case.prediction is not None and case.reference is not None:
        lines += [f"Prediction {_plain(case.prediction)}, reference {_plain(case.reference)}", ""]
    lines += _blocks(report, case.rows, cell_text)
    if case.hashes is not None:
        lines += [f"SHA-256 prediction {case.hashes[0]}, reference {case.hashes[1]}", ""]
    if case.remarks:
        lines.append(_list(case.remarks))
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
        table = _table(batch.DETAILS, [_detail_cells(line, column) for line in labels])
        parts.append("\n".join([f"### {_plain(column.key)}", "", *table, ""]))
    if (worst := batch.worst_lines(report)) is not None:
        title, entries = worst
        cases = _list([f"{value} {case}" for value, case in entries])
        parts.append("\n".join([f"### {_plain(title.capitalize())}", "", cases]))
    failures, more = batch.failure_lines(report)
    if failures:
        rest = [f"… and {more} more"] if more else []
        parts.append("\n".join(["### Not scored", "", _list([*failures, *rest])]))
    if report.pooled is not None:
        heading = _plain(batch.POOLED_TITLE.capitalize())
        parts.append("\n".join([f"## {heading}", "", *_blocks(report, report.pooled, cell_text)]))
    return parts


def _notes(report: Report) -> list[str]:
    return [line for note in batch.counts_notes(report) for line in (_plain(note), "")]


def _detail_cells(line: batch.SummaryLine, column: Column) -> list[str]:
    texts = batch.detail_texts(line.statistics[column.key])
    return [_plain(row_title(line.row)), *(texts[header] for header in batch.DETAILS)]


def _blocks(report: Report, rows: Sequence[Row], text: Callable[[Row, Column], str]) -> list[str]:
    lines: list[str] = []
    for title, columns in blocks(report):
        cells = [
            [_plain(row_title(row)), *(text(row, column) for column in columns)]
            for row in rows
            if any(c.key in row.values for c in columns)
        ]
        lines += [f"### {title}", "", *_table([c.key for c in columns], cells), ""]
    return lines


def _table(headers: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    head = ["| label | " + " | ".join(headers) + " |", "| --- |" + " ---: |" * len(headers)]
    return head + ["| " + " | ".join(cells) + " |" for cells in lines]


def _list(entries: Sequence[str]) -> str:
    return "\n".join(f"- {_plain(entry)}" for entry in entries) + "\n"


def _code(text: str) -> str:
    """A code span, behind more backticks than the text holds in a row."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{printable(text)}{space}{fence}"


def _plain(text: str) -> str:
    """Text whose characters mean nothing to Markdown."""
    text = printable(text)
    for character in "\\`*_[]<>|#&":
        text = text.replace(character, "\\" + character)
    return text

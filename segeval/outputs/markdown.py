"""Markdown: a table per block, for reports and pull requests."""

from __future__ import annotations

import re

from segeval.outputs.cells import blocks, cell_text, row_title
from segeval.printable import printable
from segeval.report import CaseResult, Report


def render_markdown(report: Report) -> str:
    """GitHub's tables; numbers rounded for reading."""
    parts = [_case(report, case) for case in report.cases]
    if report.remarks:
        parts.append(_remarks(report.remarks))
    parts.append(_code(report.signature) + "\n")
    return "\n".join(parts)


def _case(report: Report, case: CaseResult) -> str:
    lines = [f"## {_plain(case.case)}", ""]
    if case.prediction is not None and case.reference is not None:
        lines += [f"Prediction {_plain(case.prediction)}, reference {_plain(case.reference)}", ""]
    for title, columns in blocks(report):
        lines += [f"### {title}", "", "| label | " + " | ".join(c.key for c in columns) + " |"]
        lines.append("| --- |" + " ---: |" * len(columns))
        for row in case.rows:
            if any(c.key in row.values for c in columns):
                cells = (cell_text(row, column) for column in columns)
                lines.append(f"| {_plain(row_title(row))} | " + " | ".join(cells) + " |")
        lines.append("")
    if case.hashes is not None:
        lines += [f"SHA-256 prediction {case.hashes[0]}, reference {case.hashes[1]}", ""]
    if case.remarks:
        lines.append(_remarks(case.remarks))
    return "\n".join(lines)


def _remarks(remarks: tuple[str, ...]) -> str:
    return "\n".join(f"- {_plain(remark)}" for remark in remarks) + "\n"


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

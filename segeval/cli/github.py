"""What a job on GitHub sees: its summary, and annotations on the run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from segeval.cli.writing import tell
from segeval.words.printable import printable

if TYPE_CHECKING:
    from segeval.results.verdict import Finding, Verdict

_MOST_ANNOTATIONS = 10  # GitHub shows no more of a step


def tell_github(verdict: Verdict, write: Callable[[str], None]) -> None:
    """Append the job's summary, and give annotations as commands, a line each, where this is a job on GitHub."""
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append_summary(verdict, Path(summary))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotation_lines(verdict):
            write(line + "\n")


def annotation_lines(verdict: Verdict) -> list[str]:
    """``::error title=…::…`` for what failed, then ``::warning`` for what is a warning; the last says what is left."""
    wrong = [finding for finding in verdict.findings if finding.outcome in ("fail", "error")]
    doubtful = [finding for finding in verdict.findings if finding.outcome == "warn"]
    lines = [_annotation("error", finding) for finding in wrong]
    lines += [_annotation("warning", finding) for finding in doubtful]
    if len(lines) > _MOST_ANNOTATIONS:
        level = "error" if len(wrong) >= _MOST_ANNOTATIONS else "warning"
        left = len(lines) - _MOST_ANNOTATIONS + 1
        more = f"::{level} title=segeval::and {left} more findings; the job's summary and its log have all of them"
        lines = [*lines[: _MOST_ANNOTATIONS - 1], more]
    return lines


def _annotation(level: str, finding: Finding) -> str:
    title = finding.rule if finding.case is None else f"{finding.rule} [{finding.case}]"
    text = f"expected {finding.expected}, actual {finding.actual}"
    if finding.worst:
        text += f"; worst {', '.join(case for case, _ in finding.worst[:3])}"
    return f"::{level} title={_property(f'segeval: {title}')}::{_data(text)}"


def _data(text: str) -> str:
    """The text of a command; printable() has left no line end, but a command may never depend on that."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _append_summary(verdict: Verdict, path: Path) -> None:
    """What other commands of the step have written counts towards the limit. A summary that fails costs no verdict."""
    from segeval.outputs.verdict_page import MOST_BYTES, render_verdict_markdown

    try:
        room = MOST_BYTES - (path.stat().st_size if path.exists() else 0)
        text = render_verdict_markdown(verdict, room - 1).encode("utf-8", errors="backslashreplace")
        if len(text) < room:
            with path.open("ab") as file:
                file.write(text + b"\n")
    except OSError as problem:
        tell(f"remark: GITHUB_STEP_SUMMARY {printable(str(path))}: cannot be written ({problem.strerror})\n")

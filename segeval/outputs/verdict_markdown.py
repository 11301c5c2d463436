"""A verdict as Markdown, for pull requests and the summary of a GitHub job."""

from __future__ import annotations

from segeval.outputs.markdown import plain
from segeval.outputs.verdict_words import OUTCOMES, sentence, title, worst_lines
from segeval.results.verdict import Finding, Verdict

MOST_BYTES = 1 << 20
"""What GitHub takes as the summary of a step."""

_CUT = "\n… cut here: the summary was longer than {} bytes; --format json has all of it\n"
_ORDER = ("error", "fail", "warn", "skipped", "pass")


def render_verdict_markdown(verdict: Verdict, most_bytes: int = MOST_BYTES) -> str:
    """A table of all rules, what is wrong first; the worst cases behind each violation; the remarks."""
    shown = sorted(verdict.findings, key=lambda finding: _ORDER.index(finding.outcome))
    parts = [f"## segeval: {plain(sentence(verdict))}", ""]
    if shown:
        parts += ["| | rule | expected | actual |", "| --- | --- | --- | --- |", *map(_row, shown), ""]
    for finding in shown:
        if lines := worst_lines(finding):
            parts += [
                f"Worst cases of {plain(title(finding))}:",
                "",
                *(f"- {plain(line.strip())}" for line in lines),
                "",
            ]
    parts += [f"- {plain(remark)}" for remark in verdict.remarks]
    return _cut("\n".join(parts).rstrip("\n") + "\n", most_bytes)


def _row(finding: Finding) -> str:
    cells = (OUTCOMES[finding.outcome], title(finding), finding.expected, finding.actual)
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"


def _cut(text: str, most_bytes: int) -> str:
    """At most so many bytes, at the end of a line, and a line that says so."""
    encoded = text.encode("utf-8", errors="backslashreplace")
    if len(encoded) <= most_bytes:
        return text
    notice = _CUT.format(most_bytes)
    room = max(0, most_bytes - len(notice.encode()))
    kept = encoded[:room].rpartition(b"\n")[0].decode("utf-8", errors="ignore")
    return kept + "\n" + notice if kept and room else notice.strip("\n") + "\n"

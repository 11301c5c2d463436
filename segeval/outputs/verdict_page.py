"""The page of a verdict: what it comes to, and a line per rule, expected against actual, with the worst cases."""

from __future__ import annotations

from collections.abc import Sequence

from segeval.outputs import page
from segeval.outputs.verdict_words import OUTCOMES, sentence, title, worst_lines
from segeval.results.verdict import Finding, Outcome, Verdict

MOST_BYTES = 1 << 20
"""What GitHub takes as the summary of a step."""

_CUT = "\n… cut here: the summary was longer than {} bytes; --format json has all of it\n"
_TONES: dict[Outcome, page.Tone] = {
    "error": "failed",
    "fail": "failed",
    "warn": "fair",
    "skipped": "faint",
    "pass": "good",
}
_ORDER = list(_TONES)
_HEADS = ("", "rule", "expected", "actual")
_WIDTHS = ((5, 5), (8, 34), (8, 18))
_FEW = 10  # lines that nobody scrolls


def page_of_verdict(verdict: Verdict) -> list[page.Part]:
    """On a terminal the rules in their order, and the sentence again below many; in a document what is wrong first."""
    words, findings = sentence(verdict), verdict.findings
    tone: page.Tone = "passed" if verdict.success else "failed"
    first = page.Lines(page.said([words], tone), "title", [f"segeval: {words}"])
    rules = page.Lines(_rules(findings), document=[], widths=_WIDTHS)
    again = page.terminal([words] if len(findings) > _FEW else [], tone)
    return [first, rules, *_document(findings), page.bullets([], noted=verdict.remarks), again]


def _rules(findings: Sequence[Finding]) -> list[page.Said]:
    """Each in a line that tools find, and below it the worst cases."""
    lines: list[page.Said] = [[(head, "faint") for head in _HEADS]] if findings else []
    for finding in findings:
        texts = (title(finding), finding.expected, finding.actual)
        lines.append([(OUTCOMES[finding.outcome], _TONES[finding.outcome]), *((text, "plain") for text in texts)])
        lines += page.said(f"         {line}" for line in worst_lines(finding))
    return lines


def _document(findings: Sequence[Finding]) -> list[page.Part]:
    """A table of the rules, then the worst cases of each."""
    shown = sorted(findings, key=lambda finding: _ORDER.index(finding.outcome))
    rows = [(OUTCOMES[f.outcome], title(f), f.expected, f.actual) for f in shown]
    parts: list[page.Part] = [page.Listing(_HEADS, rows, terminal=False)]
    for finding in shown:
        worst = [line.strip() for line in worst_lines(finding)]
        words = page.document([f"Worst cases of {title(finding)}:"] if worst else [])
        parts += [words, page.document(worst, "list")]
    return parts


def render_verdict_markdown(verdict: Verdict, most_bytes: int = MOST_BYTES) -> str:
    """For pull requests and the summary of a GitHub job: at most so many bytes, and a line that says so."""
    from segeval.outputs.markdown import markdown_of

    text = markdown_of(page_of_verdict(verdict))
    encoded = text.encode("utf-8", errors="backslashreplace")
    if len(encoded) <= most_bytes:
        return text
    notice = _CUT.format(most_bytes)
    room = max(0, most_bytes - len(notice.encode()))
    kept = encoded[:room].rpartition(b"\n")[0].decode("utf-8", errors="ignore")
    return kept + "\n" + notice if kept and room else notice.strip("\n") + "\n"

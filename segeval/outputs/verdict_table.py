"""A verdict on a console: one line per rule, expected against actual, the worst cases below."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console

from segeval.outputs.sheet import print_line, print_parts
from segeval.outputs.verdict_words import OUTCOMES, sentence, title, worst_lines
from segeval.results.verdict import Finding, Verdict
from segeval.words.printable import printable

_STYLES = {"pass": "green", "fail": "bold red", "warn": "yellow", "skipped": "dim", "error": "bold red"}
_WIDEST_RULE = 34
_WIDEST_LIMIT = 18
_FEW = 10  # lines that nobody scrolls


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the verdict on a console, as coloured as that is: what it comes to, then line by line, and again at the end
    of many lines. A line is never broken, so that tools find it."""
    style = "bold green" if verdict.success else "bold red"
    print_line(console, sentence(verdict), style)
    rule_width = _width([title(finding) for finding in verdict.findings], _WIDEST_RULE)
    limit_width = _width([finding.expected for finding in verdict.findings], _WIDEST_LIMIT)
    if verdict.findings:
        print_line(console, f"       {'rule':<{rule_width}}  {'expected':<{limit_width}}  actual", "dim")
    for finding in verdict.findings:
        print_parts(console, *_parts(finding, rule_width, limit_width))
        for line in worst_lines(finding):
            print_line(console, f"         {line}")
    for remark in verdict.remarks:
        print_line(console, f"remark: {remark}", "yellow")
    if len(verdict.findings) > _FEW:
        print_line(console, sentence(verdict), style)


def _parts(finding: Finding, rule_width: int, limit_width: int) -> list[tuple[str, str]]:
    outcome = f"{OUTCOMES[finding.outcome]:<5}  "
    rest = f"{_padded(title(finding), rule_width)}  {_padded(finding.expected, limit_width)}  {finding.actual}"
    return [(outcome, _STYLES[finding.outcome]), (printable(rest), "default")]


def _padded(text: str, width: int) -> str:
    text = printable(text)
    return text + " " * (width - cell_len(text))


def _width(texts: list[str], most: int) -> int:
    return max([8, *(width for text in texts if (width := cell_len(printable(text))) <= most)])

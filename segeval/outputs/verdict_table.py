"""A verdict on a console: one line per rule, expected against actual, the worst cases below."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from segeval.outputs.grid import print_line
from segeval.outputs.verdict_words import OUTCOMES, sentence, title, worst_lines
from segeval.printable import printable
from segeval.verdict import Finding, Verdict

_STYLES = {"pass": "green", "fail": "bold red", "warn": "yellow", "skipped": "dim", "error": "bold red"}
_WIDEST_RULE = 34
_WIDEST_LIMIT = 18


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the verdict on a console, as coloured as that is. A line is never broken, so that tools find it."""
    rule_width = _width([title(finding) for finding in verdict.findings], _WIDEST_RULE)
    limit_width = _width([finding.expected for finding in verdict.findings], _WIDEST_LIMIT)
    if verdict.findings:
        print_line(console, f"       {'rule':<{rule_width}}  {'expected':<{limit_width}}  actual", "dim")
    for finding in verdict.findings:
        console.print(_line(finding, rule_width, limit_width), soft_wrap=True)
        for line in worst_lines(finding):
            print_line(console, f"         {line}")
    for remark in verdict.remarks:
        print_line(console, f"remark: {remark}", "yellow")
    print_line(console, sentence(verdict), "bold green" if verdict.success else "bold red")


def _line(finding: Finding, rule_width: int, limit_width: int) -> Text:
    line = Text(f"{OUTCOMES[finding.outcome]:<5}  ", _STYLES[finding.outcome])
    rest = f"{_padded(title(finding), rule_width)}  {_padded(finding.expected, limit_width)}  {finding.actual}"
    return line.append(printable(rest), "default")


def _padded(text: str, width: int) -> str:
    text = printable(text)
    return text + " " * (width - cell_len(text))


def _width(texts: list[str], most: int) -> int:
    return max([8, *(width for text in texts if (width := cell_len(printable(text))) <= most)])

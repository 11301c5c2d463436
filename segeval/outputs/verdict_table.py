"""A verdict on a sheet: one line per rule, expected against actual, the worst cases below."""

from __future__ import annotations

from rich.cells import cell_len

from segeval.outputs.grid import print_line
from segeval.outputs.sheet import Sheet
from segeval.outputs.verdict_words import OUTCOMES, sentence, title, worst_lines
from segeval.results.verdict import Finding, Verdict
from segeval.words.printable import printable

_STYLES = {"pass": "green", "fail": "bold red", "warn": "yellow", "skipped": "dim", "error": "bold red"}
_WIDEST_RULE = 34
_WIDEST_LIMIT = 18


def print_verdict(verdict: Verdict, sheet: Sheet) -> None:
    """Print the verdict on a sheet, as coloured as that is. A line is never broken, so that tools find it."""
    rule_width = _width([title(finding) for finding in verdict.findings], _WIDEST_RULE)
    limit_width = _width([finding.expected for finding in verdict.findings], _WIDEST_LIMIT)
    if verdict.findings:
        print_line(sheet, f"       {'rule':<{rule_width}}  {'expected':<{limit_width}}  actual", "dim")
    for finding in verdict.findings:
        sheet.line(*_parts(finding, rule_width, limit_width))
        for line in worst_lines(finding):
            print_line(sheet, f"         {line}")
    for remark in verdict.remarks:
        print_line(sheet, f"remark: {remark}", "yellow")
    print_line(sheet, sentence(verdict), "bold green" if verdict.success else "bold red")


def _parts(finding: Finding, rule_width: int, limit_width: int) -> list[tuple[str, str]]:
    outcome = f"{OUTCOMES[finding.outcome]:<5}  "
    rest = f"{_padded(title(finding), rule_width)}  {_padded(finding.expected, limit_width)}  {finding.actual}"
    return [(outcome, _STYLES[finding.outcome]), (printable(rest), "default")]


def _padded(text: str, width: int) -> str:
    text = printable(text)
    return text + " " * (width - cell_len(text))


def _width(texts: list[str], most: int) -> int:
    return max([8, *(width for text in texts if (width := cell_len(printable(text))) <= most)])

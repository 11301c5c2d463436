"""What the outputs of a verdict say alike: the words of an outcome, the last line, the worst cases."""

from __future__ import annotations

import math
from collections import Counter

from segeval.outputs.cells import UNDEFINED, value_text
from segeval.results.verdict import Finding, Outcome, Verdict
from segeval.words.lists import counted_as

OUTCOMES: dict[Outcome, str] = {"pass": "PASS", "fail": "FAIL", "warn": "WARN", "skipped": "SKIP", "error": "ERROR"}
_MOST_WORST = 5
_MOST_FAILURES = 20


def sentence(verdict: Verdict) -> str:
    """``gate passed: 5 of 5 rules``, ``gate FAILED: 2 of 5 rules``, and what else there is to know."""
    if not verdict.findings:
        return "gate passed: there was no rule, and nothing was compared"
    rules = [finding for finding in verdict.findings if not is_case(finding)]
    outcomes = Counter(finding.outcome for finding in rules)
    errors = sum(finding.outcome == "error" for finding in verdict.findings)
    rest = f", {counted_as(outcomes['warn'], 'warning')}" if outcomes["warn"] else ""
    rest += f", {outcomes['skipped']} skipped" if outcomes["skipped"] else ""
    of = f"of {counted_as(len(rules), 'rule')}"
    if errors:
        return f"gate ERROR: {counted_as(errors, 'case')} could not be evaluated, {outcomes['fail']} {of} failed{rest}"
    if not verdict.success:
        return f"gate FAILED: {outcomes['fail']} {of}{rest}"
    return f"gate passed: {outcomes['pass']} {of}{rest}"


def is_case(finding: Finding) -> bool:
    """Whether the finding says that a case could not be evaluated, and is no rule."""
    return finding.case is not None and not finding.quantity


def title(finding: Finding) -> str:
    """The rule, and the case that it is about."""
    return finding.rule if finding.case is None else f"{finding.rule} [{finding.case}]"


def worst_lines(finding: Finding, most: int = _MOST_WORST) -> list[str]:
    """The worst cases behind a violation, each with its value, and how many more there are."""
    if finding.outcome not in ("fail", "warn", "error"):
        return []
    lines = [
        f"{UNDEFINED if math.isnan(value) else value_text(value):>6}  {case}" for case, value in finding.worst[:most]
    ]
    more = len(finding.worst) - most
    return [*lines, f"… and {counted_as(more, 'case')} more"] if more > 0 else lines


def failure_lines(verdict: Verdict) -> list[str]:
    """The last line first, then what failed, or could not be evaluated, with both values."""
    wrong = [finding for finding in verdict.findings if finding.outcome in ("fail", "error")]
    lines = [f"{title(f)}: expected {f.expected}, actual {f.actual}" for f in wrong[:_MOST_FAILURES]]
    more = len(wrong) - _MOST_FAILURES
    return [sentence(verdict), *lines, *([f"… and {more} more"] if more > 0 else [])]

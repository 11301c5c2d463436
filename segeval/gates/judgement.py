"""A report before the gate: rules, then the baseline, then the cases that could not be evaluated."""

from __future__ import annotations

from collections import Counter
from typing import Any

from segeval.errors import UsageError
from segeval.gates.config import GateSettings
from segeval.gates.rules import check_rules, evaluated_cases
from segeval.gates.tolerances import parse_tolerance
from segeval.results.report import Report
from segeval.results.verdict import Finding, Level, Outcome, Verdict


def require_something_to_check(settings: GateSettings, update: bool) -> None:
    """Refuse a gate that could not fail, or whose options go nowhere. Raises UsageError."""
    if update and settings.baseline is None:
        raise UsageError("--update-baseline writes the baseline; name its file with --baseline")
    if not settings.rules and settings.baseline is None:
        raise UsageError(
            "nothing to check: give a rule with --require 'mean(dice) >= 0.85', a --baseline, or a segeval.toml"
        )
    comparing = settings.max_drop or settings.max_case_drop or settings.significant or settings.allow_changed
    if settings.baseline is None and comparing:
        raise UsageError(
            "--max-drop, --max-case-drop, --significant and --allow-changed compare with a baseline; name it with "
            "--baseline"
        )
    for text in (*settings.max_drop.values(), *settings.max_case_drop.values()):
        parse_tolerance(text)


def judge(report: Report, settings: GateSettings, *, compare: bool = True) -> Verdict:
    """The verdict; without ``compare`` the baseline is left alone. Raises UsageError, and what the baseline raises."""
    findings = list(check_rules(report, settings.rules))
    remarks: tuple[str, ...] = ()
    tests: dict[str, Any] = {}
    if compare and settings.baseline is not None:
        compared, remarks, found = _compared(report, settings)
        findings += compared
        tests = dict(found)
    elif all(case.status == "ok" for case in report.cases):  # of others no baseline is written
        _require_known(report, settings)
    findings += _errors(report, settings.tolerate_errors)
    return Verdict(tuple(findings), _statistics(report, findings) | tests, (*_missing(report), *remarks))


def _compared(report: Report, settings: GateSettings) -> Any:
    from segeval.gates.baseline import compare_with_baseline, parse_tolerance

    if settings.baseline is None:
        raise ValueError("there is no baseline to compare with")
    return compare_with_baseline(
        report,
        settings.baseline,
        max_drop={key: parse_tolerance(text) for key, text in settings.max_drop.items()},
        max_case_drop={key: parse_tolerance(text) for key, text in settings.max_case_drop.items()},
        significant=settings.significant,
        allow_changed=settings.allow_changed,
    )


def _require_known(report: Report, settings: GateSettings) -> None:
    """Refuse the tolerances that a comparison would refuse, while the baseline is written. Raises UsageError."""
    if settings.max_drop or settings.max_case_drop:
        from segeval.gates.baseline import require_known

        require_known(report, settings.max_drop, settings.max_case_drop)


def _errors(report: Report, tolerated: int) -> list[Finding]:
    """A finding per case that could not be evaluated: warnings for as long as they are few."""
    failed = [case for case in report.cases if case.status == "error"]
    level: Level = "fail" if len(failed) > tolerated else "warn"
    outcome: Outcome = "error" if level == "fail" else "warn"
    expected = "evaluated" if tolerated == 0 else f"at most {tolerated} failed"
    return [
        Finding(
            "evaluation", level, outcome, "", "", expected, f"failed: {case.reason or 'no reason given'}", case.case
        )
        for case in failed
    ]


def _missing(report: Report) -> list[str]:
    unseen = [case.case for case in report.cases if case.status == "missing" and not case.rows]
    if not unseen:
        return []
    count = "1 reference has" if len(unseen) == 1 else f"{len(unseen)} references have"
    return [f"{count} no prediction and count in no rule; require 'missing == 0', or score with --missing worst"]


def _statistics(report: Report, findings: list[Finding]) -> dict[str, Any]:
    outcomes = Counter(finding.outcome for finding in findings)
    status = Counter(case.status for case in report.cases)
    names: tuple[Outcome, ...] = ("pass", "fail", "warn", "error", "skipped")
    return {
        "outcomes": {name: outcomes[name] for name in names},
        "cases": {
            "evaluated": len(evaluated_cases(report)),
            "failed": status["error"],
            "missing": status["missing"],
        },
        "signature": report.signature,
    }

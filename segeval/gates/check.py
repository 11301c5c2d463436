"""``segeval.check``: the command as a function."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from segeval.gates.config import GateSettings
from segeval.gates.grammar import parse_rule
from segeval.gates.judgement import judge, require_something_to_check
from segeval.reports.report_files import read_report
from segeval.results.report import Report
from segeval.results.verdict import Verdict


def check(
    report: Report | str | os.PathLike[str],
    rules: Sequence[str] = (),
    *,
    baseline: str | os.PathLike[str] | None = None,
    max_drop: Mapping[str, str] | None = None,
    max_case_drop: Mapping[str, str] | None = None,
    significant: bool = False,
    tolerate_errors: int = 0,
    allow_changed: Collection[str] = (),
) -> Verdict:
    """Whether a report is good enough: ``segeval check`` as a function; ``verdict.success`` says it.

    report: as `segeval.evaluate_folder` returns it, or the path of a JSON output. rules: ``"mean(dice) >= 0.85"`` each.
    baseline: a file of ``segeval check --update-baseline``; max_drop, max_case_drop: by quantity, ``"0.01"`` or
    ``"1%"``; significant: a drop counts where it is beyond noise. allow_changed: parts of the signature that may
    differ. tolerate_errors: so many cases may have failed.
    Raises UnreadableFile, UsageError, BaselineError.
    """
    settings = GateSettings(
        rules=tuple(parse_rule(rule, "fail") for rule in rules),
        baseline=None if baseline is None else Path(baseline),
        max_drop=max_drop or {},
        max_case_drop=max_case_drop or {},
        significant=significant,
        tolerate_errors=tolerate_errors,
        allow_changed=frozenset(allow_changed),
    )
    require_something_to_check(settings, update=False)
    return judge(report if isinstance(report, Report) else read_report(Path(report)), settings)

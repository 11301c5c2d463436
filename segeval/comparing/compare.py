"""``segeval.compare``: the command as a function."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from segeval.comparing.paired_reports import compare_reports
from segeval.reports.report_files import read_report
from segeval.results.comparison import Comparison
from segeval.results.report import Report
from segeval.settings.labels import Metrics


def compare(
    *reports: Report | str | os.PathLike[str],
    metrics: Metrics = None,
    labels: str | None = None,
    draws: int = 1000,
    seed: int = 0,
    allow_changed: Collection[str] = (),
    ranking: str | None = None,
) -> Comparison:
    """Compare reports of the same cases with the first: ``segeval compare`` as a function.

    reports: as `segeval.evaluate_folder` returns them, or paths of JSON outputs; a report without a path is called by
    its place, ``report 1``. metrics, labels: which quantities and rows, as text of the command line, quantities as a
    list, too; None means all that they share. draws, seed: of the bootstrap. allow_changed: parts of the signatures
    that may differ. ranking: a protocol whose order of the reports is wanted, too.
    Raises UnreadableFile, UsageError.
    """
    named: dict[str, Report] = {}
    for number, each in enumerate(reports, start=1):
        name = f"report {number}" if isinstance(each, Report) else str(each)
        while name in named:
            name = f"{name} ({number})"
        named[name] = each if isinstance(each, Report) else read_report(Path(each), values_only=True)
    return compare_reports(
        named, metrics=metrics, labels=labels, draws=draws, seed=seed, allowed=allow_changed, ranking=ranking
    )

"""The shards of a batch put together: their JSON outputs to one report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from segeval.errors import UsageError
from segeval.quantities.summary import MISSED_LABELS, missed_remark, summarise
from segeval.reports.pooling import pooled_rows
from segeval.reports.report_files import read_report
from segeval.results.label_names import with_other_names
from segeval.results.report import MISSED, CaseResult, Report
from segeval.results.signatures import version_of


def merge_reports(paths: Sequence[Path]) -> Report:
    """One report of all cases, summarised anew. Raises UnreadableFile, UsageError.

    The reports must have been made under the same settings, the backend aside, and share no case. As in one batch, a
    case that gives a label another name than an earlier one is an error.
    """
    reports = [read_report(path) for path in paths]
    first = reports[0]
    cases: dict[str, CaseResult] = {}
    for path, report in zip(paths, reports, strict=True):
        if {**report.settings, "backend": None} != {**first.settings, "backend": None}:
            raise UsageError(
                f"{path}: was made under other settings ({report.signature}) than {paths[0]} ({first.signature}); "
                "merge the shards of one batch"
            )
        for case in report.cases:
            if case.case in cases:
                raise UsageError(f"{path}: case {case.case!r} is in another of the files too; name each shard once")
            cases[case.case] = case
    cases |= with_other_names(cases[case] for case in sorted(cases))
    ordered = tuple(cases[case] for case in sorted(cases))
    signatures = _signatures(reports)
    merged = Report(
        signature=" + ".join(signatures) or first.signature,
        settings={
            **first.settings,
            "backend": " + ".join(dict.fromkeys(r.settings.get("backend", "numpy") for r in reports)),
        },
        columns=first.columns,
        cases=ordered,
        remarks=_remarks(reports),
        summary=summarise(ordered, first.columns),
    )
    return _pooled(merged, signatures) if any(report.pooled is not None for report in reports) else merged


def _signatures(reports: Sequence[Report]) -> list[str]:
    """Each once. A shard that scored no prediction does not know of what kind they are, as the others do."""
    versions = {version_of(report.signature) for report in reports if _scored(report)}
    kept = (r for r in reports if r.cases and (_scored(r) or version_of(r.signature) not in versions))
    return list(dict.fromkeys(report.signature for report in kept))


def _scored(report: Report) -> bool:
    return any(case.status == "ok" for case in report.cases)


def _remarks(reports: Sequence[Report]) -> tuple[str, ...]:
    """Each once; what one says of how many cases is said anew, of all of them."""
    found = dict.fromkeys(remark for report in reports for remark in report.remarks)
    if not (counted := [remark for remark in found if remark.startswith(MISSED_LABELS)]):
        return tuple(found)
    missed = Counter(label for report in reports for case in report.cases for label in case.details.get(MISSED, ()))
    anew = missed_remark(missed, str(reports[0].settings.get("missed"))) or counted
    return (*(remark for remark in found if remark not in counted), *anew)


def _pooled(report: Report, signatures: Sequence[str]) -> Report:
    rows = pooled_rows(report, signatures)
    if not isinstance(rows, str):
        return replace(report, pooled=rows)
    remark = f"pooled rows are left out, as reports do not hold what they are of: {rows}; score the batch as one"
    return replace(report, remarks=(*report.remarks, remark))

"""Cases whose files number their labels otherwise than an earlier case's: no row of a summary may mean two things."""

from __future__ import annotations

from collections.abc import Iterable

from segeval.results.numbering import folded
from segeval.results.report import CaseResult, Label
from segeval.results.rows import lines_of


def with_other_names(cases: Iterable[CaseResult]) -> dict[str, CaseResult]:
    """By case, an error in place of each result that gives a label another name than a case before it."""
    known: dict[Label, tuple[str, str]] = {}
    refused: dict[str, CaseResult] = {}
    for case in cases:
        own = {line.label: line.name for line in lines_of(case.rows) if line.name is not None}
        other = next((label for label in own if label in known and folded(own[label]) != folded(known[label][0])), None)
        if other is None:
            for label, name in own.items():
                known.setdefault(label, (name, case.case))
            continue
        name, first = known[other]
        reason = f"label {other} is {own[other]!r} here and {name!r} in {first}; name the labels with --labels"
        refused[case.case] = CaseResult(case.case, case.prediction, case.reference, status="error", reason=reason)
    return refused

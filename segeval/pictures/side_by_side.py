"""The cases that changed most between two reports, both predictions side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from segeval.pictures.drawing import Window, pictures_of
from segeval.results.comparison import Change, Comparison
from segeval.results.pictures import ComparedPictures
from segeval.results.report import CaseResult, Label, Report
from segeval.settings.reading import settings_of_document
from segeval.words.shown_values import value_text

USUAL = 5
"""Changes shown of a report: first those that are worse."""


def side_by_side(
    comparison: Comparison,
    reports: Sequence[Report],
    count: int | None = None,
    image: Callable[[str], Path | None] = lambda _: None,
    window: Window | None = None,
) -> list[ComparedPictures]:
    """Of each report but the first, so many of the cases that changed most, and of each the label that changed most.

    The slices are those where the worse of both is most wrong.
    """
    baseline, *others = reports
    known = {case.case: case for case in baseline.cases}
    found = []
    for compared, other in zip(comparison.reports[1:], others, strict=True):
        cases = {case.case: case for case in other.cases}
        mine = [change for change in comparison.changes if change.report == compared.name]
        mine.sort(key=lambda change: change.better)
        shown = [(change, label) for change in mine for label in _labels(change, known)]
        for change, label in shown[: USUAL if count is None else count]:
            before, after = known[change.case], cases[change.case]
            worse, report = (before, baseline) if change.better else (after, other)
            where, scan = settings_of_document(report.settings), image(change.case)
            (first,) = pictures_of(worse, [label], where, scan, window)
            slices = {view.plane: view.index for view in first.slices}
            rest, its = (after, other) if change.better else (before, baseline)
            (second,) = pictures_of(rest, [label], settings_of_document(its.settings), scan, window, slices)
            sides = (first, second) if change.better else (second, first)
            found.append(ComparedPictures(compared.name, _words(change, label, before, after), *sides))
    return found


def _labels(change: Change, cases: Mapping[str, CaseResult]) -> Iterator[Label]:
    """The label whose name or number the change bears."""
    rows = cases[change.case].rows if change.case in cases else ()
    return iter([row.label for row in rows if change.where and change.where in (row.name, str(row.label))][:1])


def _words(change: Change, label: Label, before: CaseResult, after: CaseResult) -> str:
    values = [
        next((row.values.get(change.quantity) for row in case.rows if row.label == label), None)
        for case in (before, after)
    ]
    return f"{change.where} of {change.case}: {change.quantity} {value_text(values[0])} → {value_text(values[1])}"

"""The cases that changed most between two reports, both predictions side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from segeval.pictures.drawing import Window, pictures_of, settings_to_draw
from segeval.results.comparison import Change, Comparison
from segeval.results.pictures import ComparedPictures, LabelPictures, Plane
from segeval.results.report import CaseResult, Label, Report
from segeval.settings import Settings
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
    every = [_Predictions.of(report) for report in reports]
    found = []
    for compared, other in zip(comparison.reports[1:], every[1:], strict=True):
        mine = [change for change in comparison.changes if change.report == compared.name]
        shown = [(change, _label(change, every[0])) for change in sorted(mine, key=lambda change: change.better)]
        known = [
            (change, ours, theirs)
            for change, ours in shown
            if ours is not None and (theirs := compared.own_label(ours)) is not None
        ]
        for change, ours, theirs in known[: USUAL if count is None else count]:
            both = [(every[0], ours), (other, theirs)]
            (worse, its), (better, label) = both if change.better else both[::-1]
            scan = image(change.case)
            first = worse.drawn(change.case, its, scan, window)
            second = better.drawn(change.case, label, scan, window, {view.plane: view.index for view in first.slices})
            sides = (first, second) if change.better else (second, first)
            words = _words(change, [(side.cases[change.case], label) for side, label in both])
            found.append(ComparedPictures(compared.name, words, *sides))
    return found


class _Predictions(Struct, frozen=True):
    """What is drawn of a report."""

    cases: Mapping[str, CaseResult]
    settings: Settings

    @classmethod
    def of(cls, report: Report) -> _Predictions:
        return cls({case.case: case for case in report.cases}, settings_to_draw(report))

    def drawn(
        self,
        case: str,
        label: Label,
        scan: Path | None,
        window: Window | None,
        slices: Mapping[Plane, int] | None = None,
    ) -> LabelPictures:
        (found,) = pictures_of(self.cases[case], [label], self.settings, scan, window, slices)
        return found


def _label(change: Change, predictions: _Predictions) -> Label | None:
    """The label whose name or number the change bears."""
    rows = predictions.cases[change.case].rows
    return next((row.label for row in rows if change.where and change.where in (row.name, str(row.label))), None)


def _words(change: Change, both: Sequence[tuple[CaseResult, Label]]) -> str:
    """both: the case before and after, each with its own number of the label."""
    values = [
        next((row.values.get(change.quantity) for row in case.rows if row.label == label), None) for case, label in both
    ]
    return f"{change.where} of {change.case}: {change.quantity} {value_text(values[0])} → {value_text(values[1])}"

"""Pooled rows of reports that are put together: the joint histograms of their label maps, added."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

from segeval.quantities import score
from segeval.results.report import CaseResult, Report, Row
from segeval.results.rows import lines_of
from segeval.results.slices import names_of
from segeval.settings.reading import settings_of_document
from segeval.tallies.tally import Confusion, Tally, TallyOptions


def pooled_rows(report: Report, signatures: Sequence[str]) -> tuple[Row, ...] | str:
    """The rows of all cases' voxels counted together, or why they cannot be had from reports.

    signatures: of the reports that it was put together from, which say of what kind the predictions were.
    """
    scored = [case for case in report.cases if case.rows]
    names = names_of(line for case in scored for line in lines_of(case.rows))
    settings = settings_of_document(report.settings, names)
    if not all("|kind:labels|" in signature for signature in signatures):
        return "of probability maps they hold no sums"
    if settings.weights is not None:
        return "of weighted voxels they hold no sums"
    if any(isinstance(value, tuple) for case in scored for entry in case.confusion for value in entry[:2]):
        return "they do not say how overlapping masks are told apart"
    if any(part.quantity.record == "detections" for s in settings.selections for part in s.parts):
        return "they hold no candidates as they were found"
    if not scored:
        return ()
    tallies = [_tally(case, settings.labels.ignore) for case in scored]
    return score(reduce(add, tallies), settings.labels, settings.scoring, None)


def _tally(case: CaseResult, ignore: int | None) -> Tally:
    pairs = {(reference, prediction): count for reference, prediction, count in case.confusion}
    return Tally(TallyOptions(ignore=ignore), Confusion(pairs))  # type: ignore[arg-type]  # no tuples, see above

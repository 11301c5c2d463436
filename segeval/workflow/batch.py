"""Many cases: which were done before, do the rest, put all in order, summarise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from functools import reduce
from operator import add
from typing import Protocol

from msgspec.structs import replace

from segeval.errors import StoppedError
from segeval.quantities import score, summarise
from segeval.readers import is_directory
from segeval.report import MISSED, CaseResult, Report, Row
from segeval.workflow.case import SAME_FILE, class_names
from segeval.workflow.jobs import Finished, Job, skipped
from segeval.workflow.journal import Journal
from segeval.workflow.libraries import together
from segeval.workflow.runners import Runner
from segeval.workflow.settings import Settings, missed_text


class Observer(Protocol):
    """Told how a batch goes."""

    def started(self, total: int, resumed: int) -> None: ...
    def finished(self, result: CaseResult) -> None: ...


def with_class_names(settings: Settings, jobs: Sequence[Job]) -> Settings:
    """Settings whose labels have one number in all cases, where cases are folders of masks and no file names them."""
    sides = [path for job in jobs for path in (job.prediction, job.reference) if path is not None]
    folders = [path for path in sides if is_directory(path)]
    if not folders or settings.labels.names:
        return settings
    return replace(settings, labels=replace(settings.labels, names=class_names(folders)))


def run_batch(
    jobs: Sequence[Job],
    settings: Settings,
    runner: Runner,
    *,
    missing: Sequence[Job] = (),
    journal: Journal | None = None,
    pooled: bool = False,
    fail_fast: bool = False,
    observer: Observer | None = None,
) -> Report:
    """Score every job and report them in case order, the same for any runner.

    missing: references without a prediction that are to be named and not scored.
    Raises StoppedError at the first failure with ``fail_fast``.
    """
    found: dict[str, Finished] = {}
    if journal is not None:
        found = {job.case: known for job in jobs if (known := journal.find(job)) is not None}
    if observer is not None:
        observer.started(len(jobs), len(found))
    todo = [job for job in jobs if job.case not in found]
    with closing(_done(todo, settings, runner, pooled)) as outcomes:
        for job, finished in outcomes:
            found[job.case] = finished
            if journal is not None:
                journal.add(job, finished)
            if observer is not None:
                observer.finished(finished.result)
            if fail_fast and finished.result.status == "error":
                raise StoppedError(f"case {job.case}: {finished.result.reason} (stopped at the first failure)")
    found |= {job.case: skipped(job) for job in missing}
    return _report([found[case] for case in sorted(found)], settings, pooled)


def _done(
    jobs: Sequence[Job], settings: Settings, runner: Runner, keep_tallies: bool
) -> Generator[tuple[Job, Finished], None, None]:
    if jobs:
        yield from runner(jobs, settings, keep_tallies)


def _report(finished: Sequence[Finished], settings: Settings, pooled: bool) -> Report:
    cases = tuple(entry.result for entry in finished)
    columns = tuple(selection.column for selection in settings.selections)
    remarks = [remark for case in cases for remark in case.remarks if SAME_FILE in remark]
    remarks += _missed_remark(cases, settings)
    rows: tuple[Row, ...] | None = None
    if pooled:
        try:
            rows = _pooled_rows(finished, settings)
        except ValueError as problem:
            remarks.append(
                f"--pooled: the cases' tallies do not add ({problem}); name the labels with --labels, and score label "
                "maps and probability maps apart"
            )
    return Report(
        signature=batch_signature(cases, settings),
        settings=settings.document(),
        columns=columns,
        cases=cases,
        remarks=tuple(remarks),
        summary=summarise(cases, columns),
        pooled=rows,
        libraries=together(entry.libraries for entry in finished),
    )


def _missed_remark(cases: Sequence[CaseResult], settings: Settings) -> list[str]:
    """How many distances of the summary are not measured, but stand for a label that one volume lacks."""
    counts = Counter(label for case in cases for label in case.details.get(MISSED, ()))
    if not counts:
        return []
    words = ", ".join(f"{label} in {count} case(s)" for label, count in sorted(counts.items(), key=_label_order))
    return [
        f"labels that one volume lacks, whose distances are those of --missed {missed_text(settings.missed)} and whose "
        f"nsd is 0: {words}"
    ]


def _label_order(item: tuple[int | str, int]) -> tuple[bool, int | str]:
    return isinstance(item[0], str), item[0]


def batch_signature(cases: Sequence[CaseResult], settings: Settings) -> str:
    """The settings' signature with the kind that the predictions turned out to be of, or all of them."""
    kinds = sorted({case.kind for case in cases if case.kind is not None})
    if len(kinds) == 1:
        return settings.signature(kinds[0])
    return settings.signature(None)


def _pooled_rows(finished: Sequence[Finished], settings: Settings) -> tuple[Row, ...]:
    """The rows of all tallies added, in case order. Raises ValueError for tallies that do not add."""
    tallies = [entry.tally for entry in finished if entry.tally is not None]
    return score(reduce(add, tallies), settings.labels, settings.scoring, None) if tallies else ()

"""Many cases: which were done before, do the rest, put all in order, summarise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import reduce
from operator import add
from typing import Protocol

from msgspec.structs import replace

from segeval.batches.jobs import Finished, Job, skipped
from segeval.batches.journal import Journal
from segeval.batches.runners import Runner
from segeval.cases.libraries import together
from segeval.cases.opening import class_names
from segeval.cases.same_file import SAME_FILE
from segeval.errors import SegevalError, StoppedError
from segeval.quantities import score
from segeval.quantities.summary import missed_remark, summarise
from segeval.readers import Input
from segeval.results.label_names import with_other_names
from segeval.results.report import MISSED, CaseResult, Label, Report, Row
from segeval.results.rows import Table
from segeval.results.slices import names_of
from segeval.settings import Settings
from segeval.settings.words import missed_text
from segeval.tallies.tally import Tally


class Observer(Protocol):
    """Told how a batch goes."""

    def started(self, total: int, resumed: int) -> None: ...
    def finished(self, result: CaseResult) -> None: ...


def with_class_names(settings: Settings, jobs: Sequence[Job]) -> Settings:
    """Settings whose labels have one number in all cases, where some are folders of masks and no file says which."""
    if settings.labels.names:
        return settings
    sides = (side for job in jobs for side in (job.prediction, job.reference) if side is not None)
    names = class_names(_classes(side) for side in sides if side.is_folder)
    return replace(settings, labels=settings.labels.with_classes(names)) if names else settings


def _classes(folder: Input) -> Iterable[str]:
    """None of a folder without masks, which costs its own case when that is scored."""
    try:
        return folder.masks
    except SegevalError:
        return ()


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
    held = _Held(settings)
    if journal is not None:
        for job in jobs:
            if (known := journal.find(job, held.table)) is not None:
                held.add(job, known)
    if observer is not None:
        observer.started(len(jobs), len(held.cases))
    todo = [job for job in jobs if job.case not in held.cases]
    with closing(_done(todo, settings, runner, pooled)) as outcomes:
        for job, finished in outcomes:
            result = held.add(job, finished)
            if journal is not None:
                journal.add(job, finished)
            if observer is not None:
                observer.finished(result)
            if fail_fast and result.status == "error":
                raise StoppedError(f"case {job.case}: {result.reason} (stopped at the first failure)")
    for job in missing:
        held.add(job, skipped(job))
    return _report(held, settings, pooled)


class _Held:
    """What the finished cases leave behind: results as columns, tallies where they are pooled, libraries."""

    def __init__(self, settings: Settings) -> None:
        self.cases: dict[str, CaseResult] = {}
        self.tallies: dict[str, Tally] = {}
        self.libraries: dict[tuple[tuple[str, str], ...], None] = {}
        self.missed: Counter[Label] = Counter()
        self.table = Table(selection.key for selection in settings.selections)

    def add(self, job: Job, finished: Finished) -> CaseResult:
        """The case's result as it is held."""
        result = self.cases[job.case] = finished.result.held_in(self.table)
        if finished.tally is not None:
            self.tallies[job.case] = finished.tally
        self.libraries[tuple(sorted(finished.libraries.items()))] = None
        self.missed.update(finished.result.details.get(MISSED, ()))
        return result

    def refuse_other_names(self) -> None:
        """Make an error of each case whose labels have other names than an earlier case's."""
        if len({line.label for line in self.table.lines}) == len(self.table.lines):
            return
        for name, refused in with_other_names(self.ordered()).items():
            self.cases[name] = refused
            self.tallies.pop(name, None)

    def ordered(self) -> tuple[CaseResult, ...]:
        """By case."""
        return tuple(self.cases[case] for case in sorted(self.cases))


def _done(
    jobs: Sequence[Job], settings: Settings, runner: Runner, keep_tallies: bool
) -> Generator[tuple[Job, Finished], None, None]:
    if jobs:
        yield from runner(jobs, settings, keep_tallies)


def _report(held: _Held, settings: Settings, pooled: bool) -> Report:
    held.refuse_other_names()
    cases = held.ordered()
    columns = tuple(selection.column for selection in settings.selections)
    remarks = [remark for case in cases for remark in case.remarks if SAME_FILE in remark]
    remarks += missed_remark(held.missed, missed_text(settings.missed))
    rows: tuple[Row, ...] | None = None
    if pooled:
        try:
            rows = _pooled_rows(held, settings)
        except ValueError as problem:
            remarks.append(
                f"--pooled: the cases' tallies do not add ({problem}); name the labels with --labels, and score label "
                "maps and probability maps apart; a missing prediction that is scored as empty is a label map"
            )
    return Report(
        signature=batch_signature(cases, settings),
        settings=settings.document(),
        columns=columns,
        cases=cases,
        remarks=tuple(remarks),
        summary=summarise(cases, columns),
        pooled=rows,
        libraries=together(map(dict, held.libraries)),
    )


def batch_signature(cases: Sequence[CaseResult], settings: Settings) -> str:
    """The settings' signature with the kind that the predictions turned out to be of, or all of them.

    A prediction that is missing is of none, although an empty label map may stand for it.
    """
    for status in ("ok", "missing"):
        kinds = {case.kind for case in cases if case.status == status and case.kind is not None}
        if kinds:
            return settings.signature(kinds.pop() if len(kinds) == 1 else None)
    return settings.signature(None)


def _pooled_rows(held: _Held, settings: Settings) -> tuple[Row, ...]:
    """The rows of all tallies added, in case order. Raises ValueError for tallies that do not add."""
    rows = {"mean", "all", *(region.name for region in settings.labels.regions)}
    if settings.instances.labelled and any(isinstance(x.label, str) and x.label not in rows for x in held.table.lines):
        raise ValueError("their values are objects, numbered anew in each image")
    tallies = [held.tallies[case] for case in sorted(held.tallies)]
    if not tallies:
        return ()
    names = {**names_of(held.table.lines), **settings.labels.names}
    settings = replace(settings, labels=replace(settings.labels, names=names))
    return score(reduce(add, tallies), settings.labels, settings.scoring, None)

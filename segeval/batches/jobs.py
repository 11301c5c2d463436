"""One case of a batch as a job that any process can do: what goes in, what comes out, never an exception."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from segeval.cases.case import score_files
from segeval.cases.libraries import loaded_libraries
from segeval.errors import NotEnoughMemory, SegevalError
from segeval.readers import Input
from segeval.results.report import CaseResult
from segeval.results.rows import Table
from segeval.settings import Settings
from segeval.tallies.tally import Tally

NO_PREDICTION = "there is no prediction"


class Job(Struct, frozen=True):
    """A case to score; ``prediction`` None is scored as an empty one.

    beside: its mask, by the option that named a folder of them. problem: why it cannot be scored, as far as is known.
    """

    case: str
    prediction: Input | None
    reference: Input
    beside: Mapping[str, Input] = field(default_factory=dict)
    problem: str = ""

    @property
    def volumes(self) -> tuple[Input | None, ...]:
        """All that is read of it."""
        return self.prediction, self.reference, *self.beside.values()


class Finished(Struct, frozen=True):
    """A case's result, and its tally where tallies are to be pooled.

    result: of a case that was scored, held as columns: of all processes, the one that collects them has most to do.
    wants_memory: it failed for want of memory, and may fit where it is done alone.
    libraries: versions of those that its process had loaded.
    """

    result: CaseResult
    tally: Tally | None = None
    wants_memory: bool = False
    libraries: Mapping[str, str] = field(default_factory=dict)


def do(job: Job, settings: Settings, keep_tally: bool) -> Finished:
    """Score a case; one that cannot be evaluated is a result too."""
    if job.problem:
        return failed(job, job.problem)
    if job.beside:
        settings = replace(settings, **{name: str(path) for name, path in job.beside.items()})
    try:
        scored = score_files(job.prediction, job.reference, settings, case=job.case)
    except NotEnoughMemory as problem:
        return replace(failed(job, str(problem)), wants_memory=True)
    except SegevalError as problem:
        return failed(job, str(problem))
    except Exception as problem:  # a bug costs its case alone, and says so
        return failed(job, f"a bug in segeval: {type(problem).__name__}: {problem}; please report it")
    result = scored.result.held_in(Table(selection.key for selection in settings.selections))
    if job.prediction is None:
        result = _missing(result)
    return Finished(result, scored.tally if keep_tally else None, libraries=loaded_libraries())


def failed(job: Job, reason: str) -> Finished:
    """The result of a case that could not be evaluated."""
    prediction = None if job.prediction is None else str(job.prediction)
    return Finished(CaseResult(job.case, prediction, str(job.reference), status="error", reason=reason))


def died(job: Job, how: str) -> Finished:
    """The result of a case whose worker process ended."""
    return failed(job, f"the worker process died ({how}): out of memory, or a crash while reading the case")


def skipped(job: Job) -> Finished:
    """The result of a reference without a prediction that is not to be scored."""
    return Finished(CaseResult(job.case, None, str(job.reference), status="missing", reason=NO_PREDICTION))


def _missing(result: CaseResult) -> CaseResult:
    reason = f"{NO_PREDICTION}; scored as an empty one"
    return replace(result, prediction=None, status="missing", reason=reason)

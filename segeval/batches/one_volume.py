"""One pair of volumes counted by several processes: of this machine, or of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial

from segeval.batches.cluster import in_cluster, where_it_looked, working_folder
from segeval.batches.parts_journal import PartsJournal
from segeval.batches.runners import GO_ON, as_a_worker
from segeval.batches.worker_processes import Died, NoProcesses, in_workers
from segeval.cases.case import count_part
from segeval.cases.parts import Elsewhere, PartResult, require_room_for_next
from segeval.errors import NotEnoughMemory, SegevalError, UnreadableFile, WorkerError
from segeval.readers import Input
from segeval.settings import Settings
from segeval.volumes.memory import VARIABLE

_TRIES = 3

Outcome = PartResult | SegevalError | Exception | Died
Round = Callable[[Sequence[int]], Iterator[tuple[int, Outcome]]]
"""Counts these parts once, as far as the workers live."""


def in_processes(
    prediction: Input,
    reference: Input,
    settings: Settings,
    workers: int,
    remark: Callable[[str], None],
    journal: PartsJournal | None = None,
) -> Elsewhere:
    """Processes of this machine.

    remark: told in a sentence where none can be started, and this one does the work. journal: of what was counted
    before.
    """

    def once(numbers: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        processes = min(workers, len(numbers))
        most_memory = os.environ.get(VARIABLE, "")
        work = partial(_count_in_worker, prediction, reference, settings, most_memory, processes)
        try:
            with closing(in_workers(work, numbers, processes)) as outcomes:
                yield from outcomes
        except NoProcesses as problem:
            remark(f"no worker process can be started ({problem}): the parts are counted one after the other")
            for number in numbers:
                yield number, _count(prediction, reference, settings, number)

    return _tried(once, prediction, reference, journal)


def on_cluster(
    prediction: Input, reference: Input, settings: Settings, scheduler: str, journal: PartsJournal | None = None
) -> Elsewhere:
    """A Dask cluster, by its scheduler's address or scheduler file. Raises UsageError, WorkerError."""
    shared = prediction, reference, settings, working_folder()
    once = in_cluster(scheduler, _count_in_cluster, shared, "score again" if journal is None else GO_ON)
    return _tried(once, prediction, reference, journal)


def _tried(once: Round, prediction: Input, reference: Input, journal: PartsJournal | None) -> Elsewhere:
    """A part whose worker dies, or that cannot be read, is counted again, by another.

    Raises UnreadableFile, WorkerError for one that never can be.
    """

    def elsewhere(count: int) -> Iterable[tuple[int, PartResult]]:
        left: list[int] = []
        for number in range(count):
            known = None if journal is None else journal.find(number, count)
            if known is None:
                left.append(number)
            else:
                yield number, known
        lost: dict[int, Died | Exception] = {}
        for _ in range(_TRIES):
            lost = {}
            for number, outcome in once(left) if left else ():
                if isinstance(outcome, SegevalError) and not _may_pass(outcome):
                    raise outcome
                if isinstance(outcome, Died | Exception):
                    lost[number] = outcome
                    continue
                require_room_for_next(outcome)
                if journal is not None:
                    journal.add(number, count, outcome)
                yield number, outcome
            left = list(lost)
            if not left:
                return
        raise _lost(prediction, reference, f"part {left[0] + 1} of {count}", lost[left[0]])

    return elsewhere


def _may_pass(problem: SegevalError) -> bool:
    """Whether another try may do: a disk or a network may have failed."""
    return isinstance(problem, UnreadableFile) and not isinstance(problem, NotEnoughMemory)


def _lost(prediction: Input, reference: Input, part: str, how: Died | Exception) -> SegevalError:
    if isinstance(how, SegevalError):
        return UnreadableFile(f"{how} ({part}, tried {_TRIES} times)")
    reason = f"exit code {how.exit_code}" if isinstance(how, Died) else type(how).__name__
    return WorkerError(
        f"{prediction} and {reference}: {part}: {_TRIES} worker processes died at it "
        f"({reason}): out of memory, or a crash while reading it; try fewer --workers"
    )


def _count_in_worker(
    prediction: Input, reference: Input, settings: Settings, most_memory: str, processes: int, number: int
) -> PartResult | SegevalError:
    as_a_worker(most_memory, processes)
    return _count(prediction, reference, settings, number)


def _count_in_cluster(
    prediction: Input, reference: Input, settings: Settings, asked_in: str, number: int
) -> PartResult | SegevalError:
    found = _count(prediction, reference, settings, number)
    if not isinstance(found, UnreadableFile):
        return found
    return type(found)(f"{found}{where_it_looked(asked_in, [prediction.file, reference.file])}")


def _count(prediction: Input, reference: Input, settings: Settings, number: int) -> PartResult | SegevalError:
    """A part's numbers, or why it cannot be counted."""
    try:
        return count_part(prediction, reference, settings, number)
    except SegevalError as problem:
        return problem

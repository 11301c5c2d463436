"""One pair of volumes counted by several processes: of this machine, or of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from segeval.batches.cluster import in_cluster
from segeval.batches.runners import as_a_worker
from segeval.batches.worker_processes import Died, NoProcesses, in_workers
from segeval.cases.case import count_part
from segeval.cases.parts import Elsewhere, PartResult
from segeval.errors import SegevalError, WorkerError
from segeval.settings import Settings
from segeval.volumes.memory import VARIABLE

_TRIES = 3

Outcome = PartResult | SegevalError | Exception | Died
Round = Callable[[Sequence[int]], Iterator[tuple[int, Outcome]]]
"""Counts these parts once, as far as the workers live."""


def in_processes(
    prediction: Path, reference: Path, settings: Settings, workers: int, remark: Callable[[str], None]
) -> Elsewhere:
    """Processes of this machine. remark: told in a sentence where none can be started, and this one does the work."""

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

    return _tried(once, prediction, reference)


def on_cluster(prediction: Path, reference: Path, settings: Settings, scheduler: str) -> Elsewhere:
    """A Dask cluster, by its scheduler's address or scheduler file. Raises UsageError, WorkerError."""
    return _tried(
        in_cluster(scheduler, _count, (prediction, reference, settings), "score again"), prediction, reference
    )


def _tried(once: Round, prediction: Path, reference: Path) -> Elsewhere:
    """A part whose worker dies is counted again, by another. Raises WorkerError for one that none survives."""

    def elsewhere(count: int) -> Iterable[tuple[int, PartResult]]:
        left: list[int] = list(range(count))
        reason = ""
        for _ in range(_TRIES):
            lost = []
            for number, outcome in once(left):
                if isinstance(outcome, SegevalError):
                    raise outcome
                if isinstance(outcome, Died | Exception):
                    reason = f"exit code {outcome.exit_code}" if isinstance(outcome, Died) else type(outcome).__name__
                    lost.append(number)
                else:
                    yield number, outcome
            left = lost
            if not left:
                return
        raise WorkerError(
            f"{prediction} and {reference}: part {left[0] + 1} of {count}: {_TRIES} worker processes died at it "
            f"({reason}): out of memory, or a crash while reading it; try fewer --workers"
        )

    return elsewhere


def _count_in_worker(
    prediction: Path, reference: Path, settings: Settings, most_memory: str, processes: int, number: int
) -> PartResult | SegevalError:
    as_a_worker(most_memory, processes)
    return _count(prediction, reference, settings, number)


def _count(prediction: Path, reference: Path, settings: Settings, number: int) -> PartResult | SegevalError:
    """A part's numbers, or why it cannot be counted."""
    try:
        return count_part(prediction, reference, settings, number)
    except SegevalError as problem:
        return problem

"""Where jobs are done: processes of this machine, or a Dask cluster. Results come as they finish."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from segeval.errors import UsageError, WorkerError
from segeval.readers import size_on_disk
from segeval.workflow.jobs import Finished, Job, do, failed
from segeval.workflow.settings import Settings
from segeval.workflow.worker_processes import usable_cores

Runner = Callable[[Sequence[Job], Settings, bool], Iterator[tuple[Job, Finished]]]
"""Takes jobs, settings and whether to keep tallies; closing the iterator stops the work."""

_BYTES_PER_WORKER = 512 << 20


def default_workers() -> int:
    """The cores that this process may use, within the memory at hand."""
    cores = usable_cores()
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return cores
    return max(1, min(cores, free // _BYTES_PER_WORKER))


def local_runner(workers: int) -> Runner:
    """A runner on processes of this machine. Its iterator raises WorkerError where they cannot be started."""

    def run(jobs: Sequence[Job], settings: Settings, keep_tallies: bool) -> Iterator[tuple[Job, Finished]]:
        from segeval.workflow.worker_pool import Died, done_by_workers

        with closing(done_by_workers(_largest_first(jobs), workers, settings, keep_tallies)) as outcomes:
            for job, outcome in outcomes:
                yield job, _lost(job, f"exit code {outcome.exit_code}") if isinstance(outcome, Died) else outcome

    return run


def dask_runner(scheduler: str) -> Runner:
    """A runner on a Dask cluster, by the scheduler's address or scheduler file. Raises UsageError, WorkerError."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise UsageError("--dask needs dask.distributed; install it with pip install 'segeval-cli[cluster]'") from None

    def run(jobs: Sequence[Job], settings: Settings, keep_tallies: bool) -> Iterator[tuple[Job, Finished]]:
        where: Mapping[str, Any] = (
            {"scheduler_file": scheduler} if Path(scheduler).is_file() else {"address": scheduler}
        )
        try:
            client = Client(**where)
        except (OSError, ValueError) as problem:
            raise WorkerError(
                f"--dask {scheduler}: no scheduler answers there ({problem}); check the address"
            ) from None
        try:
            shared = client.scatter([settings], broadcast=True, hash=False)[0]
            running = {client.submit(do, job, shared, keep_tallies, pure=False): job for job in _largest_first(jobs)}
            for future in as_completed(running):
                job = running[future]
                yield job, _outcome(future, job)
                future.release()
        finally:
            client.close()

    return run


def _outcome(future: Any, job: Job) -> Finished:
    """The job's result; a worker that died costs its case alone."""
    try:
        result: Finished = future.result()
    except Exception as problem:  # Dask's KilledWorker
        return _lost(job, type(problem).__name__)
    return result


def _lost(job: Job, how: str) -> Finished:
    return failed(job, f"the worker process died ({how}): out of memory, or a crash while reading the case")


def _largest_first(jobs: Sequence[Job]) -> list[Job]:
    """So that no large case is left for one core at the end."""

    def size(job: Job) -> int:
        return size_on_disk(job.reference) + (0 if job.prediction is None else size_on_disk(job.prediction))

    return sorted(jobs, key=size, reverse=True)

"""Where jobs are done: processes of this machine, or a Dask cluster. Results come as they finish."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from functools import partial

from msgspec.structs import replace

from segeval.batches.cluster import in_cluster, require_distributed, where_it_looked, working_folder
from segeval.batches.jobs import Finished, Job, died, do
from segeval.batches.worker_processes import Died, NoProcesses, in_workers
from segeval.machine import usable_cores
from segeval.settings import Settings
from segeval.volumes.allocator import keep_freed_memory
from segeval.volumes.chunks import stay_on_one_core
from segeval.volumes.memory import VARIABLE, share_memory

Runner = Callable[[Sequence[Job], Settings, bool], Iterator[tuple[Job, Finished]]]
"""Takes jobs, settings and whether to keep tallies; closing the iterator stops the work."""

_BYTES_PER_WORKER = 512 << 20
GO_ON = "go on with --resume, which keeps what the journal beside an output has"


def default_workers() -> int:
    """The cores that this process may use, within the memory at hand."""
    cores = usable_cores()
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return cores
    return max(1, min(cores, free // _BYTES_PER_WORKER))


def local_runner(workers: int, remark: Callable[[str], None] = lambda _: None) -> Runner:
    """A runner on processes of this machine, which share the memory; what needs more is done at the end, alone.

    A worker that dies costs its case alone. Where no process can be started, this one does the work.
    remark: told in a sentence where that is so.
    """

    def run(jobs: Sequence[Job], settings: Settings, keep_tallies: bool) -> Iterator[tuple[Job, Finished]]:
        processes = min(workers, max(1, len(jobs)))
        too_large = []
        try:
            with closing(_in_processes(processes, jobs, settings, keep_tallies)) as outcomes:
                for job, finished in outcomes:
                    if finished.wants_memory and processes > 1:
                        too_large.append(job)
                    else:
                        yield job, finished
        except NoProcesses as problem:
            remark(f"no worker process can be started ({problem}): the cases are scored one after the other")
            for job in jobs:
                yield job, do(deepcopy(job), settings, keep_tallies)  # as a worker, which looks at the files anew
        if too_large:
            yield from _in_processes(1, too_large, settings, keep_tallies)

    return run


def _in_processes(
    processes: int, jobs: Sequence[Job], settings: Settings, keep_tallies: bool
) -> Generator[tuple[Job, Finished], None, None]:
    work = partial(_do_in_worker, settings, keep_tallies, os.environ.get(VARIABLE, ""), processes)
    with closing(in_workers(work, _largest_first(jobs), processes)) as outcomes:
        for job, result in outcomes:
            yield job, died(job, f"exit code {result.exit_code}") if isinstance(result, Died) else result


def dask_runner(scheduler: str) -> Runner:
    """A runner on a Dask cluster, by the scheduler's address or scheduler file. Raises UsageError, WorkerError."""

    def run(jobs: Sequence[Job], settings: Settings, keep_tallies: bool) -> Iterator[tuple[Job, Finished]]:
        done = in_cluster(scheduler, _do_in_cluster, (settings, keep_tallies, working_folder()), GO_ON)(
            _largest_first(jobs)
        )
        for job, outcome in done:
            yield job, died(job, type(outcome).__name__) if isinstance(outcome, Exception) else outcome

    require_distributed()
    return run


def _do_in_cluster(settings: Settings, keep_tallies: bool, asked_in: str, job: Job) -> Finished:
    finished = do(job, settings, keep_tallies)
    if finished.result.status != "error":
        return finished
    more = where_it_looked(asked_in, [given.file for given in job.volumes if given is not None])
    return replace(finished, result=replace(finished.result, reason=f"{finished.result.reason}{more}"))


def _do_in_worker(settings: Settings, keep_tallies: bool, most_memory: str, processes: int, job: Job) -> Finished:
    as_a_worker(most_memory, processes)
    return do(job, settings, keep_tallies)


def as_a_worker(most_memory: str, processes: int) -> None:
    """Settle in a process that is one of so many; most_memory: the limit on all of them together."""
    os.environ[VARIABLE] = most_memory  # the server that workers are forked from may be older than the limit
    share_memory(processes)
    keep_freed_memory()
    if usable_cores() < 2 * processes:
        stay_on_one_core()  # the others are for the other workers


def _largest_first(jobs: Sequence[Job]) -> list[Job]:
    """So that no large case is left for one core at the end."""

    def size(job: Job) -> int:
        return job.reference.size + (0 if job.prediction is None else job.prediction.size)

    return sorted(jobs, key=size, reverse=True)

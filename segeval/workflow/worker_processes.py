"""Worker processes, each with a pipe of its own, so that one that is killed costs the job that it was at.

The standard library's pools end, or wait for ever, when a worker is killed. pebble's goes on, but loads asyncio first
(50 ms), hands jobs over through threads and locks that the workers share (0.7 ms each, where a small case takes 4), and
never returned when the process that forks its workers was killed at the wrong moment. A pipe per worker needs neither.

Nothing heavy is imported here: the server that workers are forked from imports while the command that starts it does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Generic, TypeVar

from segeval.errors import WorkerError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")

_PRELOAD = ["segeval.workflow.runners", "segeval.readers.nifti", "segeval.kernels.numpy_soft", "isal.igzip_lib"]
_AHEAD = 2  # jobs handed to a worker: the one that it does, and the next
_LAST_WORDS_S = 5.0
_SWITCH_S = 1e-4  # how long a decoding thread waits for the interpreter's lock, which NumPy drops and takes at once


@dataclass(frozen=True)
class Died:
    """In place of a result: the worker ended while it was at the job."""

    exit_code: int | None


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_context() -> Any:
    """The multiprocessing context whose processes are workers: forked from a server that has imported everything."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context


def start_ahead() -> None:
    """Start the server now; otherwise the first worker does, and waits for its imports."""
    if worker_context().get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        ensure_running()


def in_workers(
    work: Callable[[_Job], _Result], jobs: Sequence[_Job], count: int, context: Any
) -> Generator[tuple[_Job, _Result | Died], None, None]:
    """Do the jobs in this many processes, and yield each with its result as it is done; closing it stops the work.

    work: sent to each worker once; an exception in it ends the worker. Raises WorkerError.
    """
    waiting = deque(jobs)
    workers: list[_Worker[_Job]] = []
    try:
        for _ in range(min(count, len(jobs))):
            workers.append(_Worker(work, context))
            workers[-1].give(waiting.popleft())
        while True:
            for held in range(_AHEAD):  # a job for each before a second for any
                for worker in workers:
                    if waiting and len(worker.jobs) == held:
                        worker.give(waiting.popleft())
            busy: dict[Any, _Worker[_Job]] = {worker.connection: worker for worker in workers if worker.jobs}
            if not busy:
                return
            for connection in wait(list(busy)):
                worker = busy[connection]
                try:
                    result: _Result | Died = worker.connection.recv()
                    job = worker.jobs.popleft()
                except (EOFError, OSError):  # its pipe ended, perhaps within a result
                    result = Died(worker.exit_code())
                    job = worker.jobs.popleft()
                    waiting.extendleft(reversed(worker.jobs))
                    workers.remove(worker)
                    if waiting:
                        workers.append(_Worker(work, context))
                yield job, result
    finally:
        for worker in workers:
            worker.end()


class _Worker(Generic[_Job]):
    """A process, and the jobs that it was given and has not done, in their order."""

    def __init__(self, work: Callable[[_Job], Any], context: Any) -> None:
        self.jobs: deque[_Job] = deque()
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        try:
            self._process.start()
        except (EOFError, OSError) as problem:  # the server that forks workers died while it was asked for one
            raise WorkerError(
                f"a worker process could not be started ({problem or type(problem).__name__}), perhaps for want of "
                "memory; run again, with --resume to keep what is done"
            ) from None
        finally:
            theirs.close()  # so that this end reads an end when the worker's is gone

    def give(self, job: _Job) -> None:
        """Hand it a job; where it has died, reading its answer will tell."""
        self.jobs.append(job)
        with suppress(OSError):
            self.connection.send(job)

    def exit_code(self) -> int | None:
        """Of one whose pipe has ended, which its process is about to."""
        self._process.join(_LAST_WORDS_S)
        code: int | None = self._process.exitcode
        self.end()
        return code

    def end(self) -> None:
        """Stop it at once, whatever it is at."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(connection: Any, work: Callable[[Any], Any]) -> None:
    """Do what comes through the pipe until it ends, as it does when the parent has died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the workers
    sys.setswitchinterval(_SWITCH_S)
    with suppress(EOFError, ConnectionError):
        while True:
            connection.send(work(connection.recv()))

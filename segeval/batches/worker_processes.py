"""Jobs done by processes of this machine, each with a pipe of its own to this one.

A pipe that nobody else holds ends with its process, so whoever is killed, at whatever moment, is noticed at once. The
pools of libraries have their workers share queues, and with these a lock: a worker that is killed while it holds the
lock, or has written half of a message, leaves all others waiting (pebble's for a minute or for ever), or ends the pool
(the standard library's). The server that forks workers is needed only when one is started, and is started again then.

Nothing heavy is imported here: the server imports while the command that starts it does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar

from segeval.batches import socket_folder
from segeval.errors import WorkerError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")

_PRELOAD = [
    "segeval.batches.fork_server",
    "segeval.batches.runners",
    "segeval.readers.nifti",
    "segeval.kernels.numpy_soft",
    "isal.igzip_lib",
]
_READY = None  # what a worker sends before it is given its first job
_AHEAD = 2  # jobs handed to a worker: the one that it does, and the next
_MOST_LOST = 10
_ENOUGH = 4096  # open files
_DESCRIPTORS, _PER_WORKER = 13, 2  # open files that this process needs; measured
_FOR_THE_KEY = int(sys.version_info >= (3, 14))  # and one while Python 3.14 starts a worker, to show that it may
_PAUSE_S = 0.01
_PATIENCE_S = 5.0
_SWITCH_S = 1e-4  # how long a decoding thread waits for the interpreter's lock, which NumPy drops and takes at once
_UNKNOWN = 255  # the exit code where the server that knows it is gone
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_CANNOT_START = (OSError, EOFError, RuntimeError, multiprocessing.ProcessError)  # what start() meets without its server


class Died(NamedTuple):
    """In place of a result: the worker ended while it was at the job.

    exit_code: negative for a signal, 255 where nobody knows it.
    """

    exit_code: int | None


def worker_context() -> Any:
    """The multiprocessing context whose processes are workers: forked from a server that has imported everything."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context


def start_ahead() -> None:
    """Start the server now; otherwise the first worker does, and waits for its imports."""
    with suppress(NoProcesses):
        require_processes()


class NoProcesses(WorkerError):
    """No process can be started here at all; says why."""


def require_processes() -> int:
    """Start the server that workers are forked from, where they are; and how many workers there may be at most.

    Raises NoProcesses where the working folder is gone, or where files, processes or a folder for a socket are not to
    be had.
    """
    try:
        os.getcwd()  # noqa: PTH109 (multiprocessing asks for it, and stumbles)
    except OSError:
        raise NoProcesses("the working folder is gone") from None
    most = (_descriptors() - _DESCRIPTORS - _FOR_THE_KEY) // _PER_WORKER
    if most < 1:
        raise NoProcesses(f"only {_descriptors()} files may be open at once (ulimit -n)")
    if worker_context().get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        try:
            socket_folder.make()
            with socket_folder.named():
                ensure_running()
        except OSError as problem:
            raise NoProcesses(str(problem.strerror or problem)) from None
    return most


def _descriptors() -> int:
    """How many files may be open at once: as many as the system lets this process have, where that is few."""
    try:
        import resource
    except ImportError:  # not on every system
        return sys.maxsize
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return sys.maxsize
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return soft


def in_workers(
    work: Callable[[_Job], _Result], jobs: Sequence[_Job], count: int
) -> Generator[tuple[_Job, _Result | Died], None, None]:
    """Do the jobs in this many processes, and yield each with its result as it is done; closing it stops the work.

    work: sent to each worker once. A worker that dies costs the job that it was at, and none where it had none yet;
    where no other can be started, those that live go on. Raises NoProcesses where none can be started here, before
    any job is done, and WorkerError where all die that are.
    """
    count = min(count, require_processes())
    waiting = deque(jobs)
    workers: dict[Any, _Worker[_Job]] = {}  # by their pipes
    lost = 0  # workers since the last one that was ready
    try:
        while waiting or any(worker.jobs for worker in workers.values()):
            wanted = len(waiting) + sum(bool(worker.jobs) for worker in workers.values())
            while len(workers) < min(count, wanted):
                if lost > _MOST_LOST and workers:
                    break  # fewer go on, also such as have yet to say that they are ready
                if lost > _MOST_LOST:
                    raise WorkerError(
                        f"the worker processes cannot be started: {lost} of them died before they did anything, "
                        "perhaps for want of memory; run again with fewer --workers, and with --resume to keep what "
                        "is done"
                    )
                try:
                    worker = _Worker[_Job](work)
                except _CANNOT_START:
                    lost += 1
                    time.sleep(_PAUSE_S * lost)  # a server that is killed is not gone at once
                else:
                    workers[worker.pipe] = worker
            finished: list[tuple[_Job, _Result | Died]] = []
            for pipe in wait(list(workers)):
                worker = workers[pipe]
                try:
                    answer: Any = worker.pipe.recv()
                except (EOFError, OSError):  # it is gone, perhaps amid its answer
                    lost += not worker.ready
                    del workers[pipe]
                    answer = Died(worker.end())
                    waiting.extendleft(reversed(worker.jobs[1:]))
                if worker.jobs:
                    finished.append((worker.jobs.pop(0), answer))
                elif answer is _READY:
                    worker.ready, lost = True, 0
            for held in range(_AHEAD):  # a job for each before a second for any
                for worker in workers.values():
                    if waiting and worker.ready and len(worker.jobs) == held:
                        worker.give(waiting.popleft())
            yield from finished
    finally:
        for worker in workers.values():
            worker.kill()
        for worker in workers.values():
            worker.end()


@contextmanager
def _without_main(work: Callable[..., Any]) -> Iterator[None]:
    """No worker imports the program that called, which would run again in each of them; unless the work is its own."""
    if "__main__" in (_serve.__module__, getattr(work, "func", work).__module__):
        yield
        return
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _Worker(Generic[_Job]):
    """A process, and the jobs that it was given and has not done, in their order."""

    def __init__(self, work: Callable[[_Job], Any]) -> None:
        context = worker_context()
        self.pipe, theirs = context.Pipe()
        self.jobs: list[_Job] = []
        self.ready = False
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        try:
            with socket_folder.named(), _without_main(work):
                self._process.start()
        except BaseException:
            self.pipe.close()
            raise
        finally:
            theirs.close()  # so that this end reads an end when the worker's is gone

    def give(self, job: _Job) -> None:
        """Hand it a job; where it has died, reading its answer will tell."""
        self.jobs.append(job)
        with suppress(OSError):
            self.pipe.send(job)

    def kill(self) -> None:
        """Stop it at once, whatever it is at."""
        if self._process.exitcode in (None, _UNKNOWN):
            with suppress(OSError):  # Process.kill does nothing once the server is dead: its workers count as dead, too
                os.kill(self._process.pid, _KILL)

    def end(self) -> int | None:
        """The exit code of a worker that is about to be gone."""
        self.pipe.close()
        self._process.join(_PATIENCE_S)
        if self._process.exitcode is None:
            self.kill()
            self._process.join(_PATIENCE_S)
        code: int | None = self._process.exitcode
        return code


def _serve(pipe: Any, work: Callable[[Any], Any]) -> None:
    """Do what comes through the pipe until it ends, as it does when the parent has died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the workers
    sys.setswitchinterval(_SWITCH_S)
    _leave_no_locks()
    with suppress(EOFError, OSError):
        pipe.send(_READY)
        while True:
            pipe.send(work(pipe.recv()))


def _leave_no_locks() -> None:
    """Locks that libraries make (numcodecs one for Blosc) have no name that somebody must remove.

    They have one for processes that are not forked. A worker starts none, and is killed in the end: what it had not
    removed was said to be leaked.
    """
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)

"""Jobs done by processes of this machine, each with a pipe of its own to this one.

A pipe that nobody else holds ends with its process, so whoever is killed, at whatever moment, is noticed at once. The
pools of libraries have their workers share queues, and with these a lock: a worker that is killed while it holds the
lock, or has written half of a message, leaves all others waiting (pebble's for a minute or for ever), or ends the pool
(the standard library's). The server that forks workers is needed only when one is started, and is started again then.
"""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import ProcessError
from multiprocessing.connection import Connection, wait
from typing import cast

from segeval.errors import WorkerError
from segeval.volumes.chunks import stay_on_one_core
from segeval.volumes.memory import VARIABLE
from segeval.workflow.jobs import Finished, Job, do
from segeval.workflow.settings import Settings
from segeval.workflow.worker_processes import worker_context

_READY = None  # what a worker sends before it is given its first job
_MOST_LOST = 10
_PAUSE_S = 0.01
_PATIENCE_S = 5.0
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_CANNOT_START = (OSError, EOFError, RuntimeError, ProcessError)  # what Process.start meets where its server is killed


@dataclass(frozen=True)
class Died:
    """What became of a worker that was doing a job; the code is negative for a signal, 255 where nobody knows it."""

    exit_code: int | None


def done_by_workers(
    jobs: Sequence[Job], workers: int, settings: Settings, keep_tallies: bool
) -> Generator[tuple[Job, Finished | Died], None, None]:
    """The jobs in the order in which they finish; closing the iterator kills whoever is still at work.

    A worker that dies costs the job that it was given, and none where it had no job yet. Where no more can be started,
    those that live go on. Raises WorkerError where none does.
    """
    waiting = deque(jobs)
    pool: dict[Connection, _Worker] = {}
    lost = 0  # workers since the last one that was ready
    try:
        while waiting or any(worker.job for worker in pool.values()):
            wanted = len(waiting) + sum(worker.job is not None for worker in pool.values())
            while len(pool) < min(workers, wanted):
                if lost > _MOST_LOST and any(worker.ready for worker in pool.values()):
                    break  # fewer go on
                if lost > _MOST_LOST:
                    raise WorkerError(
                        f"the worker processes cannot be started: {lost} of them died before they did anything, "
                        "perhaps for want of memory; run again with fewer --workers, and with --resume to keep what "
                        "is done"
                    )
                try:
                    worker = _Worker(settings, keep_tallies)
                except _CANNOT_START:
                    lost += 1
                    time.sleep(_PAUSE_S * lost)  # a server that is killed is not gone at once
                else:
                    pool[worker.pipe] = worker
            finished: list[tuple[Job, Finished | Died]] = []
            for pipe in cast("list[Connection]", wait(pool)):
                worker = pool[pipe]
                job, answer = worker.job, worker.answer()
                if isinstance(answer, Died):
                    del pool[pipe]
                if job is not None and answer is not None:
                    finished.append((job, answer))
                if answer is None:
                    lost = 0
                elif not worker.ready:
                    lost += 1
            for worker in pool.values():
                if waiting and worker.ready and worker.job is None and worker.begin(waiting[0]):
                    waiting.popleft()
            yield from finished
    finally:
        for worker in pool.values():
            worker.stop()
        for worker in pool.values():
            worker.end()


class _Worker:
    """A process that does one job at a time."""

    def __init__(self, settings: Settings, keep_tallies: bool) -> None:
        context = worker_context()
        self.pipe, theirs = context.Pipe()
        self.job: Job | None = None
        self.ready = False
        arguments = (theirs, settings, keep_tallies, os.environ.get(VARIABLE, ""))
        self._process = context.Process(target=_work, args=arguments, daemon=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a helper of multiprocessing was killed and is started again
                self._process.start()
        except BaseException:
            self.pipe.close()
            raise
        finally:
            theirs.close()

    def answer(self) -> Finished | Died | None:
        """What its pipe has: the result of its job, its end, or at first that it is ready."""
        try:
            answer: Finished | None = self.pipe.recv()
        except (EOFError, OSError):  # it is gone, perhaps amid its answer
            return Died(self.end())
        self.ready, self.job = True, None
        return answer

    def begin(self, job: Job) -> bool:
        """Hand out a job; not to a worker that is gone, whose pipe has ended."""
        try:
            self.pipe.send(job)
        except OSError:
            return False
        self.job = job
        return True

    def stop(self) -> None:
        """Let an idle worker go home, and kill one at work."""
        self.pipe.close()
        if self.job is not None:
            self._kill()

    def end(self) -> int | None:
        """The exit code of a worker that is about to be gone."""
        self.pipe.close()
        self._process.join(_PATIENCE_S)
        if self._process.exitcode is None:
            self._kill()
            self._process.join(_PATIENCE_S)
        code: int | None = self._process.exitcode
        return code

    def _kill(self) -> None:
        # not Process.kill, which does nothing once the server is dead: its workers then count as dead, too
        with suppress(OSError):
            os.kill(self._process.pid, _KILL)


def _work(pipe: Connection, settings: Settings, keep_tallies: bool, most_memory: str) -> None:
    """What a worker does, until its pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the workers
    os.environ[VARIABLE] = most_memory  # the server that workers are forked from may be older than the limit
    stay_on_one_core()  # the others are for the other workers
    with suppress(EOFError, OSError):  # the parent is gone, or has no more jobs
        pipe.send(_READY)
        while True:
            pipe.send(do(pipe.recv(), settings, keep_tallies))

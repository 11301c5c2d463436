"""Worker processes: every job has one answer, whatever becomes of the worker that has it.

The work is `eval`, so that a job says what the worker shall do or suffer.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from segeval.errors import WorkerError
from segeval.workflow.worker_processes import Died, in_workers, worker_context

KILLED = "__import__('os').kill(__import__('os').getpid(), 9)"
LEFT = "__import__('os')._exit(7)"
RAISED = "1 / 0"
UNSENDABLE = "open('/dev/null')"
PID = "__import__('os').getpid()"


def answers(jobs: list[str], count: int, context: Any = None) -> list[tuple[str, Any]]:
    return list(in_workers(eval, jobs, count, context or worker_context()))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_job_is_done_once(count: int) -> None:
    jobs = [f"{number} ** 2" for number in range(23)]
    assert sorted(answers(jobs, count)) == sorted((job, number**2) for number, job in enumerate(jobs))


def test_one_worker_does_the_jobs_in_their_order() -> None:
    jobs = [f"{number} + 0" for number in (5, 3, 9, 1)]
    assert [result for _, result in answers(jobs, 1)] == [5, 3, 9, 1]


def test_no_jobs_need_no_worker() -> None:
    assert answers([], 3) == []


def test_there_are_no_more_workers_than_jobs() -> None:
    assert len(answers([PID], 8)) == 1
    assert len({pid for _, pid in answers([PID] * 40, 2)}) <= 2


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("deadly", "code"), [(KILLED, -9), (LEFT, 7), (RAISED, 1), (UNSENDABLE, 1)])
def test_a_worker_that_dies_costs_the_job_that_it_was_at(deadly: str, code: int, count: int) -> None:
    jobs = ["1 + 1", deadly, "2 + 2", deadly, "3 + 3", "4 + 4", deadly]
    found = answers(jobs, count)
    assert sorted(job for job, _ in found) == sorted(jobs)
    assert dict(found) == {
        "1 + 1": 2, deadly: Died(code), "2 + 2": 4, "3 + 3": 6, "4 + 4": 8
    }  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_worker_killed_within_a_long_answer_costs_that_job() -> None:
    half = "__import__('os').write({fd}, b'\\0\\0\\0\\x40' + b'half of what was promised') and " + KILLED
    find = (
        "next(fd for fd in range(3, 64) if __import__('os').path.exists(f'/proc/self/fd/{fd}')"
        " and __import__('os').readlink(f'/proc/self/fd/{fd}').startswith('socket:'))"
    )
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    job = "(lambda fd: " + half.replace("{fd}", "fd") + f")({find})"
    assert dict(answers([job, "5"], 1)) == {job: Died(-9), "5": 5}


def test_answers_may_be_larger_than_a_pipe_holds() -> None:
    jobs = [f"bytes({10_000_000 + number})" for number in range(6)]
    assert {job: len(result) for job, result in answers(jobs, 2)} == {
        job: 10_000_000 + number for number, job in enumerate(jobs)
    }


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_closing_it_ends_the_workers_at_once() -> None:
    found: Iterator[Any] = in_workers(eval, [PID, "__import__('time').sleep(600)", "1"], 1, worker_context())
    _, pid = next(found)
    began = time.monotonic()
    found.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 60
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL") or sys.platform == "darwin", reason="needs a fork server")
def test_workers_outlive_the_server_that_forked_them_and_are_replaced() -> None:
    jobs = [PID, "1 + 1", KILLED, "2 + 2", "3 + 3"]
    found = in_workers(eval, jobs, 1, worker_context())
    results = [next(found)[1]]
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    results += [result for _, result in found]
    assert results[1] == 2
    assert isinstance(results[2], Died)
    assert results[3:] == [4, 6]


def test_a_worker_that_cannot_be_started_is_an_error_for_users() -> None:
    class Refusing:
        """As the standard library's context is when the server dies while it is asked."""

        def __init__(self) -> None:
            self.Pipe = worker_context().Pipe

        def Process(self, **_: Any) -> Any:  # noqa: N802 (the context's name)
            return self

        def start(self) -> None:
            raise EOFError("unexpected EOF")

    with pytest.raises(WorkerError, match=r"could not be started .*--resume"):
        answers(["1"], 1, Refusing())

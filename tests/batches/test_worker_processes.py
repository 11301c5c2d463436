"""Worker processes: every job has one answer, whatever becomes of the worker that has it.

The work is `eval`, so that a job says what the worker shall do or suffer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from segeval.batches import worker_processes
from segeval.batches.worker_processes import Died, in_workers

KILLED = "__import__('os').kill(__import__('os').getpid(), 9)"
LEFT = "__import__('os')._exit(7)"
RAISED = "1 / 0"
UNSENDABLE = "open('/dev/null')"
PID = "__import__('os').getpid()"


def answers(jobs: list[str], count: int) -> list[tuple[str, Any]]:
    return list(in_workers(eval, jobs, count))


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


def test_the_one_worker_that_could_be_started_does_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it has yet to say that it is ready when the others fail."""
    start, started = worker_processes._Worker.__init__, []

    def once(worker: Any, work: Any) -> None:
        if started:
            raise OSError("no more processes")
        started.append(worker)
        start(worker, work)

    monkeypatch.setattr(worker_processes._Worker, "__init__", once)
    monkeypatch.setattr(worker_processes, "_PAUSE_S", 0)
    assert sorted(answers(["1 + 1", "2 + 2", "3 + 3"], 2)) == [("1 + 1", 2), ("2 + 2", 4), ("3 + 3", 6)]


def test_answers_may_be_larger_than_a_pipe_holds() -> None:
    jobs = [f"bytes({10_000_000 + number})" for number in range(6)]
    assert {job: len(result) for job, result in answers(jobs, 2)} == {
        job: 10_000_000 + number for number, job in enumerate(jobs)
    }


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_closing_it_ends_the_workers_at_once() -> None:
    found: Iterator[Any] = in_workers(eval, [PID, "__import__('time').sleep(600)", "1"], 1)
    _, pid = next(found)
    began = time.monotonic()
    found.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 60
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


LOCKED = """
from segeval.batches.worker_processes import in_workers
kept = "setattr(__import__('sys'), 'kept', __import__('multiprocessing').Lock())"
print(list(in_workers(eval, [kept] * 3, 2)))
"""


def test_locks_that_are_made_in_workers_are_not_said_to_be_leaked() -> None:
    """As libraries make them when they are imported; workers are killed in the end."""
    run = subprocess.run([sys.executable, "-c", LOCKED], capture_output=True, encoding="utf-8", check=True)
    assert run.stdout.count("None") == 3
    assert run.stderr == ""

"""Workers of a cluster that were started in another folder say so; of those with another version, none counts."""

from __future__ import annotations

import operator
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from clusters import cluster

from segeval.batches.cluster import in_cluster, working_folder
from segeval.batches.jobs import Job
from segeval.batches.one_volume import _count_in_cluster
from segeval.batches.runners import _do_in_cluster
from segeval.cases.counting import LabelResult
from segeval.errors import UnreadableFile, WorkerError
from segeval.readers import Input
from segeval.settings import settings_of
from segeval.version import __version__


@pytest.fixture
def asked_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of the command, with a volume; the process is a worker in another one."""
    for folder in ("command", "worker"):
        (tmp_path / folder).mkdir()
    np.save(tmp_path / "command/p.npy", np.ones((3, 4, 5), np.uint8))
    monkeypatch.chdir(tmp_path / "command")
    folder = working_folder()
    monkeypatch.chdir(tmp_path / "worker")
    return folder


def test_a_relative_path_that_leads_elsewhere_is_said_to(asked_in: str, tmp_path: Path) -> None:
    here, there = Input(Path("p.npy")), Input(tmp_path / "command/p.npy")
    said = f"; the worker was in {tmp_path / 'worker'} and the command in {asked_in}: write absolute paths"
    settings = settings_of({})
    reason = _do_in_cluster(settings, False, asked_in, Job("p", here, there)).result.reason
    assert reason is not None
    assert reason.startswith("p.npy: there is no such file")
    assert reason.endswith(said)
    part = _count_in_cluster(here, there, settings, asked_in, 0)
    assert isinstance(part, UnreadableFile)
    assert str(part).endswith(said)


def test_nothing_is_said_of_what_is_there(asked_in: str, tmp_path: Path) -> None:
    there, settings = Input(tmp_path / "command/p.npy"), settings_of({})
    assert _do_in_cluster(settings, False, asked_in, Job("p", there, there)).result.status == "ok"
    assert isinstance(_count_in_cluster(there, there, settings, asked_in, 0), LabelResult)
    np.save("q.npy", np.ones((2, 2), np.uint8))  # of another shape, and here
    reason = _do_in_cluster(settings, False, asked_in, Job("q", Input(Path("q.npy")), there)).result.reason
    assert reason is not None
    assert "shape" in reason
    assert "the worker was in" not in reason
    gone = Input(tmp_path / "gone.npy")
    reason = _do_in_cluster(settings, False, asked_in, Job("g", gone, there)).result.reason
    assert reason is not None
    assert "the worker was in" not in reason


def test_a_worker_of_another_version_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster() as address:
        assert sorted(result for _, result in in_cluster(address, pow, (3,), "")([1, 2])) == [3, 9]
        monkeypatch.setattr("segeval.batches.cluster.__version__", "9.9.9")
        said = (
            rf"--dask {address}: the worker tcp://\S+ has segeval {__version__}, and this is segeval 9\.9\.9; install"
        )
        with pytest.raises(WorkerError, match=said):
            list(in_cluster(address, pow, (3,), "")([1, 2]))


_LATE = """
import asyncio, sys
import segeval.batches.cluster as cluster
from distributed import Worker
cluster.__version__ = "0.0.9"
async def work():
    async with Worker(sys.argv[1], nthreads=1, dashboard=False) as worker:
        await worker.finished()
if __name__ == "__main__":
    asyncio.run(work())
"""


def test_nor_does_one_that_comes_later() -> None:
    with cluster() as address:
        outcomes = in_cluster(address, operator.call, (time.sleep,), "")([0.2] * 300)  # a minute of two workers
        assert next(outcomes) == (0.2, None)
        with subprocess.Popen([sys.executable, "-c", _LATE, address], stderr=subprocess.DEVNULL) as late:
            said = rf"the worker tcp://\S+ has segeval 0\.0\.9, and this is segeval {__version__}; install that there"
            try:
                with pytest.raises(WorkerError, match=said):
                    list(outcomes)
            finally:
                late.kill()

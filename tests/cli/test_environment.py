"""A batch where little is to be had: no working folder, long or missing folders for temporary files, few open files."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

Start = Callable[..., subprocess.CompletedProcess[str]]
ALONE = "the cases are scored one after the other"


@pytest.fixture
def start(tmp_path: Path, nifti: Callable[..., Path]) -> Start:
    """Run a batch of three cases, named by absolute paths, behind a line of shell."""
    for case in "abc":
        volume = np.random.default_rng(ord(case)).integers(0, 3, (6, 5, 4)).astype(np.uint8)
        nifti(f"p/{case}.nii", volume)
        nifti(f"r/{case}.nii", np.roll(volume, 1))
    command = [sys.executable, "-m", "segeval", "batch", str(tmp_path / "p"), str(tmp_path / "r"), "--format", "json"]

    def run(before: str = "true", *more: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f'{before} && exec "$@"', "bash", *command, *more],
            capture_output=True, encoding="utf-8", timeout=120, env={**os.environ, **environment}, check=False,
        )  # fmt: skip

    return run


def scored(done: subprocess.CompletedProcess[str]) -> list[object]:
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return [case["rows"] for case in json.loads(done.stdout)["cases"]]


@pytest.fixture
def expected(start: Start) -> list[object]:
    done = start()
    assert done.stderr == ""
    return scored(done)


def test_from_a_folder_that_is_gone(start: Start, expected: list[object], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    done = start(f'mkdir "{gone}" && cd "{gone}" && rmdir "{gone}"')
    assert scored(done) == expected
    assert f"remark: no worker process can be started (the working folder is gone): {ALONE}" in done.stderr


def test_an_output_without_a_path_in_a_folder_that_is_gone(
    start: Start, expected: list[object], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    before = f'mkdir "{gone}" && cd "{gone}" && rmdir "{gone}"'
    done = start(before, "-o", "x.json")
    assert done.returncode == 3
    assert "segeval: x.json: the working folder is gone; name the file by its whole path, from / on\n" in done.stderr
    whole = start(before, "-o", str(tmp_path / "x.json"))
    assert scored(whole) == expected
    assert (tmp_path / "x.json").read_text() == whole.stdout


@pytest.mark.parametrize("length", [60, 90, 200])
def test_with_a_long_folder_for_temporary_files(
    length: int, start: Start, expected: list[object], tmp_path: Path
) -> None:
    folder = tmp_path / ("t" * length)
    folder.mkdir()
    done = start(TMPDIR=str(folder))
    assert scored(done) == expected
    assert done.stderr == ""
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("folder", ["/no/such/folder", "", "/proc"])
def test_without_the_folder_for_temporary_files(folder: str, start: Start, expected: list[object]) -> None:
    done = start(TMPDIR=folder)
    assert scored(done) == expected
    assert done.stderr == ""


@pytest.mark.parametrize("files", [12, 14, 15, 16, 20, 32])
def test_with_few_open_files(files: int, start: Start, expected: list[object]) -> None:
    done = start(f"ulimit -n {files}")
    assert scored(done) == expected
    assert done.stderr == "" or (files < 16 and ALONE in done.stderr and len(done.stderr.splitlines()) == 1)


def test_a_soft_limit_of_open_files_is_raised_as_far_as_may_be(start: Start, expected: list[object]) -> None:
    done = start("ulimit -S -n 12")
    assert scored(done) == expected
    assert done.stderr == ""


def test_a_failure_before_the_command_line_is_no_failed_gate(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nos.devnull = '/no/such/device'\n")
    done = subprocess.run(
        [sys.executable, "-m", "segeval", "--version"],
        capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr == "segeval: cannot be started (FileNotFoundError: [Errno 2] No such file or directory: " \
        "'/no/such/device')\n"  # fmt: skip


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume that a worker is busy with for a while."""
    path = tmp_path_factory.mktemp("large") / "a.nii.gz"
    voxels = np.random.default_rng(0).integers(0, 9, (300, 300, 300)).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
    return path


@pytest.mark.parametrize("whom", ["the command", "the server", "a worker"])
def test_whoever_is_killed_no_folder_is_left(
    whom: str, large: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("t")  # short enough for a socket
    for side in "pr":
        (tmp_path / side).mkdir()
        (tmp_path / side / "a.nii.gz").hardlink_to(large)
    process = subprocess.Popen(
        [sys.executable, "-m", "segeval", "batch", str(tmp_path / "p"), str(tmp_path / "r"), "--workers", "1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    patience = time.monotonic() + 60
    while not (workers := below(process.pid, 2)) and time.monotonic() < patience:
        time.sleep(0.01)
    assert [path.name.startswith("segeval-") for path in temporary.iterdir()] == [True]
    (worker,) = workers
    server = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1]
    os.kill({"the command": process.pid, "the server": int(server), "a worker": worker}[whom], 9)
    process.wait(60)
    while list(temporary.iterdir()) and time.monotonic() < patience:
        time.sleep(0.02)
    assert list(temporary.iterdir()) == []


def test_what_a_batch_that_was_killed_whole_left_goes_with_the_next(
    start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("t")
    for name, age in (("segeval-old", 3600), ("segeval-held", 3600), ("segeval-new", 0), ("other", 3600)):
        (temporary / name).mkdir()
        (temporary / name / "listener").touch()
        os.utime(temporary / name, (time.time() - age,) * 2)
    held = os.open(temporary / "segeval-held", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert start(TMPDIR=str(temporary)).returncode == 0
    os.close(held)
    assert {path.name for path in temporary.iterdir()} == {"segeval-held", "segeval-new", "other"}
    shutil.rmtree(temporary)


def below(pid: int, generations: int) -> list[int]:
    """The processes that a process's children, and theirs, have started."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children if generations == 1 else [found for child in children for found in below(child, generations - 1)]

"""Signals at any time, and reads and writes that they cut short: the same bytes come out."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import termios
import threading
import time
from array import array
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

COMMAND = [sys.executable, "-m", "segeval"]

# Every interpreter imports sitecustomize: all processes of a batch get handlers, and an alarm each millisecond.
ALARMS = """
import atexit, os, signal
for number in (signal.SIGALRM, signal.SIGCHLD, signal.SIGWINCH):
    signal.signal(number, lambda *_: None)
def arm():
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
os.register_at_fork(after_in_child=arm)
arm()
atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)  # the interpreter takes the handler away before it ends
"""


@pytest.fixture
def pair(nifti: Any) -> list[Path]:
    """Two label maps of 600 labels, whose report is longer than a pipe holds."""
    random = np.random.default_rng(0)
    return [nifti(name, random.integers(0, 600, (20, 20, 20)).astype(np.int16)) for name in ("p.nii.gz", "r.nii")]


def state_of(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]


def wait_until(process: int, state: str) -> None:
    end = time.monotonic() + 30
    while state_of(process) != state:
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_a_report_into_a_full_pipe_is_whole_after_a_stop(pair: list[Path], form: str, unbuffered: str) -> None:
    """A write that a stop interrupts takes what the pipe had room for."""
    command = [*COMMAND, "score", *map(str, pair), "--format", form]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    whole = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    capacity = fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    assert len(whole) > 2 * capacity
    held = array("i", [0])
    while held[0] < capacity and process.poll() is None:
        fcntl.ioctl(pipe, termios.FIONREAD, held)
        time.sleep(0.001)
    for _ in range(2):
        wait_until(process.pid, "S")  # in its write
        process.send_signal(signal.SIGSTOP)
        wait_until(process.pid, "T")
        process.send_signal(signal.SIGCONT)
    found = process.stdout.read()
    process.stdout.close()
    assert (process.wait(60), found) == (0, whole)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
def test_handlers_alarms_and_stops_change_no_byte(tmp_path: Path, nifti: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the parent, the server of workers and the workers, while they read, inflate, count and write."""
    random = np.random.default_rng(0)
    for case in range(10):
        blocks = random.integers(0, 4, (8, 8, 8)).repeat(12, 0).repeat(12, 1).repeat(12, 2).astype(np.uint8)
        nifti(f"p/case_{case:02}.nii.gz", blocks)
        nifti(f"r/case_{case:02}.nii" + ".gz" * (case % 2), np.roll(blocks, case, 0))
    command = [*COMMAND, "batch", str(tmp_path / "p"), str(tmp_path / "r"), "--workers", "2", "--format", "json"]
    quiet, loud = tmp_path / "quiet.json", tmp_path / "loud.json"
    calm = subprocess.run([*command, "--hash", "-o", quiet], capture_output=True, timeout=60, check=True)
    (tmp_path / "sitecustomize.py").write_text(ALARMS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen(
        [*command, "--hash", "-o", str(loud)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    chance = Random(1)
    over = threading.Event()

    def disturb() -> None:
        while not over.wait(chance.random() * 0.01):
            number = chance.choice((signal.SIGSTOP, signal.SIGWINCH, signal.SIGCHLD))
            members = group_of(process.pid)
            with suppress(ProcessLookupError, IndexError):
                if number == signal.SIGSTOP:
                    os.kill(chance.choice(members), signal.SIGSTOP)
                    time.sleep(chance.random() * 0.005)
                    os.killpg(process.pid, signal.SIGCONT)
                elif members:
                    os.kill(chance.choice(members), number)

    thread = threading.Thread(target=disturb)
    thread.start()
    out, err = process.communicate(timeout=60)
    over.set()
    thread.join()
    assert (process.returncode, err) == (0, b"")
    assert out == calm.stdout
    assert loud.read_bytes() == quiet.read_bytes()


def group_of(leader: int) -> list[int]:
    """The processes of a group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[2]) == leader:
                    found.append(int(entry.name))
    return found


def test_a_label_file_that_comes_through_a_pipe_in_crumbs_is_read_to_its_end(
    tmp_path: Path, pair: list[Path], segeval: Any
) -> None:
    """``--labels <(…)``: each read gives what was written so far."""
    text = b'{"labels": {"background": 0, ' + b", ".join(b'"organ %d": %d' % (n, n) for n in range(1, 600)) + b"}}"
    plain, pipe = tmp_path / "labels.json", tmp_path / "pipe.json"
    plain.write_bytes(text)
    os.mkfifo(pipe)

    def feed() -> None:
        with pipe.open("wb", buffering=0) as file:
            for start in range(0, len(text), 700):
                file.write(text[start : start + 700])
                time.sleep(0.001)

    writer = threading.Thread(target=feed)
    writer.start()
    asked = ("score", *pair, "--metrics", "dice", "--format", "csv", "--labels")
    found = segeval(*asked, pipe)
    writer.join()
    assert found.code == 0, found.err
    assert "organ 599" in found.out
    assert found.out == segeval(*asked, plain).out


def test_the_last_line_of_a_journal_is_whole_or_an_error(tmp_path: Path, nifti: Any) -> None:
    """A disk takes the part that it has room for without an error; only the rest has none."""
    for case in range(3):
        for side in ("p", "r"):
            nifti(f"{side}/case_{case}.nii.gz", np.full((3, 3, 3), 1 + case, np.uint8))
    output = tmp_path / "out.csv"
    command = [*COMMAND, "batch", tmp_path / "p", tmp_path / "r", "--metrics", "dice", "--workers", "1", "-o", output]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    journal, whole = tmp_path / "out.csv.journal", output.read_bytes()
    size = journal.stat().st_size
    assert size > len(whole)
    output.unlink()

    def almost_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size - 5, size - 5))

    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=60, check=False, preexec_fn=almost_room
    )
    assert (done.returncode, output.exists()) == (3, False)
    assert "out.csv.journal: cannot be written (File too large)" in done.stderr
    subprocess.run([*command, "--resume"], capture_output=True, timeout=60, check=True)
    assert output.read_bytes() == whole

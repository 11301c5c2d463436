"""kill -9 of every process of a batch, at any time: noticed at once, never more lost than a case per worker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import nibabel
import numpy as np
import pytest

COMMAND = [sys.executable, "-m", "segeval"]
CASES = 500  # so many that a batch is not over before anybody is killed
KILLS = 200 * int(os.environ.get("SEGEVAL_FUZZ", "1"))
KINDS = {"tracker", "server", "worker", "parent", "group"}  # each of them is killed, however many that takes
CODES = {0, 3, -signal.SIGKILL}  # and each end seen
PATIENCE_S = 60

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")


@dataclass(frozen=True)
class Batch:
    """A batch over small cases, the folder that it writes to, and what it writes when nobody is killed."""

    cases: Path
    folder: Path
    whole: bytes

    @property
    def command(self) -> list[str]:
        return command_of(self.cases)

    @property
    def output(self) -> Path:
        return self.folder / "out.csv"

    @property
    def journal(self) -> Path:
        return self.folder / "out.csv.journal"

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start it in a group of its own; its stderr goes to a file."""
        with (self.folder / "stderr").open("w") as words:
            return subprocess.Popen(
                [*self.command, "-o", str(self.output), *options], start_new_session=True, encoding="utf-8",
                stdout=subprocess.DEVNULL, stderr=words,
            )  # fmt: skip

    def words(self) -> str:
        """What was said on stderr."""
        return (self.folder / "stderr").read_text()

    def wait_for_workers(self, process: subprocess.Popen[str]) -> None:
        """Until both are at work."""
        self.wait_for_cases(process, 5)
        while process.poll() is None and len(helpers_of(process.pid)["worker"]) < 2:
            time.sleep(0.001)

    def wait_for_cases(self, process: subprocess.Popen[str], count: int) -> None:
        """Until so many cases are done, or the batch has ended."""
        while process.poll() is None and not (self.journal.exists() and self.journal.read_bytes().count(b"\n") > count):
            time.sleep(0.001)

    def require_end(self, process: subprocess.Popen[str]) -> int:
        """The exit code; nobody is left behind, and whoever lived to the end had no bug to tell of."""
        code = process.wait(PATIENCE_S)
        assert everybody_gone(process.pid)
        if code != -signal.SIGKILL:  # the server of workers complains when it is left amid a request
            assert "Traceback" not in self.words()
            assert "Warning" not in self.words()
        return code


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The folder of the cases, and what the batch writes when nobody is killed."""
    folder = tmp_path_factory.mktemp("cases")
    random = np.random.default_rng(0)
    for side in ("p", "r"):
        (folder / side).mkdir()
        for case in range(CASES):
            image = nibabel.Nifti1Image(random.integers(0, 3, (6, 5, 4)).astype(np.uint8), np.eye(4))
            nibabel.save(image, folder / side / f"case_{case:03}.nii.gz")
    output = folder / "whole.csv"
    subprocess.run([*command_of(folder), "-o", str(output)], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
    return folder, output.read_bytes()


def command_of(cases: Path) -> list[str]:
    return [*COMMAND, "batch", str(cases / "p"), str(cases / "r"), "--metrics", "dice", "--workers", "2"]


@pytest.fixture
def batch(tmp_path: Path, undisturbed: tuple[Path, bytes]) -> Batch:
    cases, whole = undisturbed
    (tmp_path / "out").mkdir()
    return Batch(cases, tmp_path / "out", whole)


def everybody_gone(batch: int) -> bool:
    """Whether no process of the batch is left, within some seconds; the dead that nobody has asked for do not count."""
    for _ in range(1000):
        if not any(helpers_of(batch).values()):
            return True
        time.sleep(0.01)
    return False


def helpers_of(batch: int) -> dict[str, list[int]]:
    """The processes of a batch besides its parent: ``tracker`` and ``server`` of multiprocessing, ``worker``."""
    found: dict[str, list[int]] = {"tracker": [], "server": [], "worker": []}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == batch:
            continue
        with suppress(OSError):
            state, parent, group = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:3]
            if int(group) == batch and state != "Z":
                words = (entry / "cmdline").read_bytes()
                kind = "tracker" if b"resource_tracker" in words else "server" if int(parent) == batch else "worker"
                found[kind].append(int(entry.name))
    return found


def test_a_batch_killed_hundreds_of_times_resumes_to_the_same_bytes(batch: Batch) -> None:
    """Whoever belongs to it is killed at random times, from the first import to the last byte, until it has ended."""
    random = Random(7)
    kills: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    while kills.total() < KILLS or not (kills.keys() >= KINDS and codes.keys() >= CODES):
        process = batch.start("--resume")
        if random.random() < 0.7:
            batch.wait_for_cases(process, random.randrange(CASES))
        else:
            time.sleep(random.random() * 0.5)
        for _ in range(random.randrange(40)):
            if process.poll() is not None:
                break
            (kind,) = random.choices(("tracker", "server", "worker"), (2, 1, 9))
            if victims := helpers_of(process.pid)[kind]:
                with suppress(ProcessLookupError):
                    os.kill(random.choice(victims), signal.SIGKILL)
                    kills[kind] += 1
            time.sleep(random.random() * 0.02)
        end = random.choice(("parent", "group", "nobody"))
        if end != "nobody" and process.poll() is None:
            (os.killpg if end == "group" else os.kill)(process.pid, signal.SIGKILL)
            kills[end] += 1
        code = batch.require_end(process)
        codes[code] += 1
        assert code in (0, 3, -signal.SIGKILL), batch.words()
        if code == 0:
            assert batch.output.read_bytes() == batch.whole
            batch.output.unlink()
            batch.journal.unlink()
        elif code == 3 and batch.output.exists():
            lines = set(batch.output.read_bytes().splitlines()) - set(batch.whole.splitlines())
            assert all(b",error," in line and b"died (exit code" in line for line in lines)
    assert batch.require_end(batch.start("--resume")) == 0
    assert batch.output.read_bytes() == batch.whole
    assert sorted(path.name for path in batch.folder.iterdir()) == ["out.csv", "out.csv.journal", "stderr"]


@pytest.mark.parametrize("kind", ["server", "tracker"])
def test_a_helper_that_is_killed_costs_nothing_and_is_replaced(batch: Batch, kind: str) -> None:
    """Workers outlive the server that forked them; the next that is started has a new one."""
    process = batch.start()
    batch.wait_for_workers(process)
    (victim,) = helpers_of(process.pid)[kind]
    os.kill(victim, signal.SIGKILL)
    worker = helpers_of(process.pid)["worker"][0]
    os.kill(worker, signal.SIGKILL)
    assert batch.require_end(process) == 3
    lost = set(batch.whole.splitlines()) - set(batch.output.read_bytes().splitlines())
    assert len({line.split(b",")[0] for line in lost}) <= 1
    assert batch.require_end(batch.start("--resume")) == 0
    assert batch.output.read_bytes() == batch.whole


# Workers that end at a moment of their own choice: the batch's own runner, with another function for what they do.
WORKERS = """
import os, signal, sys, time
from pathlib import Path
from segeval.batches import worker_processes
from segeval.batches.jobs import Job
from segeval.batches.runners import local_runner
from segeval.readers import Input
from segeval.settings import Settings

work, how, cases, folder = worker_processes._serve, sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def deadly(pipe, *arguments):
    class Pipe:
        def send(self, answer):
            if how == "before it is ready" or (how == "at first" and claim(5)):
                die()
            if answer is not None and answer.result.case == "case_004":
                if how == "amid its answer":
                    os.write(pipe.fileno(), b"\\0\\0\\xff\\xff" + b"half of it")
                if how != "at first":
                    die()
            pipe.send(answer)
        def recv(self):
            return pipe.recv()
    work(Pipe(), *arguments)

def claim(most):
    for number in range(most):
        try:
            (folder / f"claim_{number}").touch(exist_ok=False)
            return True
        except FileExistsError:
            pass
    return False

if __name__ == "__main__":
    worker_processes._serve = deadly
    sides = [[Input(cases / f"{side}/case_{n:03}.nii.gz") for side in "pr"] for n in range(9)]
    jobs = [Job(f"case_{n:03}", *pair) for n, pair in enumerate(sides)]
    try:
        for job, finished in local_runner(2)(jobs, Settings(), False):
            print(job.case, finished.result.status)
    except worker_processes.WorkerError as problem:
        print("refused", problem)
"""


@pytest.fixture
def deadly(batch: Batch) -> Callable[[str], list[str]]:
    """What becomes of nine cases, in order, where workers die at some moment."""
    script = batch.folder / "workers.py"
    script.write_text(WORKERS)

    def run(how: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, script, how, batch.cases, batch.folder],
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
            check=True,
        )
        assert done.stderr == ""
        return sorted(done.stdout.splitlines())

    return run


@pytest.mark.parametrize("how", ["amid its answer", "with its answer"])
def test_a_worker_that_dies_costs_its_case_alone(deadly: Callable[[str], list[str]], how: str) -> None:
    """Half a message in a pipe that others share would be waited for without an end."""
    assert deadly(how) == [f"case_{n:03} {'error' if n == 4 else 'ok'}" for n in range(9)]


def test_workers_that_die_before_they_have_a_case_cost_none(deadly: Callable[[str], list[str]]) -> None:
    assert deadly("at first") == [f"case_{n:03} ok" for n in range(9)]


def test_workers_that_die_one_after_the_other_end_the_batch(deadly: Callable[[str], list[str]]) -> None:
    (words,) = deadly("before it is ready")
    assert re.search(r"refused the worker processes cannot be started: 1[12] of them died before they did", words)
    assert "run again with fewer --workers" in words


# Every interpreter imports sitecustomize; this one ends those that would fork workers, while there is a certain file.
NO_SERVER = """
import os, sys
from pathlib import Path
if any("forkserver" in word for word in sys.orig_argv) and Path(__file__).with_name("no_server").exists():
    os._exit(1)
"""


@pytest.fixture
def no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that keeps servers of workers from starting."""
    (tmp_path / "sitecustomize.py").write_text(NO_SERVER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    return tmp_path / "no_server"


def test_a_server_that_cannot_start_is_exit_3(batch: Batch, no_server: Path) -> None:
    no_server.touch()
    assert batch.require_end(batch.start()) == 3
    assert batch.words().startswith("segeval: the worker processes cannot be started")
    assert batch.words().count("\n") == 1
    assert not batch.output.exists()


def test_a_worker_goes_on_alone_where_no_other_can_be_started(batch: Batch, no_server: Path) -> None:
    process = batch.start()
    batch.wait_for_workers(process)
    no_server.touch()
    helpers = helpers_of(process.pid)
    os.kill(helpers["server"][0], signal.SIGKILL)
    os.kill(helpers["worker"][0], signal.SIGKILL)
    assert batch.require_end(process) == 3
    lost = set(batch.whole.splitlines()) - set(batch.output.read_bytes().splitlines())
    assert len({line.split(b",")[0] for line in lost}) == 1

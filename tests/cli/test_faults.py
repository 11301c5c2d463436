"""Full disks, folders that cannot be written, poor environments: nothing lost, nothing half written."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

COMMAND = [sys.executable, "-m", "segeval"]
CASES = 30
QUICK = ("--metrics", "dice", "--format", "csv")


@pytest.fixture
def folders(tmp_path: Path, nifti: Any) -> tuple[Path, Path]:
    """Predictions and references of small cases."""
    random = np.random.default_rng(0)
    for case in range(CASES):
        for side in ("p", "r"):
            nifti(f"{side}/case_{case:02}.nii.gz", random.integers(0, 3, (6, 5, 4)).astype(np.uint8))
    return tmp_path / "p", tmp_path / "r"


def finished(command: list[Any], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), capture_output=True, encoding="utf-8", timeout=60, check=False, **options
    )


def test_a_disk_that_fills_up_leaves_no_half_output(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """A limit on the size of files is a full disk to whoever writes; its signal must not kill either."""
    output = tmp_path / "out.json"
    output.write_text("yesterday")
    prediction, reference = (sorted(folder.iterdir())[0] for folder in folders)

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))

    done = finished([*COMMAND, "score", prediction, reference, "-o", output], preexec_fn=small_disk)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert f"{output}: cannot be written (File too large)" in done.stderr
    assert output.read_text() == "yesterday"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "p", "r"]


def test_a_journal_that_cannot_grow_is_exit_3(folders: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "out.csv"

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    command = [*COMMAND, "batch", *folders, *QUICK, "--workers", "1", "-o", output]
    done = finished(command, preexec_fn=small_disk)
    assert (done.returncode, done.stdout) == (3, "")
    assert "Traceback" not in done.stderr
    assert "out.csv.journal: cannot be written (File too large); free some space" in done.stderr
    assert not output.exists()
    assert finished([*command, "--resume"]).returncode == 0


@pytest.mark.parametrize("arguments", [("score",), ("batch",)], ids=" ".join)
def test_a_folder_that_cannot_be_written_is_exit_3(arguments: tuple[str, ...], folders: tuple[Path, Path]) -> None:
    """/proc refuses new files to everybody, root included."""
    files = folders if arguments == ("batch",) else tuple(sorted(folder.iterdir())[0] for folder in folders)
    done = finished([*COMMAND, *arguments, *files, *QUICK, "-o", "/proc/out.csv"])
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "/proc/out.csv" in done.stderr
    assert "check the folder" in done.stderr


POOR = {
    "nothing at all": {},
    "a POSIX locale": {"LC_ALL": "C", "LANG": "C"},
    "a locale that is none": {"LC_ALL": "xx_YY.nonsense"},
    "ASCII streams": {"PYTHONIOENCODING": "ascii"},
    "UTF-16 streams": {"PYTHONIOENCODING": "utf-16"},
    "no home": {"HOME": "/nonexistent"},
    "a dumb terminal of no columns": {"TERM": "dumb", "COLUMNS": "0"},
    "columns that are no number": {"COLUMNS": "many"},
}


@pytest.mark.parametrize("poor", list(POOR))
@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_poor_environment_changes_no_number(poor: str, form: str, folders: tuple[Path, Path], nifti: Any) -> None:
    reference = sorted(folders[1].iterdir())[0]
    prediction = nifti("Größe 肝.nii.gz", (np.arange(120).reshape(6, 5, 4) % 3).astype(np.uint8))
    command = [*COMMAND, "score", prediction, reference, "--metrics", "dice", "--format", form]
    roots = {name: os.environ[name] for name in ("PYTHONPATH", "VIRTUAL_ENV") if name in os.environ}
    normal = subprocess.run(command, capture_output=True, timeout=60, check=True, stdin=subprocess.DEVNULL)
    done = subprocess.run(
        command, capture_output=True, timeout=60, check=False, env={**roots, **POOR[poor]}, stdin=subprocess.DEVNULL
    )
    encoding = "utf-16" if poor.startswith("UTF-16") else "utf-8"
    assert (done.returncode, done.stderr.decode(encoding)) == (0, ""), done
    numbers = [line.split()[-1] for line in normal.stdout.decode().splitlines() if "0." in line]
    assert numbers
    assert all(number.rsplit(",")[-1] in done.stdout.decode(encoding) for number in numbers)


def test_two_writers_of_one_output_leave_one_whole_report(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Pairs are scored without a lock: whoever is last wins, and nobody's bytes are mixed."""
    files = [sorted(folder.iterdir())[0] for folder in folders]
    output = tmp_path / "out.json"
    commands = [[*COMMAND, "score", *files, "--metrics", m, "-o", output] for m in ("dice", "iou", "tp,fp,fn")]
    processes = [subprocess.Popen(list(map(str, c)), stdout=subprocess.DEVNULL) for c in commands * 2]
    assert [process.wait(60) for process in processes] == [0] * 6
    assert json.loads(output.read_text())["settings"]["metrics"] in (["dice"], ["iou"], ["tp", "fp", "fn"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "p", "r"]


# The C library's wall clock, an hour earlier each time that anybody looks at it, from 2033 on.
CLOCK = """
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
static time_t next_time(void) { static time_t now = 2000000000; return __sync_sub_and_fetch(&now, 3600); }
int clock_gettime(clockid_t clock, struct timespec *found) {
    long code = syscall(SYS_clock_gettime, clock, found);
    if (code == 0 && clock == CLOCK_REALTIME) found->tv_sec = next_time();
    return (int)code;
}
int gettimeofday(struct timeval *restrict found, void *restrict zone) {
    (void)zone; found->tv_sec = next_time(); found->tv_usec = 0; return 0;
}
time_t time(time_t *found) { time_t now = next_time(); if (found) *found = now; return now; }
"""


@pytest.fixture(scope="session")
def backwards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which every process sees the clock go backwards."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler and a preloaded library")
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "clock.so", folder / "clock.c"], check=True)
    return {**os.environ, "LD_PRELOAD": str(folder / "clock.so")}


def test_a_clock_that_goes_backwards_loses_no_case(
    folders: tuple[Path, Path], tmp_path: Path, backwards: dict[str, str]
) -> None:
    """Nothing that is decided asks for the time: files from the future, and a journal that is older than they are."""
    look = [sys.executable, "-c", "import time; print(time.time() > time.time() > time.time())"]
    assert finished(look, env=backwards).stdout == "True\n"
    output = tmp_path / "out.csv"
    command = [*COMMAND, "batch", *folders, "--metrics", "dice", "--workers", "2", "-o", output]
    assert finished(command).returncode == 0
    first = output.read_bytes()
    for path in folders[0].iterdir():
        os.utime(path, (4e9, 4e9))
    fresh = finished([*command, "--provenance", tmp_path / "run.json"], env=backwards)
    assert (fresh.returncode, fresh.stderr, output.read_bytes()) == (0, "", first)
    assert json.loads((tmp_path / "run.json").read_text())["time"] < "2033-05-18T03:33:20Z"
    os.utime(tmp_path / "out.csv.journal", (1, 1))
    again = finished([*command, "--resume"], env=backwards)
    assert (again.returncode, output.read_bytes()) == (0, first)
    assert f"resumed: {CASES} of {CASES}" in again.stderr
    os.utime(folders[0] / "case_03.nii.gz", (1e9, 1e9))  # an older file than before is another file
    assert f"resumed: {CASES - 1} of {CASES}" in finished([*command, "--resume"], env=backwards).stderr


def test_a_manifest_cannot_make_it_write_anywhere_but_to_its_output(
    folders: tuple[Path, Path], tmp_path: Path, segeval: Any
) -> None:
    manifest = tmp_path / "m.csv"
    good = sorted(folders[1].iterdir())[0]
    names = ("../../escape", "/tmp/escape", "a/b", "$(touch escape)", "=cmd|'x'!A1", "-o", "a\x1b[2Jb")  # noqa: S108
    manifest.write_text("case,prediction,reference\n" + "".join(f'"{name}",{good},{good}\n' for name in names))
    out = tmp_path / "out"
    out.mkdir()
    before = set(tmp_path.rglob("*"))
    run = segeval("batch", "--manifest", manifest, "--metrics", "dice", "-o", out / "r.csv", "-o", out / "r.json")
    assert run.code == 0
    assert "\x1b" not in run.out
    new = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} - {
        str(path.relative_to(tmp_path)) for path in before
    }
    assert new == {"out/r.csv", "out/r.json", "out/r.csv.journal"}
    assert not Path("/tmp/escape").exists()  # noqa: S108
    run = segeval("batch", "--manifest", manifest, "--metrics", "dice", "-o", manifest)
    assert run.code == 2
    assert manifest.read_text().startswith("case,")


def test_links_in_a_circle_end(tmp_path: Path, nifti: Any, segeval: Any) -> None:
    for side in ("p", "r"):
        nifti(f"{side}/deep/case.nii.gz", np.ones((3, 3, 3), np.uint8))
        (tmp_path / side / "deep" / "up").symlink_to(tmp_path / side)
        (tmp_path / side / "across").symlink_to(tmp_path)
        (tmp_path / side / "self").symlink_to(tmp_path / side / "self")
    run = segeval("batch", tmp_path / "p" / "deep", tmp_path / "r" / "deep", "--metrics", "dice", "--format", "json")
    assert run.code == 0
    assert [case["case"] for case in run.json["cases"]] == ["case"]
    assert segeval("batch", tmp_path / "p", tmp_path / "r", "--dry-run").code in (0, 3)

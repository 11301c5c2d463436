"""Completion in the shells themselves: the keys that a user types, and the line that comes of them."""

from __future__ import annotations

import os
import re
import select
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segeval.choices import GROUPS
from segeval.cli.app import _COMMANDS
from segeval.quantities import all_quantities
from segeval.settings.protocols import protocol_names

pty = pytest.importorskip("pty", reason="needs a terminal of POSIX")

Run = Callable[..., Any]
SHELLS = {"bash": ["bash", "--noprofile", "-i"], "zsh": ["zsh", "-i"]}
PROGRAM = Path(sys.executable).parent / "segeval"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with nothing in it but files to complete; the program is on the path."""
    folder = tmp_path / "a user"
    folder.mkdir()
    for name in ("scan one.nii.gz", "reference.nii.gz"):
        (folder / name).touch()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TERM", "dumb")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR", "SHELL"):
        monkeypatch.delenv(name, raising=False)
    return folder


def line_after(shell: str, keys: str, home: Path) -> str:
    """What stands on an interactive shell's line after these keys: it is given to a function that prints it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execvp(SHELLS[shell][0], SHELLS[shell])  # noqa: S606
    try:
        os.write(terminal, b"show() { printf '<%s>' \"$*\"; }\r")
        os.write(terminal, f"{keys}\x01show '\x05'\r".encode())  # to the line's begin, and its end
        seen, patience = "", time.monotonic() + 60
        while (found := re.search(r"<(segeval[^<>]*)>", seen)) is None and time.monotonic() < patience:
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536).decode(errors="replace")
        assert found is not None, seen
        return found[1]
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("segeval sco\t", "segeval score"),
        ("segeval score --metr\t", "segeval score --metrics"),
        ("segeval score --format mark\t", "segeval score --format markdown"),
        ("segeval score --format=mark\t", "segeval score --format=markdown"),
        ("segeval batch --protocol toothfairy2024\t", "segeval batch --protocol toothfairy2024"),
        ("segeval score --metrics dice,frequency_w\t", "segeval score --metrics dice,frequency_weighted_iou"),
        ("segeval quantities cldi\t", "segeval quantities cldice"),
        ("segeval score --labels refer\t", "segeval score --labels reference.nii.gz"),
        ("segeval score refer\t", "segeval score reference.nii.gz"),
        ("segeval score sca\t", "segeval score scan\\ one.nii.gz"),
        ("segeval compare -- --met\t", "segeval compare -- --met"),
    ],
)  # fmt: skip
def test_a_tab_in_a_shell(shell: str, keys: str, line: str, home: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([PROGRAM, "completion", shell, "--install"], check=True, stdout=subprocess.PIPE)
    assert line_after(shell, keys, home).rstrip() == line  # zsh takes the blank behind a word back


def offered_by_fish(line: str, home: Path) -> dict[str, str]:
    code = "complete --do-complete $argv[1]"
    done = subprocess.run(
        ["fish", "--command", code, line], cwd=home, check=True, capture_output=True, encoding="utf-8"
    )
    return dict(found.partition("\t")[::2] for found in done.stdout.splitlines())


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_what_fish_offers(home: Path) -> None:
    subprocess.run([PROGRAM, "completion", "fish", "--install"], check=True, stdout=subprocess.PIPE)
    assert set(offered_by_fish("segeval ", home)) == set(_COMMANDS)
    assert offered_by_fish("segeval score --metr", home)["--metrics"].startswith("Quantities, groups of them")
    assert set(offered_by_fish("segeval score --metrics ", home)) == {*GROUPS, *(one.name for one in all_quantities())}
    assert set(offered_by_fish("segeval batch --protocol ", home)) == {*protocol_names(), "brats-lesionwise"}
    assert set(offered_by_fish("segeval batch --protocol=toothfairy2024", home)) == {"--protocol=toothfairy2024"}
    assert set(offered_by_fish("segeval inspect --format ", home)) == {"table", "json"}
    assert set(offered_by_fish("segeval score ", home)) == {"scan one.nii.gz", "reference.nii.gz"}


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_option_of_the_help_is_offered(segeval: Run, command: str) -> None:
    spelt = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", segeval(command, "--help").out, re.MULTILINE))
    offered = {line.partition("\t")[0] for line in segeval("completion", "zsh", "--", command, "--").out.splitlines()}
    assert spelt
    assert spelt - offered == set()


def test_an_answer_is_one_line(segeval: Run) -> None:
    for command in _COMMANDS:
        lines = segeval("completion", "fish", "--", command, "--").out.splitlines()
        assert lines
        for line in lines:
            assert re.fullmatch(r"--[\w-]+\t[^\t]{0,92}", line)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense", "--"],
        ["score", "a", "b", ""],
        ["score", "--labels", ""],
        ["score", "\udcff"],
        ["score", "--no=\ud800", "="],
    ],
)
def test_where_a_file_or_nothing_is_meant_nothing_is_offered(segeval: Run, words: list[str]) -> None:
    done = segeval("completion", "zsh", "--", *words)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_installing_twice_changes_nothing(segeval: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start_up = home / ".bashrc"
    start_up.write_bytes(b"PS1=\xff")  # of another encoding, and its last line is not ended
    start_up.chmod(0o640)
    monkeypatch.setenv("SHELL", "/usr/local/bin/bash")
    for _ in range(2):
        done = segeval("completion", "--install")
        assert done.code == 0
        assert str(start_up) in done.out
    first, second = start_up.read_bytes().splitlines()
    assert first == b"PS1=\xff"
    assert second.endswith(b"# completion of segeval")
    assert stat.S_IMODE(start_up.stat().st_mode) == 0o640


@pytest.mark.usefixtures("home")
def test_a_shell_that_is_not_known(segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert segeval("completion", "--install").code == 2
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    done = segeval("completion")
    assert done.code == 2
    assert done.err == "segeval: SHELL=/bin/tcsh: is none of bash, zsh and fish; say which: completion bash\n"


def test_a_start_up_file_that_cannot_be_written(segeval: Run, home: Path) -> None:
    (home / ".zshrc").mkdir()
    done = segeval("completion", "zsh", "--install")
    assert done.code == 3
    assert done.err.startswith(f"segeval: {home / '.zshrc'}: cannot be written (Is a directory); add this line to it: ")

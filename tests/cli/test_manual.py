"""The manual: it says what the help says, and the programs that show it find nothing wrong with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from segeval.cli.app import _COMMANDS, _built
from segeval.cli.manual import pages

MANUAL = Path(__file__).parents[2] / "man"
NAMES = sorted(path.name for path in MANUAL.glob("*.1"))


def shown(name: str) -> str:
    """A page as a terminal of 500 columns shows it, so that no line is broken."""
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    environment = {
        k: v for k, v in os.environ.items() if k not in ("MANROFFOPT", "LANG", "LC_ALL", "MAN_KEEP_FORMATTING")
    }
    environment |= {"MANWIDTH": "500", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["man", "--local-file", "--warnings=w", MANUAL / name],
        env=environment, check=True, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_the_manual_is_that_of_the_commands() -> None:
    """Else: python -m segeval.cli.manual man"""
    assert {path.name: path.read_text(encoding="utf-8") for path in MANUAL.iterdir()} == pages()


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_mandoc_finds_nothing_wrong(name: str) -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", MANUAL / name], capture_output=True, encoding="utf-8"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_page_shows_every_option_and_all_of_its_help(command: str) -> None:
    page = shown(f"segeval-{command}.1")
    lines = {re.sub(r"\s+", " ", line).strip() for line in page.splitlines()}
    for parameter in _built(command).params:
        help_ = " ".join((parameter.help or "").split())
        assert parameter.hidden or any(help_ in line for line in lines), parameter.name
        if parameter.param_type_name == "option":
            assert any(line.startswith(", ".join(parameter.opts[::-1])) for line in lines), parameter.name


def test_the_first_page_names_every_command_and_exit_code() -> None:
    page = shown("segeval.1")
    for command, line in _COMMANDS.items():
        assert re.search(rf"^ +{command}\s+{re.escape(line)}$", page, re.MULTILINE), command
    codes = page.partition("EXIT STATUS")[2].partition("SEE ALSO")[0]
    assert re.findall(r"^ +(\d+) ", codes, re.MULTILINE) == ["0", "1", "2", "3", "4", "130"]


def test_what_roff_takes_for_its_own_is_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A line that begins with a dot, backslashes and quotes come out as they are written."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    odd = ".SH 'NOT' a \\fBheading\\fR, ~^`--x`"
    monkeypatch.setitem(_COMMANDS, "merge", odd)
    page = tmp_path / "segeval.1"
    page.write_text(pages()["segeval.1"], encoding="utf-8")
    done: Any = subprocess.run(
        ["mandoc", "-T", "utf8", "-O", "width=200", page], capture_output=True, encoding="utf-8", check=True
    )
    assert odd in re.sub(r".\x08", "", done.stdout)

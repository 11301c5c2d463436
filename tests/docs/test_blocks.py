"""Every block of commands or Python runs, in the order of its page, in a folder that holds what the page names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from doc_blocks import ROOT, RUN, Block, blocks_of, pages
from doc_scene import make_scene

import segeval

BY_PAGE = {page.relative_to(ROOT).as_posix(): list(blocks_of(page)) for page in pages()}
RUNNING = [name for name, blocks in BY_PAGE.items() if any(block.language in RUN for block in blocks)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scene") / "files"
    folder.mkdir()
    make_scene(folder)
    return folder


# Each process that writes a page has Vega bundled anew, for longer than the rest of it takes.
ONE_BUNDLE = """
import sys
from pathlib import Path
here = Path(__file__).parent
sys.path.remove(str(here))
del sys.modules["vl_convert"]
import vl_convert
make = vl_convert.javascript_bundle
def javascript_bundle(snippet):
    kept = here / "bundle.js"
    if not kept.exists():
        kept.write_text(snippet + "\\0" + make(snippet), "utf-8")
    of, _, bundle = kept.read_text("utf-8").partition("\\0")
    assert of == snippet
    return bundle
vl_convert.javascript_bundle = javascript_bundle
"""


@pytest.fixture(scope="session")
def one_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of modules: the scripts of pages are made once for all processes."""
    folder = tmp_path_factory.mktemp("one_bundle")
    (folder / "vl_convert.py").write_text(ONE_BUNDLE, "utf-8")
    return folder


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_bundle: Path) -> None:
    """``segeval`` and ``python`` are the ones under test."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, words in (("segeval", "-m segeval"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{one_bundle}{os.pathsep}{Path(segeval.__file__).parents[1]}")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("SEGEVAL_FORMAT", "CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def run_in_shell(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the commands of a block print, and how they end: the first one that fails ends them."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", timeout=600, check=False,
    )  # fmt: skip


@pytest.mark.timeout(900)  # twenty commands of the README on a machine that is busy
@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("name", RUNNING)
def test_every_block_of_a_page_runs(name: str, scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "files"
    shutil.copytree(scene, folder)
    monkeypatch.chdir(folder)
    names = names_before(name)
    printed = ""
    for block in BY_PAGE[name]:
        if block.output:
            require_printed(block, printed)
        if block.not_run is not None or block.language not in RUN or block.lacks:
            continue
        if block.language in ("sh", "yaml"):
            commands = block.text if block.language == "sh" else "\n".join(commands_of(block.text))
            done = run_in_shell(commands, folder)
            printed = done.stdout
            assert done.returncode == 0, f"{block.where}: exit {done.returncode}\n{commands}\n{printed}"
        else:
            exec(compile(block.text, block.where, "exec"), names)  # noqa: S102
    lacks = {module for block in BY_PAGE[name] for module in block.lacks}
    if lacks:
        pytest.skip(f"{name}: the other blocks ran; some need {', '.join(sorted(lacks))}, which .ci/recipes installs")
    require_end(name, names)


def commands_of(job: str) -> list[str]:
    """The commands of a CI's job that are ours."""

    def texts(part: Any) -> Iterator[str]:
        if isinstance(part, str):
            yield part
        for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from texts(one)

    return [text for text in texts(yaml.safe_load(job)) if text.startswith("segeval ")]


def require_printed(block: Block, printed: str) -> None:
    """Every line that the page shows was printed, but for those that stand for others (…)."""
    lines = {" ".join(line.split()) for line in printed.splitlines()}
    shown = [" ".join(line.split()) for line in block.text.splitlines() if line.strip() and "…" not in line]
    assert shown, block.where
    assert [line for line in shown if line not in lines] == [], f"{block.where}: was not printed\n{printed}"


def names_before(name: str) -> dict[str, Any]:
    """What the README's Python takes for granted."""
    if name != "README.md":
        return {}
    labels = np.random.default_rng(0).integers(0, 3, (8, 8, 8))
    probabilities = np.moveaxis(np.eye(3)[labels], -1, 0)
    other = segeval.count(probabilities, labels, class_axis=0).to_bytes()
    return {"probabilities": probabilities, "labels": labels, "other": other}


def require_end(name: str, names: dict[str, Any]) -> None:
    """What the page on Python is about has come of it."""
    if name == "docs/python.md":
        assert set(names["values"]) >= {"val/liver/dice", "val/tumor/dice", "val/mean/ce"}
        assert [case.status for case in names["report"].worst(1)] == ["ok"]
        assert len(names["again"].cases) == 1
    if name == "docs/how-to/monai.md":
        saved = segeval.evaluate_folder(
            "monai/output", "references", metrics="dice,hd95", case_pattern=r"(?P<case>case_\d+)"
        )
        in_the_loop = [row.values for report in names["reports"] for row in report.cases[0].rows]
        assert [row.values for case in saved.cases for row in case.rows] == in_the_loop


def test_a_block_that_does_not_run_says_why() -> None:
    reasons = {
        block.where: block.not_run for blocks in BY_PAGE.values() for block in blocks if block.not_run is not None
    }
    assert all(len(reason) > 5 for reason in reasons.values()), reasons
    needed = {module for blocks in BY_PAGE.values() for block in blocks for module in block.needs}
    with_recipes = re.findall(r"^[a-z]+", (ROOT / "examples/requirements.txt").read_text("utf-8"), re.M)
    assert needed <= set(with_recipes), "nothing runs blocks that need what .ci/recipes does not install"
    languages = {block.language for blocks in BY_PAGE.values() for block in blocks}
    assert languages.isdisjoint({"bash", "shell", "console", "zsh", "py"}), "a block that runs is called sh or python"


def test_commands_stand_in_blocks_that_run() -> None:
    """A line that begins with the program is no plain text."""
    plain = [block for blocks in BY_PAGE.values() for block in blocks if block.language == "text"]
    assert [block.where for block in plain if any(x.startswith("segeval ") for x in block.text.splitlines())] == []

"""The walk of CONTRIBUTING.md: its patch is applied to a copy of the tree, and its commands are run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(not (ROOT / "segeval").is_dir(), reason="the package's source is not beside the tests"),
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the patch; a program called segeval runs the copy."""
    tree = tmp_path_factory.mktemp("contributing")
    for name in ("segeval", "tests", "sample_data", "docs"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    (patch,) = blocks("diff")
    apply = ["git", "apply", "-"]
    subprocess.run(apply, cwd=tree, input=patch, encoding="utf-8", check=True)
    (tree / "programs").mkdir()
    for name, arguments in (("python", ""), ("segeval", "-m segeval")):
        program = tree / "programs" / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        program.chmod(0o755)
    return tree


def blocks(language: str) -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(tree: Path, command: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "SEGEVAL_"))}
    environment |= {
        "PATH": f"{tree / 'programs'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tree),
        "TMPDIR": str(tree),
    }
    done = subprocess.run(
        ["sh", "-c", command], cwd=tree, env=environment, capture_output=True, encoding="utf-8"
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_walk(tree: Path) -> None:
    tests, explained, scored = blocks("sh")[1].strip().splitlines()
    assert "passed" in run(tree, tests)
    assert "Chang et al. 2009" in run(tree, explained)
    dice, conformity = map(float, re.findall(r"^1 +(-?\d\.\d{4})", run(tree, scored), re.MULTILINE))  # of two tables
    assert dice == 0.9507
    assert conformity == pytest.approx((3 * dice - 2) / dice, abs=3e-4)


def test_the_copy_is_what_runs(tree: Path) -> None:
    """Else the walk would test the tree itself."""
    where = run(tree, "python -c 'import segeval; print(segeval.__file__)'")
    assert Path(where.strip()).is_relative_to(tree)


def test_what_the_page_links_to_is_there() -> None:
    for name in ("CONTRIBUTING.md", "RELEASING.md", "CODE_OF_CONDUCT.md"):
        for path in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), path

"""What is installed: the wheel holds every file of the package, and the source distribution what the tests need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "segeval"

pytestmark = pytest.mark.skipif(not PACKAGE.is_dir(), reason="the package's source is not beside the tests")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and a source distribution of this tree, without what an earlier build has left."""
    folder = tmp_path_factory.mktemp("built")
    aside = shutil.ignore_patterns(
        ".git", ".venv*", ".real-packages*", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build", "dist"
    )
    shutil.copytree(ROOT, folder / "tree", ignore=aside)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "tree"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "dist"


def test_the_wheel_holds_every_file_of_the_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("segeval/")}
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert held == {path.relative_to(ROOT).as_posix() for path in files}
    assert {".py", ".toml", ".cu", ".js", ".css", ".jinja"} <= {path.suffix for path in files}


def test_the_wheel_holds_nothing_beside_the_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in folders if not name.endswith((".dist-info", ".data"))} == {"segeval"}


def test_the_wheel_installs_the_manual(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    pages = {name.partition("/")[2] for name in zipfile.ZipFile(wheel).namelist() if ".data/" in name}
    assert pages == {f"data/share/man/man1/{path.name}" for path in (ROOT / "man").iterdir()}
    assert "data/share/man/man1/segeval.1" in pages


def test_the_tests_run_from_the_source_distribution(built: Path) -> None:
    """As distributions run them: it holds the tests and what they read."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        held = {name.partition("/")[2] for name in tar.getnames()}
    for folder in (
        "tests",
        "sample_data",
        "docs",
        "benchmarks",
        "containers",
        "conda",
        "examples",
        "man",
        ".ci",
        ".github",
    ):
        files = {path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        assert {path.relative_to(ROOT).as_posix() for path in files} - held == set()
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "action.yml"} <= held

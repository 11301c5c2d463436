"""What tells others about the project, and what they run: held to the schemas of those who read it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from scripts import loaded

from segeval.version import DATE, __version__

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

READ_BY = {
    "CITATION.cff": "vendor.citation-file-format",
    "action.yml": "vendor.github-actions",
    "examples/ci/.gitlab-ci.yml": "vendor.gitlab-ci",
    "examples/ci/github.yml": "vendor.github-workflows",
    ".github/workflows/*.yml": "vendor.github-workflows",
    ".github/ISSUE_TEMPLATE/[!c]*.yml": "vendor.github-issue-forms",
    ".github/ISSUE_TEMPLATE/config.yml": "vendor.github-issue-config",
}


def script(name: str) -> ModuleType:
    """A script of .ci, as a module."""
    return loaded(ROOT / ".ci" / f"{name}.py")


@pytest.mark.skipif(importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed")
@pytest.mark.parametrize(("pattern", "schema"), READ_BY.items())
def test_a_file_is_as_its_readers_schema_says(pattern: str, schema: str) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files],
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["date-released"]) == (__version__, DATE)
    assert citation["license"] == PROJECT["license"]


@pytest.mark.skipif(not (ROOT / "segeval").is_dir(), reason="the package's source is not beside the tests")
def test_what_a_release_must_agree_on() -> None:
    released = script("released")
    wrong = released.problems(f"v{__version__}")
    assert [line for line in wrong if not line.startswith("CHANGELOG.md, date: ")] == []
    every = released.problems("v99.0.0")
    assert [line.partition(":")[0] for line in every][:4] == [
        "segeval/version.py", "CITATION.cff", "CHANGELOG.md", "conda/recipe.yaml",
    ]  # fmt: skip


def test_the_changelog_keeps_what_is_new_from_what_is_mended() -> None:
    """keepachangelog.com: the kinds of changes in its order, and every entry under one."""
    kinds = ["### Added", "### Changed", "### Deprecated", "### Removed", "### Fixed", "### Security"]
    for release in re.split(r"^(?=## )", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.M)[1:]:
        heading, *lines = [line for line in release.splitlines() if line.startswith(("#", "- "))]
        there = [line for line in lines if line.startswith("#")]
        assert there == [kind for kind in kinds if kind in there], heading
        assert not lines or lines[0] in kinds, heading


def test_only_the_job_that_publishes_may_write() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        writes = {scope for scope, right in job["permissions"].items() if right == "write"}
        assert writes == ({"contents", "id-token", "attestations"} if name == "publish" else set())
    publish = workflow["jobs"]["publish"]
    assert set(publish["needs"]) == set(workflow["jobs"]) - {"publish"}
    assert not any("run" in step and "${{" in step["run"] for step in publish["steps"])
    assert "password" not in str(publish)  # trusted publishing has no token


def test_the_supported_versions_of_python_are_tested() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    tested = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tested[0] == PROJECT["requires-python"].removeprefix(">=")
    assert tested == [f"3.{minor}" for minor in range(11, 11 + len(tested))]
    assert f"for minor in {' '.join(version[2:] for version in tested)}" in (ROOT / ".ci/wheel").read_text("utf-8")


# Requirements

ON_CONDA = {"isal": "python-isal"}
"""What conda-forge calls by another name."""


def test_the_conda_recipe_requires_what_the_package_requires() -> None:
    recipe = yaml.safe_load((ROOT / "conda/recipe.yaml").read_text(encoding="utf-8"))
    required = set()
    for requirement in PROJECT["dependencies"]:
        name, bounds = re.fullmatch(r"([\w-]+)(.*)", requirement.lower()).groups()  # type: ignore[union-attr]
        required.add(f"{ON_CONDA.get(name, name)} {bounds}")
    python, *others = recipe["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    assert recipe["context"]["python_min"] == PROJECT["requires-python"].removeprefix(">=")
    assert recipe["context"]["version"] == __version__
    assert set(others) == required
    assert recipe["build"]["python"]["entry_points"] == [f"segeval = {PROJECT['scripts']['segeval']}"]


def test_every_upper_bound_has_its_reason_and_is_watched() -> None:
    bounds = script("upper_bounds")
    assert set(bounds.bounded()) == set(bounds.REASONS)
    for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        if any(f'"{requirement}"' in line for requirement in bounds.bounded().values()):
            assert re.search(r"# .{20,}", line), line


# Containers


@pytest.mark.parametrize("name", ["segeval", "grand-challenge"])
def test_a_container_drops_root_and_pins_a_version(name: str) -> None:
    lines = (ROOT / "containers" / name / "Dockerfile").read_text(encoding="utf-8").splitlines()
    entry = next(n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
    users = [line for line in lines[:entry] if line.startswith("USER ")]
    assert users[-1] in ("USER 1000", "USER evaluator")
    assert [line for line in lines if re.match(r"ARG SEGEVAL=segeval-cli(\[\w+\])?==" + re.escape(__version__), line)]

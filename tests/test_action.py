"""The GitHub action: its steps run as a shell runs them; only pip is a stand-in that writes down what it is told."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import segeval

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "sample_data"
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(BASH is None, reason="needs bash")

EXPRESSION = re.compile(r"\$\{\{\s*inputs\.(\w+)(?:\s*\|\|\s*'([^']*)')?\s*\}\}")


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the sample data; its liver has a Dice of 0.95, its tumor one of 0.59."""
    path = tmp_path_factory.mktemp("action") / "the results.json"
    found = segeval.evaluate(
        SAMPLES / "prediction.nii.gz", SAMPLES / "reference.nii.gz", labels=SAMPLES / "labels.json", metrics="dice"
    )
    path.write_text(found.to_json())
    return path


@pytest.fixture
def act(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the action with these inputs, as a runner does: each step in bash, until one fails."""
    programs = tmp_path / "programs"
    programs.mkdir()
    record = tmp_path / "pip.json"
    pip = programs / "pip"
    pip.write_text(f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open({str(record)!r}, 'w'))\n")
    pip.chmod(0o755)
    (programs / "segeval").symlink_to(Path(sys.executable).parent / "segeval")

    def run(**given: str) -> subprocess.CompletedProcess[str]:
        action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        inputs = {name: entry.get("default", "") for name, entry in action["inputs"].items()} | given
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "SEGEVAL_"))}
        for step in action["runs"]["steps"]:
            assert step["shell"] == "bash"
            assert "${{" not in step["run"]  # inputs are data: the environment brings them
            stated = {name: filled(text, inputs) for name, text in step["env"].items()}
            environment = inherited | stated | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
            script = tmp_path / "step.sh"
            script.write_text(step["run"])
            done = subprocess.run(
                [str(BASH), "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8",
            )  # fmt: skip
            if done.returncode:
                break
        return done

    return run


def filled(text: str, inputs: dict[str, str]) -> str:
    """GitHub's expressions, as far as the action uses them."""
    done = EXPRESSION.sub(lambda found: inputs[found[1]] or found[2] or "", text)
    assert "${{" not in done
    return done


def installed(tmp_path: Path) -> Any:
    return json.loads((tmp_path / "pip.json").read_text(encoding="utf-8"))


def test_the_action_says_what_a_composite_action_must() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert action["name"]
    assert action["description"]
    assert action["runs"]["using"] == "composite"
    assert set(action["inputs"]) == {"results", "args", "junit", "version"}
    assert action["inputs"]["results"]["required"] is True
    assert all(set(step) == {"name", "shell", "env", "run"} for step in action["runs"]["steps"])  # it uses no other


def test_good_results_pass(act: Callable[..., Any], results: Path, tmp_path: Path) -> None:
    done = act(results=str(results), args="--require 'liver.dice >= 0.9' --require \"mean(dice) >= 0.8\"")
    assert done.returncode == 0, done.stderr
    assert "liver.dice >= 0.9" in done.stdout
    assert installed(tmp_path)[-2:] == ["--", "segeval-cli"]


def test_bad_results_fail_with_the_code_of_the_gate_and_a_junit_file(
    act: Callable[..., Any], results: Path, tmp_path: Path
) -> None:
    done = act(results=str(results), args="--require 'tumor.dice >= 0.9'", junit="the report.xml")
    assert done.returncode == 1, done.stderr
    assert "tumor.dice >= 0.9" in done.stdout
    assert "<failure" in (tmp_path / "the report.xml").read_text(encoding="utf-8")


def test_arguments_may_take_several_lines(act: Callable[..., Any], results: Path) -> None:
    done = act(results=str(results), args="--require 'liver.dice >= 0.9'\n--require 'tumor.dice >= 0.9'\n")
    assert done.returncode == 1, done.stderr


def test_two_folders_are_scored(act: Callable[..., Any], tmp_path: Path) -> None:
    for side in ("prediction", "reference"):
        (tmp_path / f"{side} s").mkdir()
        shutil.copy(SAMPLES / f"{side}.nii.gz", tmp_path / f"{side} s" / "case.nii.gz")
    done = act(results="prediction s\nreference s\n", args="--require 'mean(dice) >= 0.8'")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", ["$(touch owned)", "`touch owned`", "'; touch owned; '", '"$(touch owned)"'])
@pytest.mark.parametrize("name", ["results", "args", "junit", "version"])
def test_inputs_are_never_run(act: Callable[..., Any], results: Path, tmp_path: Path, name: str, text: str) -> None:
    act(**({"results": str(results), "args": "--require 'dice >= 0'"} | {name: text}))
    assert not (tmp_path / "owned").exists()


def test_a_quote_that_is_not_closed_is_said(act: Callable[..., Any], results: Path) -> None:
    done = act(results=str(results), args="--require 'dice >= 0")
    assert done.returncode == 2
    assert "::error::args: a quote is not closed: --require 'dice >= 0" in done.stdout


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.1.0", "segeval-cli==0.1.0"), ("segeval-cli>=1", "segeval-cli>=1"), (".", "."), ("--evil", "--evil")],
)
def test_what_is_installed(act: Callable[..., Any], results: Path, tmp_path: Path, version: str, expected: str) -> None:
    act(results=str(results), version=version)
    assert installed(tmp_path)[-2:] == ["--", expected]


def test_the_readmes_gate_works_in_under_ten_lines(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(text.splitlines()) < 10
    command = yaml.safe_load(text)["jobs"]["gate"]["steps"][-1]["run"]
    shutil.copy(SAMPLES / "labels.json", tmp_path)
    for folder, name in (("predictions", "prediction"), ("references", "reference")):
        (tmp_path / folder).mkdir()
        shutil.copy(SAMPLES / f"{name}.nii.gz", tmp_path / folder / "case.nii.gz")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "SEGEVAL_"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(line: str) -> int:
        return subprocess.run([str(BASH), "-e", "-c", line], cwd=tmp_path, env=environment).returncode

    assert run(f"{command} --update-baseline") == 0
    assert run(command) == 0
    baseline = tmp_path / "baseline.json"
    document = json.loads(baseline.read_text(encoding="utf-8"))
    for row in document["rows"]:
        row["dice"] = min(1.0, row["dice"] + 0.02)  # what was committed was better
    baseline.write_text(json.dumps(document))
    assert run(command) == 1

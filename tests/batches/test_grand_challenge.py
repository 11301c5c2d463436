"""The container's evaluation for grand-challenge.org, on a folder as the platform mounts it; values by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

RECIPE = Path(__file__).parents[2] / "containers" / "grand-challenge"
PROTOCOL = """
title = "Ours"
year = 2026
version = 1
source = "this test"
decides = "The Dice of the liver, in percent; a case that is missing has 0."
statistics = ["mean", "min"]
[options]
labels = { liver = 1 }
metrics = "dice:empty=1"
[columns]
Dice = "100 * {liver.dice:empty=1}"
[missing]
Dice = 0
"""


def image(path: Path, planes: int) -> None:
    """The first planes of six are liver."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros((6, 4, 4), np.uint8)
    array[:planes] = 1
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(path))


def job(pk: str, case: str, *, socket: str = "socket", output: bool = True) -> dict[str, Any]:
    """As predictions.json lists it."""
    wrote = [{"image": {"name": "x.mha"}, socket: {"slug": "organ", "relative_path": "images/organ"}}] if output else []
    given = {"image": {"name": f"{case}.mha"}, socket: {"slug": "ct", "relative_path": "images/ct"}}
    return {"pk": pk, "inputs": [given], "outputs": wrote, "status": "Succeeded" if output else "Failed"}


@pytest.fixture
def platform(tmp_path: Path) -> dict[str, str]:
    """The folders, by the variables that name them: six planes right of six, three of six, a damaged one, none."""
    challenge, given = tmp_path / "challenge", tmp_path / "input"
    for case in ("a", "b", "c", "d", "e"):
        image(challenge / "references" / f"{case}.mha", 6)
    (challenge / "protocol.toml").write_text(PROTOCOL)
    image(given / "1" / "output" / "images/organ" / "out.mha", 6)
    image(given / "2" / "output" / "images/organ" / "out.mha", 3)
    image(given / "3" / "output" / "images/organ" / "out.mha", 6)
    damaged = given / "3" / "output" / "images/organ" / "out.mha"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    jobs = [job("1", "a"), job("2", "b", socket="interface"), job("3", "c"), job("4", "d", output=False)]
    (given / "predictions.json").write_text(json.dumps(jobs))
    return {
        "SEGEVAL_INPUT": str(given),
        "SEGEVAL_OUTPUT": str(tmp_path / "output"),
        "SEGEVAL_CHALLENGE": str(challenge),
        "SEGEVAL_GROUND_TRUTH": str(tmp_path / "nowhere"),
    }


def evaluated(platform: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, RECIPE / "evaluate.py"],
        env=os.environ | platform,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_metrics_of_a_phase(platform: dict[str, str]) -> None:
    """Dice of b: 2 · 3 / (3 + 6). c is damaged and has no number, d failed and e has no job: 0 each."""
    run = evaluated(platform)
    assert run.returncode == 0, run.stderr
    metrics = json.loads((Path(platform["SEGEVAL_OUTPUT"]) / "metrics.json").read_text())
    assert metrics["aggregates"] == {"Dice": {"mean": pytest.approx((100 + 200 / 3) / 4), "min": 0.0}}
    found = {result["case"]: (result["status"], result["Dice"]) for result in metrics["results"]}
    assert found == {
        "a": ("ok", 100.0),
        "b": ("ok", pytest.approx(200 / 3)),
        "c": ("error", None),
        "d": ("missing", 0.0),
        "e": ("missing", 0.0),
    }
    assert "c" in next(result["reason"] for result in metrics["results"] if result["case"] == "c")
    assert "|protocol:protocol@1#" in metrics["signature"]


def test_uploaded_references_are_taken_and_a_pinned_signature_is_held(platform: dict[str, str]) -> None:
    assert evaluated(platform).returncode == 0
    output = Path(platform["SEGEVAL_OUTPUT"]) / "metrics.json"
    announced = json.loads(output.read_text())["signature"]
    challenge = Path(platform["SEGEVAL_CHALLENGE"])
    (challenge / "signature.txt").write_text(announced + "\n")
    uploaded = challenge.with_name("uploaded")
    (challenge / "references").rename(uploaded)
    assert evaluated(platform | {"SEGEVAL_GROUND_TRUTH": str(uploaded)}).returncode == 0
    output.unlink()
    (challenge / "protocol.toml").write_text(PROTOCOL.replace("empty=1", "empty=0"))
    run = evaluated(platform | {"SEGEVAL_GROUND_TRUTH": str(uploaded)})
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "announced was segeval:" in run.stderr
    assert not output.exists()


def test_a_job_without_a_reference_is_an_error(platform: dict[str, str]) -> None:
    (Path(platform["SEGEVAL_CHALLENGE"]) / "references" / "a.mha").unlink()
    run = evaluated(platform)
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "no reference for a" in run.stderr


def test_two_jobs_or_references_of_a_case_are_an_error(platform: dict[str, str]) -> None:
    """The last one would win: neither is the better one."""
    listed = Path(platform["SEGEVAL_INPUT"]) / "predictions.json"
    jobs = listed.read_text()
    listed.write_text(json.dumps([*json.loads(jobs), job("2", "a")]))
    run = evaluated(platform)
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "several jobs for a;" in run.stderr
    listed.write_text(jobs)
    image(Path(platform["SEGEVAL_CHALLENGE"]) / "references" / "b.nii.gz", 5)
    run = evaluated(platform)
    assert (run.returncode, run.stderr.count("\n")) == (1, 1)
    assert "several references for b;" in run.stderr
    assert not (Path(platform["SEGEVAL_OUTPUT"]) / "metrics.json").exists()


def refused(platform: dict[str, str], said: str) -> None:
    """A line, and no numbers."""
    run = evaluated(platform)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1), run.stderr
    assert said in run.stderr
    assert not (Path(platform["SEGEVAL_OUTPUT"]) / "metrics.json").exists()


def dices(platform: dict[str, str]) -> dict[str, float | None]:
    run = evaluated(platform)
    assert run.returncode == 0, run.stderr
    metrics = json.loads((Path(platform["SEGEVAL_OUTPUT"]) / "metrics.json").read_text())
    return {result["case"]: result["Dice"] for result in metrics["results"]}


def test_of_several_files_of_an_output_the_one_that_is_named_counts(platform: dict[str, str]) -> None:
    """The first by name is another: b has 2 · 1 / (1 + 6) by it."""
    folder = Path(platform["SEGEVAL_INPUT"]) / "2" / "output" / "images/organ"
    image(folder / "another.mha", 1)
    refused(platform, "job 2: there are another.mha, out.mha in ")
    refused(platform | {"SEGEVAL_FILE": "*.nii"}, "SEGEVAL_FILE=*.nii fits 0 of them; one file is scored")
    assert dices(platform | {"SEGEVAL_FILE": "o*.mha"})["b"] == pytest.approx(200 / 3)
    (folder / "out.mha").unlink()
    assert dices(platform)["b"] == pytest.approx(200 / 7)
    (folder / "another.mha").unlink()
    assert dices(platform)["b"] == 0.0  # it wrote nothing


def test_of_several_outputs_and_inputs_the_one_that_is_named_counts(platform: dict[str, str]) -> None:
    given = Path(platform["SEGEVAL_INPUT"])
    listed = given / "predictions.json"
    jobs = json.loads(listed.read_text())
    for one in jobs:
        if one["outputs"]:
            other = {"image": {"name": "y.mha"}, "socket": {"slug": "tumour", "relative_path": "images/tumour"}}
            one["outputs"] = [other, *one["outputs"]]
            image(given / one["pk"] / "output" / "images/tumour" / "out.mha", 1)
    listed.write_text(json.dumps(jobs))
    refused(
        platform,
        "job 1: has 2 outputs that are images; name the one that is scored with SEGEVAL_SOCKET, one of tumour, organ",
    )
    assert dices(platform | {"SEGEVAL_SOCKET": "organ"})["b"] == pytest.approx(200 / 3)
    assert dices(platform | {"SEGEVAL_SOCKET": "tumour"})["b"] == pytest.approx(200 / 7)
    (Path(platform["SEGEVAL_OUTPUT"]) / "metrics.json").unlink()
    refused(
        platform | {"SEGEVAL_SOCKET": "organs"}, "job 1: no output is SEGEVAL_SOCKET=organs; there are tumour, organ"
    )
    for one in jobs:
        pet = {"image": {"name": "pet_" + one["inputs"][0]["image"]["name"]}, "socket": {"slug": "pet"}}
        one["inputs"] = [pet, *one["inputs"]]
    listed.write_text(json.dumps(jobs))
    named = platform | {"SEGEVAL_SOCKET": "organ"}
    refused(
        named,
        "job 1: the case is called by its input image, and there are a, pet_a; name the input with SEGEVAL_INPUT",
    )
    assert dices(named | {"SEGEVAL_INPUT_SOCKET": "ct"})["b"] == pytest.approx(200 / 3)
    (Path(platform["SEGEVAL_OUTPUT"]) / "metrics.json").unlink()
    refused(
        named | {"SEGEVAL_INPUT_SOCKET": "mr"},
        "there is none; name the input with SEGEVAL_INPUT_SOCKET, one of pet, ct",
    )


def test_the_recipe_pins_a_version_and_drops_root() -> None:
    lines = (RECIPE / "Dockerfile").read_text().splitlines()
    assert any("segeval-cli==" in line for line in lines)
    assert lines.index("USER evaluator") < next(n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT"))

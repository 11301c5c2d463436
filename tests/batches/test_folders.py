"""``segeval.evaluate_folder``: what ``segeval batch`` does, from Python."""

from __future__ import annotations

import inspect
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval import Report, evaluate, evaluate_folder
from segeval.comparing.paired_reports import compare_reports
from segeval.errors import PairingError, StoppedError, UsageError

Run = Callable[..., Any]
SAMPLE = Path(__file__).parents[2] / "sample_data"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two cases; of the second, the prediction is the reference."""
    for side in ("p", "r"):
        (tmp_path / side).mkdir()
    shutil.copyfile(SAMPLE / "prediction.nii.gz", tmp_path / "p/a.nii.gz")
    for name in ("p/b", "r/a", "r/b"):
        shutil.copyfile(SAMPLE / "reference.nii.gz", tmp_path / f"{name}.nii.gz")
    return tmp_path / "p", tmp_path / "r"


def test_it_is_the_batch_of_the_command_line(folders: tuple[Path, Path], segeval: Run) -> None:
    found = evaluate_folder(*folders, workers=1, metrics="dice,hd95", empty="one", pooled=True, hash=True)
    assert isinstance(found, Report)
    run = segeval("batch", *folders, "--metrics=dice,hd95", "--empty=one", "--pooled", "--hash", "-f", "json")
    assert json.loads(found.to_json()) == run.json
    of_b = next(case for case in found.cases if case.case == "b")
    assert [row.values["dice"] for row in of_b.rows[:-1]] == [1.0] * 6


def test_a_bad_case_costs_one_case(folders: tuple[Path, Path]) -> None:
    (folders[0] / "a.nii.gz").write_bytes(b"no image")
    found = evaluate_folder(*folders, workers=1, metrics="dice")
    assert [(case.case, case.status) for case in found.cases] == [("a", "error"), ("b", "ok")]
    with pytest.raises(StoppedError, match="case a"):
        evaluate_folder(*folders, workers=1, metrics="dice", fail_fast=True)


def test_a_missing_prediction_is_refused_named_or_empty(folders: tuple[Path, Path]) -> None:
    (folders[0] / "a.nii.gz").unlink()
    with pytest.raises(PairingError, match="no prediction: a"):
        evaluate_folder(*folders, workers=1)
    found = evaluate_folder(*folders, workers=1, metrics="dice", missing="worst")
    assert found.cases[0].status == "missing"
    assert found.cases[0].rows[0].values["dice"] == 0.0
    assert not evaluate_folder(*folders, workers=1, metrics="dice", missing="skip").cases[0].rows


def test_what_is_scored_as_empty_has_the_details_of_an_empty_prediction(nifti: Run, tmp_path: Path) -> None:
    """The instances that were missed, the labels whose distances stand for a miss, the errors by slice."""
    reference = np.zeros((6, 5, 4), np.uint8)
    reference[1, 1, 1], reference[4, 2:4, 2] = 1, 1
    nifti("r/a.nii", reference), nifti("r/b.nii", reference)
    nifti("p/b.nii", np.zeros_like(reference))
    options: Any = {"workers": 1, "metrics": "instance_f1,hd95,worst_slice_error", "labels": "1"}
    missing, empty = evaluate_folder(tmp_path / "p", tmp_path / "r", missing="worst", **options).cases
    assert (missing.status, missing.prediction, missing.reason) == (
        "missing",
        None,
        "there is no prediction; scored as an empty one",
    )
    assert [body["voxels"] for body in missing.details["instances"][0]["missed"]] == [1, 2]
    assert missing.details["missed"] == [1]
    assert dict(missing.details) == dict(empty.details)


def test_a_manifest_names_the_files(folders: tuple[Path, Path], tmp_path: Path) -> None:
    manifest = tmp_path / "pairs.csv"
    manifest.write_text("case,prediction,reference\nx,p/a.nii.gz,r/a.nii.gz\n")
    (case,) = evaluate_folder(manifest=manifest, workers=1, metrics="dice").cases
    alone = evaluate(folders[0] / "a.nii.gz", folders[1] / "a.nii.gz", metrics="dice").cases[0]
    assert (case.case, case.rows[0].values) == ("x", alone.rows[0].values)
    with pytest.raises(UsageError, match="--manifest names every file"):
        evaluate_folder(*folders, manifest=manifest)


def test_what_cannot_be_asked_is_refused(folders: tuple[Path, Path]) -> None:
    for workers in (0, "x", 1.5):
        with pytest.raises(UsageError, match=f"workers={workers!r}: give a number of processes"):
            evaluate_folder(*folders, workers=workers)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="missing='typo': write error or skip or worst"):
        evaluate_folder(*folders, missing="typo")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--pairing typo: there is no such layout"):
        evaluate_folder(*folders, pairing="typo")  # type: ignore[arg-type]
    for metrics in (5, {"dice": 1}, ["dice", 5]):
        with pytest.raises(UsageError, match=r"metrics=.*: write a text"):
            evaluate_folder(*folders, metrics=metrics)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="name a folder"):
        evaluate_folder()
    with pytest.raises(TypeError, match="metric"):
        evaluate_folder(*folders, metric="dice")  # type: ignore[call-arg]


def test_quantities_in_a_list_are_the_same_as_with_commas(folders: tuple[Path, Path]) -> None:
    listed, text = ["dice", "mine=dice + iou", "focal:gamma=3"], "dice,mine=dice + iou,focal:gamma=3"
    found, expected = (evaluate_folder(*folders, workers=1, metrics=metrics) for metrics in (listed, text))
    assert found.to_json() == expected.to_json()
    compared = [compare_reports({"a": found, "b": found}, metrics=each) for each in (listed[:2], "dice,mine")]
    assert repr(compared[0]) == repr(compared[1])  # nan is not nan


def test_a_configuration_may_list_quantities(folders: tuple[Path, Path], tmp_path: Path, segeval: Run) -> None:
    config = tmp_path / "gate.toml"
    config.write_text(
        '[check]\nrequire = ["mean(mine) >= 0"]\n[check.scoring]\nmetrics = ["dice", "mine=dice + iou"]\n'
    )
    assert segeval("check", *folders, "--config", config).code == 0


def test_its_signature_names_every_option() -> None:
    names = list(inspect.signature(evaluate_folder).parameters)
    assert names[:2] == ["predictions", "references"]
    assert set(inspect.signature(evaluate).parameters) - {"prediction", "reference"} <= set(names)


def test_a_script_without_a_guard_is_not_run_by_the_workers(folders: tuple[Path, Path], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import segeval\n"
        "print('begins')\n"
        f"report = segeval.evaluate_folder({str(folders[0])!r}, {str(folders[1])!r}, workers=2, metrics='dice')\n"
        "print([case.status for case in report.cases])\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, encoding="utf-8", check=False)
    assert (done.stdout, done.stderr) == ("begins\n['ok', 'ok']\n", "")


def test_what_is_measured_in_a_case_is_undefined_over_all_of_them(folders: tuple[Path, Path]) -> None:
    """Each group that has a value in the row ``all``; Dice, which adds, is that of both cases' voxels."""
    metrics = "dice,topk_ce,lovasz,wasserstein_dice,sum=lovasz + dice,hd95,rand"
    found = evaluate_folder(*folders, workers=1, metrics=metrics, pooled=True)
    assert found.pooled is not None
    (of_all,) = (row for row in found.pooled if row.label == "all")
    assert {key for key, value in of_all.values.items() if value is not None and not math.isnan(value)} == {
        "dice",
        "rand",
    }
    assert all(row.values["lovasz"] is None or math.isnan(row.values["lovasz"]) for row in found.pooled)

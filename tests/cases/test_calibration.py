"""Calibration and ranking from files to JSON, against scikit-learn on the voxels themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from sklearn import metrics as sk

from segeval import evaluate, evaluate_arrays
from segeval.kernels import NumpyBackend
from segeval.tallies.documents import tally_document, tally_of
from segeval.tallies.tally import TallyOptions

SAMPLE = Path(__file__).parents[2] / "sample_data"
MAP, REFERENCE = SAMPLE / "prediction_softmax.nii.gz", SAMPLE / "reference.nii.gz"


@pytest.fixture(scope="module")
def voxels() -> tuple[Any, Any]:
    """(classes, voxels) probabilities and reference labels, read by nibabel."""
    p = np.asarray(nibabel.load(MAP).dataobj, dtype=np.float64)
    return np.moveaxis(p, -1, 0).reshape(p.shape[-1], -1), np.asarray(nibabel.load(REFERENCE).dataobj).ravel()


def test_a_softmax_has_the_values_that_scikit_learn_finds(voxels: tuple[Any, Any]) -> None:
    probabilities, labels = voxels
    (case,) = evaluate(MAP, REFERENCE, metrics="calibration", background=True).cases
    rows = {row.label: row.values for row in case.rows}
    errors = {entry["target"]: entry for entry in case.details["curves"]["targets"]}
    total = 0.0
    for label, p in enumerate(probabilities):
        truth, found = labels == label, rows[label]
        brier = sk.brier_score_loss(truth, np.clip(p, 0, 1))
        total += brier
        assert found["brier"] == pytest.approx(brier, rel=1e-9)
        assert abs(found["auroc"] - sk.roc_auc_score(truth, p)) <= errors[label]["auroc_error"] + 1e-12
        precision = sk.average_precision_score(truth, p)
        assert abs(found["average_precision"] - precision) <= errors[label]["average_precision_error"] + 1e-12
        part = np.minimum((p * 15).astype(int), 14)
        gaps = np.abs(np.bincount(part, p - truth, minlength=15))
        assert found["ece"] == pytest.approx(gaps.sum() / p.size, rel=1e-6)
        chosen = p >= found["best_dice_threshold"]
        assert found["best_dice"] == pytest.approx(sk.f1_score(truth, chosen), rel=1e-12)
    assert rows["all"]["brier"] == pytest.approx(total, rel=1e-9)


def test_the_json_holds_the_curve_and_a_default_run_does_not(segeval: Callable[..., Any]) -> None:
    run = segeval("score", MAP, REFERENCE, "--metrics", "calibration", "--format", "json")
    (case,) = json.loads(run.out)["cases"]
    curve = case["curves"]["targets"][1]
    assert case["curves"]["thresholds"][0] == 0
    assert curve["tp"][0] == curve["reference"]
    assert curve["tp"][0] + curve["fp"][0] == curve["n"]
    assert "curves" not in json.loads(segeval("score", MAP, REFERENCE, "--format", "json").out)["cases"][0]


def test_a_label_map_has_a_share_of_wrong_voxels_and_no_ranking() -> None:
    report = evaluate_arrays(np.array([1, 1, 0, 2]), np.array([1, 0, 0, 2]), metrics="calibration")
    row = report.cases[0].rows[0].values
    assert row["brier"] == 0.25
    assert np.isnan([row[name] for name in ("ece", "auroc", "average_precision", "best_dice")]).all()


def test_the_background_of_a_single_map_is_counted_from_the_other_side() -> None:
    p, truth = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])
    report = evaluate_arrays(p, truth, metrics="calibration", kind="probabilities")
    entries = report.cases[0].details["curves"]["targets"]
    assert [(entry["target"], entry["reference"]) for entry in entries] == [(0, 2), (1, 2)]
    assert report.cases[0].rows[0].values["auroc"] == sk.roc_auc_score(truth, p) == 0.75


def test_a_histogram_survives_the_journal_and_adds() -> None:
    options = TallyOptions(channels=(1,), labels=(1,), histogram=True)
    kernel = NumpyBackend().soft_kernel(options, {})
    rng = np.random.default_rng(0)
    stretch = kernel.stretch(rng.integers(0, 2, 1000))
    stretch.add(0, 0, rng.random(1000))
    stretch.finish()
    tally = kernel.tally()
    again = tally_of(json.loads(json.dumps(tally_document(tally))))
    assert tally.soft is not None
    assert again.soft is not None
    assert tally.soft.histogram is not None
    assert again.soft.histogram is not None
    for name in ("voxels", "inside", "probability"):
        assert np.array_equal(getattr(tally.soft.histogram, name), getattr(again.soft.histogram, name))
    both = (tally + again).soft
    assert both is not None
    assert both.histogram is not None
    assert both.histogram.n.tolist() == [2000, 2000]

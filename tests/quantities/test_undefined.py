"""Undefined values, mean and all, and remarks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scored import COUNTS, PREDICTION, REFERENCE, Score, rows_of, values

from segeval import evaluate_arrays
from segeval.quantities import select

DEFAULT = [selection.quantity for selection in select()]


def test_empty_fills_nothing_for_a_label_that_one_volume_holds(score: Score) -> None:
    rows = rows_of(score([0, 1, 0], [0, 0, 2], "--empty", "one"))
    assert rows[1]["sensitivity"] is None
    assert rows[2]["precision"] is None
    assert rows[1]["dice"] == rows[2]["dice"] == 0


def test_a_region_that_both_volumes_lack_is_filled_too_and_mean_and_all_are_not_touched(score: Score) -> None:
    options = "--labels", "1", "--region", "w=2+3"
    plain, filled = rows_of(score([0, 1], [0, 1], *options)), rows_of(score([0, 1], [0, 1], *options, "--empty", "one"))
    assert plain["w"]["dice"] is None
    assert filled["w"]["dice"] == 1
    assert filled["mean"] == plain["mean"]
    assert filled["all"] == plain["all"]


def test_empty_never_fills_all(score: Score) -> None:
    rows = rows_of(score([0, 0], [0, 0], "--labels", "1", "--empty", "one"))
    assert rows["all"]["dice"] is None
    assert rows["all"]["iou"] is None
    assert rows["mean"]["dice"] == 1


def test_a_label_that_both_volumes_lack_keeps_what_the_printed_formulas_give(score: Score) -> None:
    row = rows_of(score([0, 1, 0], [0, 1, 1], "--labels", "1,2"))[2]
    exact = {
        "soft_dice": 1,
        "gds": 1,
        "ss": 0,
        "gdl_v": 0,
        "gdl_simple": 0,
        "gdl_uniform": 0,
        "ce": 0,
        "weighted_ce": 0,
    }
    assert {name: row[name] for name in exact} == exact
    assert row["dl2"] == pytest.approx(-0.5)
    assert row["wce"] == row["weighted_bce"] == row["bce"]
    assert row["soft_iou"] is None


def test_where_every_voxel_is_ignored_counts_are_0_and_all_else_is_undefined(score: Score) -> None:
    run = score([1, 0, 2], [9, 9, 9], "--ignore-label", "9", "--labels", "1,2", "--background")
    rows = rows_of(run)
    counts = [quantity.name for quantity in DEFAULT if quantity.is_count]
    assert set(counts) == set(COUNTS)
    for label in (0, 1, 2):
        assert values(rows[label]) == {quantity.name: 0 if quantity.is_count else None for quantity in DEFAULT}
    assert set(values(rows["all"]).values()) == {None}
    assert set(values(rows["mean"]).values()) <= {None, 0}
    assert set(rows["mean"]["n"].values()) == {0}
    assert any("no voxel was evaluated" in remark for remark in run.remarks)


def test_where_every_voxel_of_a_probability_map_is_ignored_counts_are_0_and_all_else_is_undefined(
    score: Score,
) -> None:
    run = score(np.array([[0.9, 0.1], [0.2, 0.8]]), [9, 9], "--ignore-label", "9", "--background")
    rows = rows_of(run)
    for label in (0, 1):
        assert values(rows[label]) == {quantity.name: 0 if quantity.is_count else None for quantity in DEFAULT}
    assert set(values(rows["all"]).values()) == {None}
    assert any("no voxel was evaluated" in remark for remark in run.remarks)


def test_undefined_is_an_empty_cell_in_csv(segeval: Callable[..., Any], nifti: Callable[..., Path]) -> None:
    prediction = nifti("p.nii", np.zeros((2, 1, 1), np.uint8))
    reference = nifti("r.nii", np.array([0, 1], np.uint8).reshape(2, 1, 1))
    run = segeval("score", prediction, reference, "--metrics", "dice,precision", "--format", "csv")
    assert run.out.splitlines() == ["case,label,name,dice,precision", "p,1,,0.0,", "p,mean,,0.0,", "p,all,,0.0,"]


# Over all labels


def test_mean_runs_over_the_labels_that_occur_and_states_how_many_values_are_behind_it(score: Score) -> None:
    rows = rows_of(score([1, 1, 0, 2, 0], [1, 0, 0, 0, 4], "--labels", "1,2,3,4"))
    assert rows["mean"]["dice"] == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert rows["mean"]["n"]["dice"] == 3
    assert rows["mean"]["n"]["sensitivity"] == 2  # label 2 is not in the reference
    assert rows["mean"]["n"]["precision"] == 2  # label 4 is not in the prediction
    assert rows["mean"]["sensitivity"] == 0.5
    assert rows["mean"]["precision"] == 0.25
    assert rows["mean"]["tp"] == pytest.approx(1 / 3)
    assert rows["mean"]["bce"] == pytest.approx(np.mean([rows[label]["bce"] for label in (1, 2, 4)]))


def test_mean_of_wce_is_undefined_while_a_label_of_the_reference_has_none(score: Score) -> None:
    rows = rows_of(score([1, 1, 0, 0, 0], [1, 0, 0, 0, 4]))
    assert rows[4]["wce"] is None  # missed altogether
    assert rows[1]["wce"] is not None
    assert rows["mean"]["wce"] is None
    found = rows_of(score([1, 1, 0, 0, 4], [1, 0, 0, 0, 4]))
    assert found["mean"]["wce"] is not None


def test_mean_of_wce_counts_a_label_that_only_the_prediction_holds(score: Score) -> None:
    rows = rows_of(score([1, 2, 0, 0], [1, 0, 0, 0]))
    assert rows["mean"]["wce"] == pytest.approx((rows[1]["wce"] + rows[2]["wce"]) / 2)


def test_a_complete_miss_never_improves_a_mean(score: Score) -> None:
    reference = [1, 1, 2, 2, 0, 0, 0, 0]
    hit = rows_of(score([1, 0, 2, 0, 0, 0, 0, 0], reference))["mean"]
    missed = rows_of(score([1, 0, 0, 0, 0, 0, 0, 0], reference))["mean"]
    for quantity in DEFAULT:
        if quantity.direction == "none" or missed[quantity.name] is None:
            continue
        # Precision and the false positives of a label that was not predicted say nothing of the miss.
        if quantity.direction == "higher":
            assert missed[quantity.name] <= hit[quantity.name], quantity.name
        else:
            assert missed[quantity.name] >= hit[quantity.name], quantity.name
    assert missed["wce"] is None


def test_all_lacks_what_is_not_defined_for_it(score: Score) -> None:
    rows = rows_of(score(PREDICTION, REFERENCE))
    defined = {
        "accuracy", "kappa", "mcc", "dice", "iou", "gds", "gdl_v", "gdl_simple", "gdl_uniform", "ce", "weighted_ce",
        "focal_no_alpha", "soft_dice", "soft_iou",
    }  # fmt: skip
    assert set(values(rows["all"])) == defined
    assert set(values(rows[1])) == {quantity.name for quantity in DEFAULT}


def test_the_shares_of_all_labels_add_up_to_the_cross_entropy_of_all(score: Score) -> None:
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(4), 50)
    reference = rng.integers(0, 4, 50)
    rows = rows_of(score(p, reference, "--labels", "1,3", "--background"))
    for name in ("ce", "weighted_ce"):
        assert rows["all"][name] == pytest.approx(sum(rows[label][name] for label in (0, 1, 3)), rel=1e-12)


def test_weights_from_the_data_count_every_class_of_all(score: Score) -> None:
    rows = rows_of(score([1, 0, 0, 0], [1, 1, 0, 0], "--labels", "1,2", "--background"))
    assert rows[1]["weighted_ce"] == pytest.approx(4 / (3 * 2) * rows[1]["ce"])
    assert rows[2]["weighted_ce"] == 0
    plain = rows_of(score([1, 0, 0, 0], [1, 1, 0, 0]))
    assert plain[1]["weighted_ce"] == pytest.approx(4 / (2 * 2) * plain[1]["ce"])


def test_gamma_0_makes_the_focal_loss_the_cross_entropy(score: Score) -> None:
    p = np.array([[1.0, 0.0], [0.0, 1.0], [0.3, 0.7], [1.0, 0.0]])
    rows = rows_of(score(p, [0, 0, 1, 1], "--metrics", "bce,ce,focal_no_alpha:gamma=0"))
    assert rows[1]["focal_no_alpha:gamma=0"] == pytest.approx(rows[1]["bce"], rel=1e-12)
    assert rows["all"]["focal_no_alpha:gamma=0"] == pytest.approx(rows["all"]["ce"], rel=1e-12)


def test_saturated_float32_voxels_keep_float64_logarithms(score: Score) -> None:
    p = np.array([1.0, 0.0], dtype=np.float32)
    row = rows_of(score(p, [0, 0], "--labels", "1", "--kind", "probabilities"))[1]
    assert row["bce"] == pytest.approx(-(math.log(1e-7) + math.log1p(-1e-7)) / 2, rel=1e-9)


def test_a_label_map_and_its_map_of_zeros_and_ones_have_the_same_values(score: Score) -> None:
    prediction, reference = [0, 1, 2, 2, 3, 1, 0, 0], [0, 1, 2, 3, 3, 0, 0, 2]
    hard = rows_of(score(prediction, reference, "--background", "--region", "w=1+3"))
    for dtype in (np.float32, np.float64):
        soft = rows_of(score(np.eye(4, dtype=dtype)[prediction], reference, "--background", "--region", "w=1+3"))
        assert list(soft) == list(hard)
        for label, row in hard.items():
            assert values(soft[label]) == pytest.approx(values(row), rel=1e-8, abs=1e-12)


# Volumes


def test_volumes_are_voxels_times_the_determinant_of_the_references_affine(
    segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    affine = np.diag([-2.0, 3.0, 0.5, 1.0])
    volume = np.zeros((4, 3, 2), np.uint8)
    volume[:2] = 1
    run = segeval("score", nifti("p.nii", volume, affine), nifti("r.nii", np.flip(volume, 1), affine), "-f", "json")
    assert run.row(1)["ref_volume_ml"] == pytest.approx(12 * 3.0 / 1000)
    assert run.row("mean")["pred_volume_ml"] == pytest.approx(12 * 3.0 / 1000)
    assert "ref_volume_ml" not in run.row("all")


def test_volumes_are_undefined_without_a_geometry() -> None:
    rows = json.loads(evaluate_arrays(np.array([0, 1]), np.array([0, 1])).to_json())["cases"][0]["rows"]
    assert rows[0]["ref_volume_ml"] is None
    assert rows[0]["ref_voxels"] == 1


# Remarks


def test_a_value_outside_the_list_is_named_with_its_voxels_in_either_volume(score: Score) -> None:
    run = score([0, 1, 2, 2, -5], [0, 1, 3, 3, 3], "--labels", "1")
    ours = [remark for remark in run.remarks if "prediction.nii" in remark]
    theirs = [remark for remark in run.remarks if "reference.nii" in remark]
    assert len(ours) == len(theirs) == 1
    assert "-5 (1 voxels)" in ours[0]
    assert "2 (2 voxels)" in ours[0]
    assert "3 (3 voxels)" in theirs[0]


def test_labels_of_one_volume_alone_are_counted_and_the_first_ten_named(score: Score) -> None:
    run = score([1, 40, *([0] * 12)], [1, 0, *range(5, 17)])
    ours = [remark for remark in run.remarks if "only in the prediction" in remark]
    theirs = [remark for remark in run.remarks if "only in the reference" in remark]
    assert len(ours) == len(theirs) == 1
    assert ours[0].endswith("1 label(s) only in the prediction: 40")
    assert theirs[0].endswith("12 label(s) only in the reference: 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 and 2 more")


def test_nothing_is_remarked_where_both_volumes_hold_the_listed_labels(score: Score) -> None:
    assert score([0, 1, 2], [0, 2, 1], "--labels", "1,2").remarks == []
    assert score([0, 1, 2], [0, 2, 1]).remarks == []


def test_what_cannot_be_computed_is_not_filled() -> None:
    """A label map has no probabilities, so that the ECE of what both volumes lack is as undefined as all others."""
    volume = np.array([[0, 0, 1, 1]], np.uint8)
    report = evaluate_arrays(volume, volume, labels=[1, 2], metrics="ece:empty=0,dice:empty=1")
    found = {row.label: row.values for row in report.cases[0].rows}
    assert all(math.isnan(found[label]["ece:empty=0"]) for label in (1, 2, "mean"))
    assert [found[label]["dice:empty=1"] for label in (1, 2, "mean")] == [1, 1, 1]


def test_an_empty_that_replaces_nothing_is_remarked() -> None:
    """Of a label that both volumes lack, the specificity is that of a voxel that is nothing else; the Dice has none."""
    volume = np.array([[0, 0, 1, 1]], np.uint8)
    asked = "specificity:empty=0,dice:empty=1,x=specificity:empty=0.5 + dice:empty=1"
    report = evaluate_arrays(volume, volume, labels=[1, 2], metrics=asked)
    found = {row.label: row.values for row in report.cases[0].rows}
    assert (found[2]["specificity:empty=0"], found[2]["dice:empty=1"], found[2]["x"]) == (1, 1, 2)
    words = "empty changes nothing here, as specificity is defined where both volumes lack a label; leave it out"
    told = [remark for remark in report.cases[0].remarks if "empty" in remark]
    assert told == [f"--metrics specificity:empty={value}: {words}" for value in ("0", "0.5")]
    nothing = np.full((1, 4), 9, np.uint8)  # no voxel counts, so that it is undefined and replaced
    report = evaluate_arrays(nothing, nothing, labels=[1], ignore_label=9, metrics="specificity:empty=0")
    assert report.cases[0].rows[0].values["specificity:empty=0"] == 0
    present = evaluate_arrays(volume, volume, labels=[1], metrics="specificity:empty=0")
    assert not [remark for case in (*report.cases, *present.cases) for remark in case.remarks if "empty" in remark]

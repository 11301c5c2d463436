"""The rules around the formulas: background, thresholds, regions, undefined values, ``mean`` and ``all``, remarks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scored import COUNTS, PREDICTION, REFERENCE, Score, rows_of, values

FILLED = ("dice", "iou", "sensitivity", "precision", "volume_similarity")


def test_unlisted_values_are_background_in_row_0_and_in_all(score: Score) -> None:
    listed = rows_of(score(PREDICTION, REFERENCE, "--labels", "1,2", "--background"))
    folded = [[v if v in (1, 2) else 0 for v in volume] for volume in (PREDICTION, REFERENCE)]
    plain = rows_of(score(*folded, "--background"))
    assert list(listed) == [0, 1, 2, "mean", "all"]
    assert listed == plain
    assert [listed[0][name] for name in ("tp", "fp", "fn", "tn")] == [4, 1, 2, 3]


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_listing_0_adds_the_row_that_background_adds_and_changes_nothing_else(score: Score, kind: str) -> None:
    prediction: Any = np.eye(4)[[v % 4 for v in PREDICTION]] if kind == "probabilities" else PREDICTION
    reference = [v % 4 for v in REFERENCE]
    listed = rows_of(score(prediction, reference, "--labels", "0,1,2", "--class-weights", "0=1,1=2,2=3"))
    asked = rows_of(score(prediction, reference, "--labels", "1,2", "--background", "--class-weights", "0=1,1=2,2=3"))
    without = rows_of(score(prediction, reference, "--labels", "1,2", "--class-weights", "0=1,1=2,2=3"))
    assert listed == asked
    assert {label: row for label, row in listed.items() if label != 0} == without


def test_background_takes_part_in_all_whether_it_has_a_row_or_not(score: Score) -> None:
    row = rows_of(score([1, 1, 0, 0, 0], [1, 0, 0, 0, 0]))["all"]
    assert row["accuracy"] == 0.8
    assert row["dice"] == pytest.approx(2 / 3)  # pooled over foreground alone
    assert row["soft_iou"] == pytest.approx((1 / 2 + 1 / 4) / 2)


def test_labels_ascend_whatever_the_order_of_the_list(score: Score) -> None:
    rows = rows_of(score(PREDICTION, REFERENCE, "--labels", "7,2,1", "--region", "b=2", "--region", "a=1"))
    assert list(rows) == [1, 2, 7, "b", "a", "mean", "all"]


def test_a_value_of_the_ignore_label_in_the_prediction_is_background(score: Score) -> None:
    rows = rows_of(score([9, 9, 1, 0, 1], [1, 0, 1, 0, 9], "--ignore-label", "9", "--background"))
    assert list(rows) == [0, 1, "mean", "all"]
    assert [rows[1][name] for name in COUNTS] == [1, 0, 1, 2, 2, 1]
    assert [rows[0][name] for name in COUNTS] == [2, 1, 0, 1, 2, 3]
    assert rows["all"]["accuracy"] == 0.75


def test_the_ignore_label_is_no_label_even_where_it_is_listed(score: Score) -> None:
    options = "--ignore-label", "9"
    listed = rows_of(score([9, 9, 1, 0, 1], [1, 0, 1, 0, 9], "--labels", "1,9", *options))
    assert listed == rows_of(score([9, 9, 1, 0, 1], [1, 0, 1, 0, 9], "--labels", "1", *options))


# From probabilities to labels


def test_equal_channels_belong_to_the_lowest(score: Score) -> None:
    row = rows_of(score(np.array([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]]), [0, 1, 1]))[1]
    assert (row["tp"], row["fp"], row["fn"]) == (1, 0, 1)


def test_unlisted_channels_are_folded_into_background_after_the_argmax(score: Score) -> None:
    p = np.array([[0.3, 0.4, 0.3], [0.3, 0.3, 0.4], [0.6, 0.2, 0.2]])
    rows = rows_of(score(p, [1, 0, 0], "--labels", "1", "--background"))
    assert (rows[1]["tp"], rows[1]["fp"]) == (1, 0)  # although background and 2 together have 0.6
    assert rows[0]["pred_voxels"] == 2
    assert rows[0]["soft_iou"] == pytest.approx(1 - 1.5 / (2.1 + 2 - 1.5))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_threshold_is_inclusive_in_the_stored_precision(
    score: Score, dtype: type[np.floating[Any]], ending: str
) -> None:
    p = np.array([0.7, 0.7, 0.69, 0.1], dtype=dtype)
    run = score(p, [1, 1, 0, 0], "--threshold", "0.7", ending=ending)
    assert rows_of(run)[1]["dice"] == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_threshold_is_inclusive_for_independent_channels(score: Score, dtype: type[np.floating[Any]]) -> None:
    p = np.array([[0.7, 0.3], [0.7, 0.7], [0.2, 0.7]], dtype=dtype)
    rows = rows_of(score(p, [0, 1, 1], "--channels", "independent", "--threshold", "0.7", "--background"))
    assert [rows[0][name] for name in COUNTS] == [1, 1, 0, 1, 1, 2]
    assert rows[1]["dice"] == 1


def test_a_single_map_shows_the_label_that_is_asked_for(score: Score) -> None:
    rows = rows_of(score(np.array([0.9, 0.2, 0.6]), [4, 7, 0], "--labels", "4"))
    assert list(rows) == [4, "mean", "all"]
    assert (rows[4]["tp"], rows[4]["fp"], rows[4]["fn"]) == (1, 1, 0)


def test_a_single_map_shows_the_only_non_zero_value_of_the_reference(score: Score) -> None:
    run = score(np.array([0.9, 0.2, 0.6]), [7, 0, 0], "--region", "foreground=*", "--background")
    rows = rows_of(run)
    assert list(rows) == [0, 7, "foreground", "mean", "all"]
    assert values(rows[7]) == values(rows["foreground"])
    assert rows[7]["tp"] == 1
    assert run.json["cases"][0]["confusion"] == [[0, 0, 1], [0, 7, 1], [7, 7, 1]]


def test_the_only_value_of_a_single_map_leaves_the_ignore_label_aside(score: Score) -> None:
    rows = rows_of(score(np.array([0.9, 0.2, 0.6]), [7, 0, 9], "--ignore-label", "9"))
    assert list(rows) == [7, "mean", "all"]
    assert rows[7]["dice"] == 1


def test_a_single_map_shows_label_1_where_the_reference_is_empty(score: Score) -> None:
    rows = rows_of(score(np.array([0.9, 0.2, 0.6]), [0, 0, 0]))
    assert list(rows) == [1, "mean", "all"]
    assert rows[1]["fp"] == 2


def test_a_single_map_against_several_labels_needs_to_be_told_which_it_shows(score: Score) -> None:
    run = score(np.array([0.9, 0.2, 0.6]), [4, 7, 0])
    assert (run.code, run.out) == (3, "")
    assert "4, 7" in run.err
    assert "--labels" in run.err
    assert score(np.array([0.9, 0.2, 0.6]), [4, 7, 0], "--labels", "4,7").code == 3


def test_a_reference_label_without_a_channel_is_an_error_unless_labels_are_listed(score: Score) -> None:
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    run = score(p, [0, 1, 5])
    assert (run.code, run.out) == (3, "")
    assert "5 (1 voxels)" in run.err
    assert "--labels" in run.err
    listed = score(p, [0, 1, 5], "--labels", "1")
    assert rows_of(listed)[1]["dice"] == 1
    assert any("5 (1 voxels)" in remark for remark in listed.remarks)


def test_a_listed_label_without_a_channel_is_an_error(score: Score) -> None:
    run = score(np.array([[0.9, 0.1], [0.2, 0.8]]), [0, 1], "--labels", "1,3")
    assert run.code == 3
    assert "label 3" in run.err


# Independent channels and overlapping masks


def test_independent_channels_have_no_label_map_and_all_keeps_what_needs_none(score: Score) -> None:
    p = np.array([[0.9, 0.9, 0.1], [0.1, 0.9, 0.9], [0.2, 0.1, 0.4]])
    run = score(p, [1, 2, 0], "--channels", "independent")
    rows = rows_of(run)
    assert set(values(rows["all"])) == {"dice", "iou", "soft_dice", "soft_iou"}
    assert rows["all"]["dice"] == pytest.approx(2 * 2 / (2 * 2 + 1))  # labels 1 and 2: TP 2, FP 1
    assert run.json["cases"][0]["confusion"] == []


def test_overlapping_masks_are_scored_one_against_the_rest(
    segeval: Callable[..., Any], nifti: Callable[..., Path], tmp_path: Path
) -> None:
    masks = {
        "ours/a.nii.gz": [1, 1, 0, 0, 0],
        "ours/b.nii.gz": [0, 1, 1, 0, 0],
        "theirs/a.nii.gz": [1, 0, 0, 0, 0],
        "theirs/b.nii.gz": [0, 1, 1, 1, 0],
    }
    for name, mask in masks.items():
        nifti(name, np.array(mask, dtype=np.uint8).reshape(-1, 1, 1))
    run = segeval("score", tmp_path / "ours", tmp_path / "theirs", "--region", "both=1+2", "--format", "json")
    rows = rows_of(run)
    assert [row["name"] for row in rows.values()] == ["a", "b", None, None, None]
    assert [rows[1][name] for name in ("tp", "fp", "fn", "tn")] == [1, 1, 0, 3]
    assert [rows[2][name] for name in ("tp", "fp", "fn", "tn")] == [2, 0, 1, 2]
    assert [rows["both"][name] for name in ("tp", "fp", "fn", "tn")] == [3, 0, 1, 1]
    assert set(values(rows["all"])) == {"dice", "iou", "soft_dice", "soft_iou"}
    assert rows["all"]["dice"] == pytest.approx(2 * 3 / (2 * 3 + 2))
    assert rows["all"]["soft_iou"] == pytest.approx(np.mean([1 - 1 / 2, 1 - 1 / 2, 1 - 2 / 3]))


@pytest.mark.parametrize("channels", ["exclusive", "independent"])
def test_a_probability_map_is_scored_against_overlapping_masks_one_against_the_rest(
    segeval: Callable[..., Any], nifti: Callable[..., Path], tmp_path: Path, channels: str
) -> None:
    nifti("theirs/a.nii.gz", np.array([1, 1, 0, 0, 0], dtype=np.uint8).reshape(-1, 1, 1))
    nifti("theirs/b.nii.gz", np.array([0, 1, 1, 0, 0], dtype=np.uint8).reshape(-1, 1, 1))
    names = tmp_path / "labels.json"
    names.write_text('{"a": 1, "b": 2}')
    p = np.array([[0.1, 0.8, 0.1], [0.1, 0.7, 0.2], [0.1, 0.1, 0.8], [0.9, 0.1, 0.0], [0.2, 0.2, 0.6]])
    prediction = nifti("p.nii", p.reshape(5, 1, 1, 3))
    options = ["--labels", names, "--channels", channels, "--background", "--region", "both=1+2", "--format", "json"]
    rows = rows_of(segeval("score", prediction, tmp_path / "theirs", *options))
    assert [rows[0][name] for name in COUNTS] == [1, 0, 1, 3, 2, 1]
    assert [rows[1][name] for name in COUNTS] == [2, 0, 0, 3, 2, 2]
    assert [rows[2][name] for name in COUNTS] == [1, 1, 1, 2, 2, 2]
    assert [rows["both"][name] for name in COUNTS] == [3, 1, 0, 1, 3, 4]
    assert rows[2]["soft_iou"] == pytest.approx(1 - 1.0 / (1.7 + 2 - 1.0))
    assert set(values(rows["all"])) == {"dice", "iou", "soft_dice", "soft_iou"}
    assert rows["all"]["dice"] == pytest.approx(2 * 3 / (2 * 3 + 2))


def test_an_overlap_is_not_mistaken_for_a_label_value_of_the_other_volume(
    segeval: Callable[..., Any], nifti: Callable[..., Path], tmp_path: Path
) -> None:
    nifti("ours/a.nii.gz", np.array([1, 1, 0, 0, 0, 0], dtype=np.uint8).reshape(-1, 1, 1))
    nifti("ours/b.nii.gz", np.array([0, 1, 1, 0, 0, 0], dtype=np.uint8).reshape(-1, 1, 1))
    names = tmp_path / "labels.json"
    names.write_text('{"a": 1, "b": 2}')
    for other in range(3, 10):  # not listed, so background, whichever value it has
        reference = nifti("r.nii", np.array([1, 1, 2, other, other, 0], dtype=np.uint8).reshape(-1, 1, 1))
        run = segeval("score", tmp_path / "ours", reference, "--labels", names, "--background", "--format", "json")
        rows = rows_of(run)
        assert [rows[0][name] for name in ("tp", "fp", "fn", "tn")] == [3, 0, 0, 3]
        assert [rows[1][name] for name in ("tp", "fp", "fn", "tn")] == [2, 0, 0, 4]
        assert [rows[2][name] for name in ("tp", "fp", "fn", "tn")] == [1, 1, 0, 4]


# Regions


def test_a_regions_probability_is_the_sum_up_to_1_and_for_independent_channels_the_maximum(score: Score) -> None:
    p = np.array([[0.1, 0.505, 0.4], [0.6, 0.3, 0.1]])
    exclusive = rows_of(score(p, [1, 0], "--region", "w=1+2", "--metrics", "soft_iou"))
    assert exclusive["w"]["soft_iou"] == pytest.approx(1 - 0.905 / (0.905 + 0.4 + 1 - 0.905))
    independent = rows_of(score(p, [1, 0], "--region", "w=1+2", "--metrics", "soft_iou", "--channels", "independent"))
    assert independent["w"]["soft_iou"] == pytest.approx(1 - 0.505 / (0.505 + 0.3 + 1 - 0.505))
    over = rows_of(score(np.array([[0.0, 0.502, 0.502]]), [1], "--region", "w=1+2", "--metrics", "soft_iou"))
    assert over["w"]["soft_iou"] == 0


def test_mean_leaves_regions_out(score: Score) -> None:
    plain = rows_of(score(PREDICTION, REFERENCE))
    with_regions = rows_of(score(PREDICTION, REFERENCE, "--region", "w=1+2+3", "--region", "foreground=*"))
    assert plain["mean"] == with_regions["mean"]
    assert plain["all"] == with_regions["all"]


REGIONS = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3, "ignore": 9}


@pytest.fixture
def regions_file(tmp_path: Path) -> Path:
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps({"labels": REGIONS, "regions_class_order": [1, 2, 3], "file_ending": ".nii.gz"}))
    return path


def test_a_file_of_regions_reports_regions_their_mean_and_all_over_the_plain_values(
    score: Score, regions_file: Path
) -> None:
    prediction, reference = [0, 1, 2, 3, 3, 0, 1, 4], [0, 1, 3, 3, 2, 1, 9, 0]
    rows = rows_of(score(prediction, reference, "--labels", str(regions_file)))
    assert list(rows) == ["whole", "core", "enhancing", "mean", "all"]
    dices = {"whole": 2 * 4 / (4 + 5), "core": 1.0, "enhancing": 0.5}
    assert {name: rows[name]["dice"] for name in dices} == pytest.approx(dices)
    assert rows["mean"]["dice"] == pytest.approx(sum(dices.values()) / 3)
    assert rows["mean"]["n"]["dice"] == 3
    plain = rows_of(score(prediction, reference, "--labels", "1,2,3", "--ignore-label", "9"))
    assert rows["all"] == plain["all"]


def test_channel_k_of_a_region_trained_map_is_the_kth_region(
    segeval: Callable[..., Any], nifti: Callable[..., Path], tmp_path: Path, regions_file: Path
) -> None:
    maps = np.array([[0.9, 0.8, 0.6, 0.2, 0.9], [0.1, 0.7, 0.5, 0.1, 0.9], [0.0, 0.3, 0.5, 0.1, 0.9]], np.float32)
    np.savez_compressed(tmp_path / "p.npz", probabilities=maps.reshape(3, 1, 1, 5))
    reference = nifti("r.nii", np.array([1, 2, 3, 0, 9], dtype=np.uint8).reshape(5, 1, 1))
    run = segeval("score", tmp_path / "p.npz", reference, "--labels", regions_file, "--format", "json")
    rows = rows_of(run)
    assert list(rows)[:4] == ["whole", "core", "enhancing", "mean"]
    assert [rows[name]["dice"] for name in ("whole", "core", "enhancing")] == [1, 1, 1]
    p = maps[:, :4].astype(np.float64)
    masks = {"whole": [1, 1, 1, 0], "core": [0, 1, 1, 0], "enhancing": [0, 0, 1, 0]}
    for own, (name, mask) in zip(p, masks.items(), strict=True):
        hit = own @ mask
        assert rows[name]["soft_iou"] == pytest.approx(1 - hit / (own.sum() + sum(mask) - hit))
    assert not {"accuracy", "kappa", "mcc", "ce"} & set(rows["all"])


# Undefined values


def test_empty_fills_five_quantities_of_a_label_that_both_volumes_lack(score: Score) -> None:
    plain = rows_of(score([0, 1, 0], [0, 1, 1], "--labels", "1,2"))
    undefined = {name for name, value in values(plain[2]).items() if value is None}
    assert undefined == {*FILLED, "relative_volume_difference", "balanced_accuracy", "mcc", "kappa", "soft_iou"}
    for policy, value in (("zero", 0), ("one", 1)):
        filled = rows_of(score([0, 1, 0], [0, 1, 1], "--labels", "1,2", "--empty", policy))
        assert values(filled[2]) == values(plain[2]) | dict.fromkeys(FILLED, value)
        assert filled[1] == plain[1]
        assert filled["all"] == plain["all"]
        for name in FILLED:
            assert filled["mean"][name] == (plain["mean"][name] + value) / 2
            assert (plain["mean"]["n"][name], filled["mean"]["n"][name]) == (1, 2)
        others = [name for name in values(plain["mean"]) if name not in FILLED]
        assert [filled["mean"][name] for name in others] == [plain["mean"][name] for name in others]
        assert [filled["mean"]["n"][name] for name in others] == [plain["mean"]["n"][name] for name in others]


def test_only_what_was_filled_in_enters_the_mean_of_absent_labels(score: Score) -> None:
    """Label 1 has TP 1, and 2 of 3 voxels right; 9 is in neither volume, where TP and accuracy are defined: 0 and 1."""
    metrics = "tp,accuracy:empty=0.5,dice:empty=1,mine=dice:empty=1 + tp"
    run = score([0, 1, 0], [0, 1, 1], "--labels", "1,9", "--metrics", metrics)
    absent = {"tp": 0, "accuracy:empty=0.5": 1, "dice:empty=1": 1, "mine": 1}
    assert values(rows_of(run)[9]) == absent
    mean = {"tp": 1, "accuracy:empty=0.5": 2 / 3, "dice:empty=1": 5 / 6, "mine": (5 / 3 + 1) / 2}
    assert values(rows_of(run)["mean"]) == pytest.approx(mean)


def test_what_a_quantity_says_of_itself_comes_before_empty(score: Score) -> None:
    """Label 2 is in neither volume; in a sum, each term has its own."""
    metrics = "dice:empty=1,iou,mine=dice:empty=0.25 + 2*iou,hd95:empty=0"
    run = score([0, 1, 0], [0, 1, 1], "--labels", "1,2", "--empty", "zero", "--metrics", metrics)
    expected = {"dice:empty=1": 1, "iou": 0, "mine": 0.25, "hd95:empty=0": 0}
    assert values(rows_of(run)[2]) == expected
    assert rows_of(run)["mean"]["dice:empty=1"] == pytest.approx((2 / 3 + 1) / 2)

"""Folders of one mask per class, as TotalSegmentator writes them, on either side of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from masks_in_folders import (
    AFFINE,
    LABELS,
    NAMES,
    OTHER,
    SHAPE,
    Array,
    Nifti,
    Segeval,
    assert_same_numbers,
    counts,
    masks_of,
    overlapping,
    rows_of,
)

ONE_VS_REST = ("tp", "fp", "fn", "tn", "dice", "iou", "sensitivity", "precision", "mcc", "ref_voxels", "pred_voxels")


def pooled_dice(pairs: list[tuple[Array, Array]]) -> float:
    """Micro-averaged over masks."""
    every = [counts(*pair) for pair in pairs]
    tp, wrong = sum(c["tp"] for c in every), sum(c["fp"] + c["fn"] for c in every)
    return 2 * tp / (2 * tp + wrong)


# Equality with a label map


@pytest.mark.parametrize("side", ["prediction", "reference", "both"])
@pytest.mark.parametrize("inside", [1, 255, 3])
def test_masks_score_like_the_equivalent_label_map(
    side: str, inside: int, folder_of: Callable[..., Path], nifti: Nifti, label_file: Path, segeval: Segeval
) -> None:
    prediction, reference = nifti("p.nii.gz", OTHER, AFFINE), nifti("r.nii.gz", LABELS, AFFINE)
    expected = segeval("score", prediction, reference, "--labels", label_file, "--format", "json")
    if side != "reference":
        prediction = folder_of("p", masks_of(OTHER, inside=inside))
    if side != "prediction":
        reference = folder_of("r", masks_of(LABELS, inside=inside))
    run = segeval("score", prediction, reference, "--labels", label_file, "--format", "json")
    assert_same_numbers(run, expected)
    assert {row["label"]: row["name"] for row in run.json["cases"][0]["rows"] if row["name"]} == {
        value: name for name, value in NAMES.items()
    }
    assert run.remarks == []


def test_without_a_label_file_two_folders_are_numbered_by_name_over_both(
    folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval
) -> None:
    numbered = {"aorta": 1, "kidney": 2, "liver": 3}
    prediction = folder_of("p", {"liver": OTHER == 2, "aorta": OTHER == 1})
    reference = folder_of("r", {"kidney": LABELS == 7, "liver": LABELS == 2, "aorta": LABELS == 1})
    run = segeval("score", prediction, reference, "--format", "json")
    by_name = {row["name"]: row for row in run.json["cases"][0]["rows"] if row["name"]}
    assert {name: row["label"] for name, row in by_name.items()} == numbered
    p = np.select([OTHER == 1, OTHER == 2], [1, 3]).astype(np.uint8)
    r = np.select([LABELS == 1, LABELS == 7, LABELS == 2], [1, 2, 3]).astype(np.uint8)
    expected = segeval("score", nifti("p.nii", p, AFFINE), nifti("r.nii", r, AFFINE), "--format", "json")
    assert_same_numbers(run, expected)
    assert any("only in the reference: 2" in remark for remark in run.remarks)


@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_one_folder_against_a_label_map_needs_names_for_the_numbers(
    side: str, folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval
) -> None:
    masks, volume = folder_of("masks", masks_of(LABELS)), nifti("v.nii", LABELS, AFFINE)
    run = segeval("score", *((masks, volume) if side == "prediction" else (volume, masks)))
    assert run.code == 3
    assert run.err.count("\n") == 1
    assert str(masks) in run.err
    assert "aorta, liver, spleen" in run.err
    assert "--labels" in run.err


def test_the_case_is_named_after_the_folder(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    prediction = folder_of("case.17", masks_of(LABELS))
    run = segeval("score", prediction, folder_of("r", masks_of(LABELS)), "--format", "json")
    assert run.json["cases"][0]["case"] == "case.17"
    assert run.json["cases"][0]["prediction"] == str(prediction)


def test_a_trailing_slash_changes_nothing(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    prediction, reference = folder_of("p", masks_of(OTHER)), folder_of("r", masks_of(LABELS))
    run = segeval("score", f"{prediction}/", f"{reference}/", "--format", "json")
    assert_same_numbers(run, segeval("score", prediction, reference, "--format", "json"))
    assert run.json["cases"][0]["case"] == "p"


@pytest.mark.parametrize(
    ("ending", "dtype"), [(".nii", np.float32), (".nii.gz", np.int64), (".mgz", np.uint8), (".nrrd", np.uint8)]
)
def test_masks_may_be_of_any_format_and_type(
    ending: str, dtype: Any, folder_of: Callable[..., Path], tmp_path: Path, segeval: Segeval
) -> None:
    if ending == ".nrrd":
        import SimpleITK as sitk

        folder = tmp_path / "p"
        folder.mkdir()
        for name, mask in masks_of(OTHER).items():
            picture = sitk.GetImageFromArray(mask.astype(dtype).transpose())
            picture.SetSpacing((0.8, 1.5, 3.0))
            picture.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
            sitk.WriteImage(picture, str(folder / f"{name}.nrrd"))
    elif ending == ".mgz":
        folder = tmp_path / "p"
        folder.mkdir()
        for name, mask in masks_of(OTHER).items():
            nibabel.save(nibabel.MGHImage(mask.astype(dtype), AFFINE), folder / f"{name}.mgz")
    else:
        folder = folder_of("p", masks_of(OTHER), ending, dtype)
    reference = folder_of("r", masks_of(LABELS))
    expected = segeval("score", folder_of("q", masks_of(OTHER)), reference, "--format", "json")
    assert_same_numbers(segeval("score", folder, reference, "--format", "json"), expected)


def test_masks_may_have_a_trailing_axis_of_one(folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval) -> None:
    for name, mask in masks_of(OTHER).items():
        nifti(f"longer/{name}.nii.gz", mask.astype(np.uint8)[..., np.newaxis], AFFINE)
    reference = folder_of("r", masks_of(LABELS))
    expected = segeval("score", folder_of("p", masks_of(OTHER)), reference, "--format", "json")
    assert_same_numbers(segeval("score", reference.parent / "longer", reference, "--format", "json"), expected)


def test_masks_longer_than_a_piece_are_read_in_step(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    rng = np.random.default_rng(5)
    first, second = rng.random((2, 67, 61, 53)) < 0.4
    reference = {"a": first, "b": second}
    prediction = {"a": second, "b": first}
    run = segeval("score", folder_of("p", prediction), folder_of("r", reference), "--format", "json")
    for label, (p, r) in enumerate([(second, first), (first, second)], start=1):
        assert {k: rows_of(run)[label][k] for k in ("tp", "fp", "fn", "tn")} == counts(p, r)


def test_an_empty_mask_is_a_class_without_voxels(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    reference = {**masks_of(LABELS), "gallbladder": np.zeros(SHAPE)}
    run = segeval("score", folder_of("p", reference), folder_of("r", reference), "--format", "json")
    assert run.code == 0
    assert run.row("all")["dice"] == 1
    assert run.row("mean")["dice"] == 1


@pytest.mark.parametrize("side", ["prediction", "reference", "both"])
def test_overlapping_masks_are_each_scored_against_the_rest(
    side: str, folder_of: Callable[..., Path], label_file: Path, segeval: Segeval
) -> None:
    prediction, reference = overlapping()
    if side == "reference":
        prediction = {name: mask.astype(bool) for name, mask in masks_of(OTHER).items()}
    if side == "prediction":
        reference = {name: mask.astype(bool) for name, mask in masks_of(LABELS).items()}
    p, r = folder_of("p", prediction), folder_of("r", reference)
    run = segeval("score", p, r, "--labels", label_file, "--format", "json")
    rows = rows_of(run)
    for name, value in NAMES.items():
        expected = counts(prediction[name], reference[name])
        assert {key: rows[value][key] for key in expected} == expected
        both = expected["tp"] + expected["fp"] + expected["fn"]
        assert rows[value]["dice"] == pytest.approx(2 * expected["tp"] / (both + expected["tp"]), rel=1e-12)
        assert rows[value]["iou"] == pytest.approx(expected["tp"] / both, rel=1e-12)
    for folder, masks in ((p, prediction), (r, reference)):
        shared = int(np.sum(sum(mask.astype(int) for mask in masks.values()) > 1))
        remarks = [remark for remark in run.remarks if remark.startswith(f"{folder}: ")]
        assert len(remarks) == bool(shared)
        assert all(f"{shared} voxels" in remark for remark in remarks)


def test_overlap_leaves_all_only_what_needs_no_single_label_map(
    folder_of: Callable[..., Path], segeval: Segeval
) -> None:
    prediction, reference = overlapping()
    run = segeval("score", folder_of("p", prediction), folder_of("r", reference), "--format", "json")
    every = rows_of(run)["all"]
    assert {key for key in every if key not in ("label", "n")} == {"dice", "iou", "soft_dice", "soft_iou"}
    pairs = [(prediction[name], reference[name]) for name in NAMES]
    pooled = pooled_dice(pairs)
    assert every["dice"] == pytest.approx(pooled, rel=1e-12)
    assert every["iou"] == pytest.approx(pooled / (2 - pooled), rel=1e-12)
    background = tuple(~np.any(list(masks.values()), axis=0) for masks in (prediction, reference))
    soft_iou = [1 - np.sum(p & r) / np.sum(p | r) for p, r in [background, *pairs]]
    soft_dice = [1 - 2 * np.sum(p & r) / (p.sum() + r.sum() + 1e-6) for p, r in [background, *pairs]]
    assert every["soft_iou"] == pytest.approx(np.mean(soft_iou), rel=1e-9)
    assert every["soft_dice"] == pytest.approx(np.mean(soft_dice), rel=1e-9)


def test_the_mean_runs_over_the_masks(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    prediction, reference = overlapping()
    rows = rows_of(segeval("score", folder_of("p", prediction), folder_of("r", reference), "--format", "json"))
    for key in ONE_VS_REST:
        assert rows["mean"][key] == pytest.approx(np.mean([rows[label][key] for label in (1, 2, 3)]), rel=1e-12)


def test_the_confusion_lists_the_labels_that_share_a_voxel(
    folder_of: Callable[..., Path], label_file: Path, segeval: Segeval
) -> None:
    prediction = {name: np.zeros(SHAPE, bool) for name in NAMES}
    prediction["aorta"][0, :2, 0] = True
    prediction["liver"][0, 1:, 0] = True
    prediction["spleen"][0, 1, 0] = prediction["spleen"][4, 3, 2] = True
    prediction["aorta"][1, 0, 0] = prediction["liver"][1, 0, 0] = True
    reference = {name: np.zeros(SHAPE, bool) for name in NAMES}
    reference["liver"][:, :, 0] = True
    p, r = folder_of("p", prediction), folder_of("r", reference)
    run = segeval("score", p, r, "--labels", label_file, "--format", "json")
    assert sorted(run.json["cases"][0]["confusion"], key=str) == sorted(
        [[0, 0, 39], [0, 7, 1], [2, 0, 15], [2, 1, 1], [2, 2, 2], [2, [1, 2], 1], [2, [1, 2, 7], 1]], key=str
    )
    (remark,) = [remark for remark in run.remarks if remark.startswith(f"{p}: ")]
    assert remark.startswith(f"{p}: 2 voxels")


def test_a_region_of_overlapping_masks_is_their_union(
    folder_of: Callable[..., Path], label_file: Path, segeval: Segeval
) -> None:
    prediction, reference = overlapping()
    run = segeval(
        "score", folder_of("p", prediction), folder_of("r", reference), "--labels", label_file, "--format", "json",
        "--region", "trunk=1+2", "--region", "foreground=*",
    )  # fmt: skip
    for region, names in (("trunk", ["aorta", "liver"]), ("foreground", list(NAMES))):
        p, r = (np.any([masks[name] for name in names], axis=0) for masks in (prediction, reference))
        assert {key: rows_of(run)[region][key] for key in ("tp", "fp", "fn", "tn")} == counts(p, r)


def test_overlap_in_the_reference_of_a_probability_map_counts_for_each_label(
    folder_of: Callable[..., Path], nifti: Nifti, label_file: Path, segeval: Segeval
) -> None:
    _, reference = overlapping()
    maps = np.random.default_rng(7).random((*SHAPE, 3)).astype(np.float32)
    prediction = nifti("p.nii.gz", maps, AFFINE)
    run = segeval(
        "score", prediction, folder_of("r", reference), "--labels", label_file, "--channels", "independent",
        "--format", "json",
    )  # fmt: skip
    for channel, (name, value) in enumerate(NAMES.items()):
        expected = counts(maps[..., channel] >= 0.5, reference[name])
        assert {key: rows_of(run)[value][key] for key in expected} == expected

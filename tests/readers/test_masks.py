"""Folders of one mask per class, as TotalSegmentator writes them, on either side of a comparison."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

Segeval = Callable[..., Any]
Nifti = Callable[..., Path]
Array = np.ndarray[Any, Any]

SHAPE = (5, 4, 3)
AFFINE = np.diag([0.8, 1.5, 3.0, 1.0])
NAMES = {"aorta": 1, "liver": 2, "spleen": 7}
LABELS = np.random.default_rng(3).choice([0, 1, 2, 7], SHAPE).astype(np.uint8)
OTHER = np.where(np.random.default_rng(4).random(SHAPE) < 0.7, LABELS, 2).astype(np.uint8)
ONE_VS_REST = ("tp", "fp", "fn", "tn", "dice", "iou", "sensitivity", "precision", "mcc", "ref_voxels", "pred_voxels")


@pytest.fixture
def folder_of(nifti: Nifti, tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of masks: ``folder_of("p", {"liver": array})``."""

    def write(name: str, masks: Mapping[str, Array], ending: str = ".nii.gz", dtype: Any = np.uint8) -> Path:
        for stem, mask in masks.items():
            nifti(f"{name}/{stem}{ending}", mask.astype(dtype), AFFINE)
        return tmp_path / name

    return write


@pytest.fixture
def label_file(tmp_path: Path) -> Path:
    """Names and numbers of the classes."""
    path = tmp_path / "names.json"
    path.write_text(json.dumps(NAMES))
    return path


def masks_of(labels: Array, names: Mapping[str, int] = NAMES, inside: int = 1) -> dict[str, Array]:
    """The masks that a label map is equivalent to."""
    return {name: np.where(labels == value, inside, 0) for name, value in names.items()}


def rows_of(run: Any) -> dict[Any, dict[str, Any]]:
    """The rows of a JSON report by label, without their names."""
    assert run.code == 0, run.err
    return {row["label"]: {k: v for k, v in row.items() if k != "name"} for row in run.json["cases"][0]["rows"]}


def assert_same_numbers(ours: Any, theirs: Any) -> None:
    """Equal rows and equal confusion."""
    assert rows_of(ours) == rows_of(theirs)
    assert ours.json["cases"][0]["confusion"] == theirs.json["cases"][0]["confusion"]


def counts(prediction: Array, reference: Array) -> dict[str, int]:
    """One mask against another."""
    return {
        "tp": int(np.sum(prediction & reference)),
        "fp": int(np.sum(prediction & ~reference)),
        "fn": int(np.sum(~prediction & reference)),
        "tn": int(np.sum(~prediction & ~reference)),
    }


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


# Overlap


def overlapping() -> tuple[dict[str, Array], dict[str, Array]]:
    """Prediction and reference masks of three classes that share voxels, some of them all three."""
    rng = np.random.default_rng(6)
    prediction = {name: rng.random(SHAPE) < 0.5 for name in NAMES}
    reference = {name: rng.random(SHAPE) < 0.5 for name in NAMES}
    return prediction, reference


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


@pytest.mark.parametrize("unlisted", [8, 9, -1, 200])
def test_a_label_that_no_class_has_is_never_taken_for_an_overlap(
    unlisted: int, folder_of: Callable[..., Path], nifti: Nifti, label_file: Path, segeval: Segeval
) -> None:
    prediction, _ = overlapping()
    reference = LABELS.astype(np.int16)
    reference[0] = unlisted
    p, r = folder_of("p", prediction), nifti("r.nii.gz", reference, AFFINE)
    for first, second in ((p, r), (r, p)):
        run = segeval("score", first, second, "--labels", label_file, "--format", "json")
        for name, value in NAMES.items():
            masks = prediction[name], reference == value
            expected = counts(*(masks if first == p else masks[::-1]))
            assert {key: rows_of(run)[value][key] for key in expected} == expected
        assert any(f"{unlisted} (12 voxels)" in remark for remark in run.remarks)


# What a folder holds


def test_hidden_files_notes_and_folders_are_no_masks(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    prediction, reference = folder_of("p", masks_of(OTHER)), folder_of("r", masks_of(LABELS))
    expected = segeval("score", prediction, reference, "--format", "json")
    (prediction / "._liver.nii.gz").write_bytes(b"what macOS leaves behind")
    (prediction / ".hidden.nii.gz").write_bytes(b"")
    (prediction / "statistics.json").write_text("{}")
    (prediction / "dseg.tsv").write_text("index\tname\n")
    (prediction / "older.nii.gz").mkdir()
    assert_same_numbers(segeval("score", prediction, reference, "--format", "json"), expected)


def test_classes_that_the_label_file_does_not_name_are_left_out_with_a_remark(
    folder_of: Callable[..., Path], nifti: Nifti, label_file: Path, segeval: Segeval
) -> None:
    reference = nifti("r.nii.gz", LABELS, AFFINE)
    expected = segeval("score", folder_of("q", masks_of(OTHER)), reference, "--labels", label_file, "--format", "json")
    prediction = folder_of("p", {**masks_of(OTHER), "kidney": OTHER == 0})
    run = segeval("score", prediction, reference, "--labels", label_file, "--format", "json")
    assert_same_numbers(run, expected)
    (remark,) = run.remarks
    assert str(prediction) in remark
    assert "kidney" in remark


def test_a_folder_of_which_no_class_is_named_is_refused(
    folder_of: Callable[..., Path], nifti: Nifti, label_file: Path, segeval: Segeval
) -> None:
    prediction = folder_of("p", {"kidney": LABELS == 1})
    assert_refused(
        segeval("score", prediction, nifti("r.nii", LABELS, AFFINE), "--labels", label_file), prediction, "kidney"
    )


def assert_refused(run: Any, path: Path, *words: str) -> None:
    """Exit 3, one line that names the path and holds the words."""
    assert run.code == 3, run
    assert run.out == ""
    assert run.err.count("\n") == 1
    for word in (str(path), *words):
        assert word in run.err


@pytest.mark.parametrize("side", ["prediction", "reference"])
@pytest.mark.parametrize(
    "values", [(1, 2), (1, 255), (0.5, 1.0), (-1, 1)], ids=["two labels", "1 and 255", "fractions", "signs"]
)
def test_a_file_that_is_no_mask_is_named(
    side: str, values: tuple[float, float], folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval
) -> None:
    good = folder_of("good", masks_of(LABELS))
    bad = folder_of("bad", masks_of(LABELS))
    array = np.zeros(SHAPE, np.float32)
    array[1, 1, 1], array[4, 3, 2] = values
    culprit = nifti("bad/liver.nii.gz", array, AFFINE)
    run = segeval("score", *((bad, good) if side == "prediction" else (good, bad)))
    assert_refused(run, culprit, "mask", ";")


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.5])
def test_a_mask_whose_one_value_is_no_label_is_refused(
    value: float, folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval
) -> None:
    good, bad = folder_of("good", masks_of(LABELS)), folder_of("bad", masks_of(LABELS))
    array = np.zeros(SHAPE, np.float32)
    array[1, 1, 1] = array[2, 2, 2] = value
    culprit = nifti("bad/liver.nii.gz", array, AFFINE)
    for pair in ((bad, good), (good, bad)):
        assert_refused(segeval("score", *pair), culprit)


def test_a_mask_of_several_channels_is_refused(folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval) -> None:
    bad = folder_of("bad", masks_of(LABELS))
    culprit = nifti("bad/liver.nii.gz", np.zeros((*SHAPE, 2), np.uint8), AFFINE)
    assert_refused(segeval("score", bad, folder_of("r", masks_of(LABELS))), culprit, "2 channels")


def test_masks_of_different_shapes_are_refused(folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval) -> None:
    bad = folder_of("bad", masks_of(LABELS))
    nifti("bad/liver.nii.gz", LABELS[:, :, :2], AFFINE)
    assert_refused(
        segeval("score", bad, folder_of("r", masks_of(LABELS))), bad, "liver.nii.gz", "5×4×2", "5×4×3", "grid"
    )


def test_masks_on_different_grids_are_refused(folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval) -> None:
    bad = folder_of("bad", masks_of(LABELS))
    moved = AFFINE.copy()
    moved[2, 3] = 3.0
    nifti("bad/liver.nii.gz", (LABELS == 2).astype(np.uint8), moved)
    assert_refused(segeval("score", bad, folder_of("r", masks_of(LABELS))), bad, "liver.nii.gz", "3 mm", "grid")


def test_folders_on_different_grids_are_refused(folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval) -> None:
    moved = AFFINE.copy()
    moved[2, 3] = 3.0
    for name, mask in masks_of(LABELS).items():
        nifti(f"moved/{name}.nii.gz", mask.astype(np.uint8), moved)
    reference = folder_of("r", masks_of(LABELS))
    prediction = reference.parent / "moved"
    assert_refused(segeval("score", prediction, reference), prediction, "3 mm", "--geometry resample")


def test_a_flipped_folder_is_reordered_with_a_remark(
    folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval
) -> None:
    flipped = AFFINE @ np.array([[-1, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    for name, mask in masks_of(OTHER).items():
        nifti(f"flipped/{name}.nii.gz", mask[::-1].astype(np.uint8), flipped)
    reference = folder_of("r", masks_of(LABELS))
    run = segeval("score", reference.parent / "flipped", reference, "--format", "json")
    assert_same_numbers(run, segeval("score", folder_of("p", masks_of(OTHER)), reference, "--format", "json"))
    assert any("reordered" in remark for remark in run.remarks)


def test_the_overlap_of_a_reordered_folder_is_that_of_its_masks(
    folder_of: Callable[..., Path], nifti: Nifti, segeval: Segeval
) -> None:
    prediction, reference = overlapping()
    flipped = AFFINE @ np.array([[-1, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    for name, mask in prediction.items():
        nifti(f"flipped/{name}.nii.gz", mask[::-1].astype(np.uint8), flipped)
    r = folder_of("r", reference)
    run = segeval("score", r.parent / "flipped", r, "--format", "json")
    assert_same_numbers(run, segeval("score", folder_of("p", prediction), r, "--format", "json"))


def test_two_files_of_one_class_are_refused(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    bad = folder_of("bad", masks_of(LABELS))
    folder_of("bad", {"liver": LABELS == 2}, ".nii")
    run = segeval("score", bad, folder_of("r", masks_of(LABELS)))
    assert_refused(run, bad, "liver.nii", "liver.nii.gz", "remove")


def test_a_folder_without_masks_is_refused(folder_of: Callable[..., Path], tmp_path: Path, segeval: Segeval) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("nothing here")
    good = folder_of("good", masks_of(LABELS))
    for pair in ((empty, good), (good, empty)):
        assert_refused(segeval("score", *pair), empty, "without class masks")


@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_a_damaged_mask_is_named(side: str, folder_of: Callable[..., Path], segeval: Segeval) -> None:
    good, bad = folder_of("good", masks_of(LABELS)), folder_of("bad", masks_of(LABELS))
    culprit = bad / "spleen.nii.gz"
    whole = culprit.read_bytes()
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    short = gzip.compress(gzip.decompress(whole)[:-1])
    for content in (whole[:-4], whole[:50], short, b"", pointer):
        culprit.write_bytes(content)
        run = segeval("score", *((bad, good) if side == "prediction" else (good, bad)))
        assert_refused(run, culprit)


def test_a_fifo_among_the_masks_is_refused(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    bad = folder_of("bad", masks_of(LABELS))
    os.mkfifo(bad / "kidney.nii.gz")
    descriptor = os.open(bad / "kidney.nii.gz", os.O_RDWR)  # with a writer, an opening for reading cannot hang
    try:
        run = segeval("score", bad, folder_of("good", masks_of(LABELS)))
    finally:
        os.close(descriptor)
    assert_refused(run, bad / "kidney.nii.gz", "FIFO")


def test_the_same_folder_twice_is_said(folder_of: Callable[..., Path], segeval: Segeval) -> None:
    folder = folder_of("p", masks_of(LABELS))
    run = segeval("score", folder, folder, "--format", "json", "--hash")
    assert run.row("all")["accuracy"] == 1
    assert any("same" in remark for remark in run.remarks)


@pytest.mark.parametrize("count", [70, 130])
def test_many_masks_may_overlap_everywhere(count: int, folder_of: Callable[..., Path], segeval: Segeval) -> None:
    rng = np.random.default_rng(8)
    prediction = {f"c{index:03}": rng.random(SHAPE) < 0.5 for index in range(count)}
    reference = {f"c{index:03}": rng.random(SHAPE) < 0.5 for index in range(count)}
    p, r = folder_of("p", prediction, ".nii"), folder_of("r", reference, ".nii")
    run = segeval("score", p, r, "--format", "json", "--metrics", "tp,fp,fn,tn,dice")
    rows = rows_of(run)
    for label, name in enumerate(prediction, start=1):
        expected = counts(prediction[name], reference[name])
        assert {key: rows[label][key] for key in expected} == expected

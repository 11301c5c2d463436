"""Folders of masks that overlap, and what is refused of them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from masks_in_folders import (
    AFFINE,
    LABELS,
    NAMES,
    OTHER,
    SHAPE,
    Nifti,
    Segeval,
    assert_same_numbers,
    counts,
    masks_of,
    overlapping,
    rows_of,
)


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

"""Resampling of maps and labels from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from resampled import GRIDS, SOURCE_AFFINE, assert_same_rows, oblique, resampled, scores, volume

from segeval.errors import GeometryError
from segeval.volumes.alignment import align
from segeval.volumes.geometry import Geometry
from segeval.volumes.resampling import LinearResampling, NearestResampling
from segeval.volumes.volume import PIECE_VOXELS, ArraySource, Volume, gather


def test_sigmoid_logits_and_stored_integers_become_probabilities_before_they_are_mixed(
    segeval: Any, nifti: Any
) -> None:
    rng = np.random.default_rng(6)
    half = oblique((0, 0, 0), (1, 1, 1), (0, 0.5, 0))
    target = nifti("r.nii", rng.integers(0, 2, (4, 3, 4)).astype(np.uint8), half)
    logits = rng.normal(size=(4, 4, 4)) * 4
    stored = rng.integers(0, 256, (4, 4, 4)).astype(np.uint8)
    for name, array, probability, option in (
        ("logits.nii", logits, 1 / (1 + np.exp(-logits)), ("--activation", "sigmoid")),
        ("stored.nii", stored, stored / 255, ("--scale", 255, "--kind", "probabilities")),
    ):
        mixed = nifti(f"mixed_{name}", (probability[:, :-1] + probability[:, 1:]) / 2, half)
        strict = segeval("score", mixed, target, "--format", "json")
        run = segeval("score", nifti(name, array), target, "--format", "json", "--geometry", "resample", *option)
        assert_same_rows(scores(run), scores(strict), 1e-9)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_float_map_of_fractions_is_recognised_and_mixed_linearly(segeval: Any, nifti: Any, ending: str) -> None:
    rng = np.random.default_rng(7)
    array = rng.random((5, 4, 3))
    half = oblique((0, 0, 0), (1, 1, 1), (0.5, 0, 0))
    target = nifti("r.nii", rng.integers(0, 2, (4, 4, 3)).astype(np.uint8), half)
    strict = segeval("score", nifti("mixed.nii", (array[:-1] + array[1:]) / 2, half), target, "--format", "json")
    run = segeval("score", nifti(f"p{ending}", array), target, "--format", "json", "--geometry", "resample")
    assert_same_rows(scores(run), scores(strict))
    assert "|kind:probabilities|" in run.json["signature"]
    assert any("linear" in remark for remark in run.remarks)
    assert any("kind" in remark or "probabilit" in remark for remark in run.remarks)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_float_map_of_integers_is_recognised_and_never_mixed(segeval: Any, nifti: Any, ending: str) -> None:
    rng = np.random.default_rng(8)
    array = rng.integers(0, 4, (5, 4, 3)).astype(np.float32) + np.float32(1e-4)
    shifted = oblique((0, 0, 0), (1, 1, 1), (0.7, 0, 0))
    reference = rng.integers(0, 4, (4, 4, 3)).astype(np.uint8)
    target = nifti("r.nii", reference, shifted)
    run = segeval("score", nifti(f"p{ending}", array), target, "--format", "json", "--geometry", "resample")
    moved = nifti("moved.nii", np.rint(array[1:]).astype(np.uint8), shifted)
    assert_same_rows(scores(run), scores(segeval("score", moved, target, "--format", "json")))
    assert "|kind:labels|" in run.json["signature"]
    assert any("nearest" in remark for remark in run.remarks)
    assert any("rounded" in remark for remark in run.remarks)


def test_a_fraction_in_a_label_map_is_an_error_even_where_resampling_passes_it_by(segeval: Any, nifti: Any) -> None:
    array = np.zeros((5, 4, 3), np.float32)
    array[1:] = 3
    array[0, 0, 0] = 1.5
    away = oblique((0, 0, 0), (1, 1, 1), (2, 0, 0))
    target = nifti("r.nii", np.full((3, 4, 3), 3, np.uint8), away)
    options = ("--geometry", "resample", "--kind", "labels")
    run = segeval("score", nifti("p.nii", array), target, *options)
    assert run.code == 3
    assert "1.5" in run.err
    assert "(0, 0, 0)" in run.err


def test_a_value_out_of_range_is_an_error_after_resampling_too(segeval: Any, nifti: Any) -> None:
    array = np.full((5, 4, 3), 7.25)
    target = nifti("r.nii", np.ones((4, 4, 3), np.uint8), oblique((0, 0, 0), (1, 1, 1), (0.5, 0, 0)))
    run = segeval("score", nifti("p.nii", array), target, "--geometry", "resample")
    assert run.code == 3
    assert "7.25" in run.err


def test_a_float_reference_is_still_read_as_labels(segeval: Any, nifti: Any) -> None:
    array = np.random.default_rng(0).integers(0, 3, (4, 4, 4))
    shifted = oblique((0, 0, 0), (1, 1, 1), (1, 0, 0))
    reference = nifti("r.nii", array[1:].astype(np.float32), shifted)
    options = ("--format", "json", "--geometry", "resample")
    run = segeval("score", nifti("p.nii", array.astype(np.uint8)), reference, *options)
    assert run.row("all")["dice"] == 1


# --- Whole voxels, the same grid, sheared grids


@pytest.mark.parametrize("linear", [False, True])
def test_resampling_onto_the_same_grid_changes_nothing(linear: bool) -> None:
    array = np.random.default_rng(0).random((5, 6, 7)) if linear else np.arange(210).reshape(5, 6, 7)
    kind = LinearResampling if linear else NearestResampling
    source = ArraySource(array[np.newaxis])
    for affine in (SOURCE_AFFINE, GRIDS["turned"][0]):
        result = gather(kind(source, source.shape, np.linalg.inv(affine) @ affine, 0.0), 0)
        np.testing.assert_allclose(result, array, rtol=0, atol=1e-12 if linear else 0)


def test_a_prediction_that_already_fits_is_not_resampled(segeval: Any, nifti: Any) -> None:
    rng = np.random.default_rng(0)
    prediction, reference = (rng.integers(0, 3, (4, 5, 6)).astype(np.uint8) for _ in range(2))
    pair = nifti("p.nii", prediction, SOURCE_AFFINE), nifti("r.nii", reference, SOURCE_AFFINE)
    strict = segeval("score", *pair, "--format", "json")
    run = segeval("score", *pair, "--format", "json", "--geometry", "resample")
    assert scores(run) == scores(strict)
    assert run.remarks == []


def test_a_twin_stored_backwards_is_reordered_exactly_instead_of_resampled(segeval: Any, nifti: Any) -> None:
    array = np.random.default_rng(0).random((4, 5, 6))
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = 3
    target = nifti("r.nii", (array > 0.5).astype(np.uint8), SOURCE_AFFINE)
    strict = segeval("score", nifti("p.nii", array, SOURCE_AFFINE), target, "--format", "json")
    twin = nifti("t.nii", array[::-1], SOURCE_AFFINE @ flip)
    run = segeval("score", twin, target, "--format", "json", "--geometry", "resample")
    assert_same_rows(scores(run), scores(strict), 1e-12)
    assert any("reordered" in remark for remark in run.remarks)
    assert not any("resampled" in remark for remark in run.remarks)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("step", [(1, 0, 0), (0, -2, 0), (2, 1, -3), (-4, 0, 0)])
def test_a_shift_by_whole_voxels_is_a_shift_of_the_array(step: tuple[int, int, int], linear: bool) -> None:
    array = np.random.default_rng(0).integers(1, 9, (4, 5, 6)).astype(np.float64 if linear else np.uint8)
    affine = GRIDS["turned"][0]
    to_source = np.eye(4)
    to_source[:3, 3] = step
    expected = np.zeros_like(array)
    for place in np.ndindex(*array.shape):
        old = tuple(np.add(place, step))
        if all(0 <= i < n for i, n in zip(old, array.shape, strict=True)):
            expected[place] = array[old]
    ours = resampled(array, affine, (affine @ to_source, array.shape), linear=linear)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9 if linear else 0)


@pytest.mark.parametrize("linear", [False, True])
def test_a_grid_sheared_by_whole_voxels_is_a_shear_of_the_array(linear: bool) -> None:
    array = np.random.default_rng(0).integers(1, 9, (7, 3, 4)).astype(np.float64 if linear else np.uint8)
    sheared = np.eye(4)
    sheared[0, 1] = 1  # each step along y is a step along x too
    expected = np.zeros((5, 3, 4))
    for i, j, k in np.ndindex(5, 3, 4):
        expected[i, j, k] = array[i + j, j, k]
    ours = resampled(array, SOURCE_AFFINE, (SOURCE_AFFINE @ sheared, (5, 3, 4)), linear=linear)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9 if linear else 0)


def test_a_sheared_prediction_file_is_resampled(segeval: Any, nifti: Any, tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 3, (7, 3, 4)).astype(np.uint8)
    expected = np.stack([array[j : j + 5, j] for j in range(3)], axis=1)
    inverse = np.eye(4)
    inverse[0, 1] = -1
    image = nibabel.Nifti1Image(array, inverse)
    image.header.set_xyzt_units("mm")
    image.set_sform(inverse, 1)
    image.set_qform(None, 0)  # a qform cannot say it
    nibabel.save(image, tmp_path / "p.nii")
    reference = nifti("r.nii", expected)
    run = segeval("score", tmp_path / "p.nii", reference, "--format", "json", "--geometry", "resample")
    assert run.row("all")["dice"] == 1


def test_planes_are_resampled_too(segeval: Any, nifti: Any) -> None:
    plane = np.random.default_rng(0).integers(0, 3, (6, 5)).astype(np.uint8)
    shifted = oblique((0, 0, 0), (1, 1, 1), (2, 0, 0))
    for first, second in (((6, 5), (4, 5)), ((6, 5, 1), (4, 5)), ((6, 5), (4, 5, 1)), ((6, 5, 1), (4, 5, 1))):
        prediction = nifti("p.nii", plane.reshape(first))
        reference = nifti("r.nii", plane[2:].reshape(second), shifted)
        run = segeval("score", prediction, reference, "--format", "json", "--geometry", "resample")
        assert run.row("all")["dice"] == 1, (first, second)


def test_a_plane_at_another_height_sees_nothing_of_the_reference(segeval: Any, nifti: Any) -> None:
    plane = np.ones((6, 5), np.uint8)
    for shape in ((6, 5), (6, 5, 1)):
        prediction = nifti("p.nii", plane.reshape(shape), oblique((0, 0, 0), (1, 1, 1), (0, 0, 40)))
        reference = nifti("r.nii", plane.reshape(shape))
        run = segeval("score", prediction, reference, "--format", "json", "--geometry", "resample")
        assert run.json["cases"][0]["confusion"] == [[1, 0, 30]], shape


def test_grids_of_many_pieces_are_resampled_in_order() -> None:
    shape = (80, 70, 60)
    assert np.prod(shape) > PIECE_VOXELS
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    shifted = oblique((0, 0, 0), (1, 1, 1), (1, 2, 3))
    assert np.array_equal(resampled(array, np.eye(4), (shifted, (79, 68, 57))), array[1:, 2:, 3:])


def test_the_voxel_volume_after_resampling_is_the_references(segeval: Any, nifti: Any) -> None:
    prediction = nifti("p.nii", np.ones((10, 10, 10), np.uint8))
    reference = nifti("r.nii", np.ones((5, 5, 5), np.uint8), oblique((0, 0, 0), (2, 2, 2), (0.5, 0.5, 0.5)))
    run = segeval("score", prediction, reference, "--format", "json", "--geometry", "resample")
    assert run.row(1)["ref_volume_ml"] == pytest.approx(1)
    assert run.row(1)["pred_volume_ml"] == pytest.approx(1)


def test_files_without_orientation_cannot_be_resampled() -> None:
    array = np.ones((4, 4, 4), np.uint8)
    bare = Volume("p", Geometry(array.shape, np.eye(4), False), ArraySource(array[np.newaxis]))
    with pytest.raises(GeometryError):
        align(bare, volume(array[:3], np.eye(4)), "resample", 1e-2)

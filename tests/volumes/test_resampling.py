"""``--geometry resample``: the prediction at the reference's voxels; SimpleITK and whole-voxel shifts are oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from resampled import GRIDS, SOURCE_AFFINE, Array, assert_same_rows, oblique, resampled, scores

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


SOURCE_SHAPE = (9, 8, 7)


def itk(array: Array, affine: Array) -> Any:
    """The same volume as an ITK image."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    lps = RAS_TO_LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def resampled_by_itk(array: Array, affine: Array, grid: tuple[Array, tuple[int, ...]], linear: bool) -> Array:
    target = itk(np.zeros(grid[1], np.uint8), grid[0])
    kind = sitk.sitkLinear if linear else sitk.sitkNearestNeighbor
    result = sitk.Resample(itk(array, affine), target, sitk.Transform(), kind, 0.0)
    return np.asarray(sitk.GetArrayFromImage(result)).transpose(2, 1, 0)


def positions(affine: Array, grid: tuple[Array, tuple[int, ...]]) -> Array:
    """Where the grid's voxels lie in the source, in voxels: an array (3, *shape)."""
    to_source = np.linalg.inv(affine) @ grid[0]
    indices = np.indices(grid[1]).reshape(3, -1)
    return (to_source[:3, :3] @ indices + to_source[:3, 3:]).reshape(3, *grid[1])


def inside(affine: Array, shape: tuple[int, ...], grid: tuple[Array, tuple[int, ...]]) -> NDArray[np.bool_]:
    """Which of the grid's voxels lie in the field of view, half a voxel beyond the outermost centres."""
    p = positions(affine, grid)
    last = np.array(shape).reshape(3, 1, 1, 1) - 0.5
    return np.asarray(((p >= -0.5) & (p <= last)).all(axis=0))


# --- Labels


@pytest.mark.parametrize("name", GRIDS)
def test_nearest_agrees_with_simpleitk_everywhere(name: str) -> None:
    array = np.random.default_rng(0).integers(1, 200, SOURCE_SHAPE).astype(np.uint8)
    ours = resampled(array, SOURCE_AFFINE, GRIDS[name])
    theirs = resampled_by_itk(array, SOURCE_AFFINE, GRIDS[name], linear=False)
    p = positions(SOURCE_AFFINE, GRIDS[name])
    tie = (np.abs(p - np.floor(p) - 0.5) < 1e-6).any(axis=0)
    assert tie.mean() < 0.01
    assert np.array_equal(ours[~tie], theirs[~tie])
    assert (ours > 0).any()  # the grids overlap, so agreement means something
    assert np.array_equal((ours > 0)[~tie], inside(SOURCE_AFFINE, SOURCE_SHAPE, GRIDS[name])[~tie])


def test_a_resampled_label_map_scores_as_the_one_that_simpleitk_resampled(segeval: Any, nifti: Any) -> None:
    rng = np.random.default_rng(1)
    array, grid = rng.integers(0, 4, SOURCE_SHAPE).astype(np.uint8), GRIDS["turned"]
    reference = nifti("r.nii.gz", rng.integers(0, 4, grid[1]).astype(np.uint8), grid[0])
    theirs = nifti("theirs.nii.gz", resampled_by_itk(array, SOURCE_AFFINE, grid, linear=False), grid[0])
    strict = segeval("score", theirs, reference, "--format", "json")
    ours = nifti("ours.nii.gz", array, SOURCE_AFFINE)
    run = segeval("score", ours, reference, "--format", "json", "--geometry", "resample")
    assert_same_rows(scores(run), scores(strict))
    (remark,) = run.remarks
    assert str(ours) in remark
    assert "9×8×7" in remark
    assert "12×11×10" in remark


def test_labels_are_never_mixed_into_labels_that_nobody_drew() -> None:
    array = np.zeros((8, 8, 8), np.int32)
    array[2:5, 2:6, 2:6] = 12_175
    array[5:7, 2:6, 2:6] = -40
    grid = (oblique((11, 23, 5), (0.7, 0.6, 0.8), (0, 0, 0)), (12, 12, 12))
    assert set(np.unique(resampled(array, np.eye(4), grid))) == {-40, 0, 12_175}


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_labels_beyond_the_precision_of_a_float_survive(segeval: Any, nifti: Any, dtype: Any) -> None:
    big = 2**53
    array = np.zeros((4, 4, 4), dtype)
    array[1], array[2], array[3] = big + 1, big + 2, big + 3
    reference = np.zeros_like(array)
    reference[:3] = array[1:]
    run = segeval(
        "score",
        nifti("p.nii.gz", array),
        nifti("r.nii.gz", reference, np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])),
        *("--format", "json", "--geometry", "resample"),
    )
    for label in (big + 1, big + 2, big + 3):
        assert run.row(label)["dice"] == 1
        assert run.row(label)["ref_voxels"] == 16


def test_the_largest_and_the_smallest_integers_survive() -> None:
    extremes = np.iinfo(np.int64)
    array = np.array([extremes.min, extremes.max, 2**53 + 1, -(2**53) - 1], np.int64).reshape(4, 1, 1)
    shifted = np.eye(4)
    shifted[0, 3] = -1
    ours = resampled(array, np.eye(4), (shifted, (6, 1, 1)))
    assert ours.ravel().tolist() == [0, *array.ravel().tolist(), 0]


def test_outside_the_predictions_field_of_view_there_is_label_0(segeval: Any, nifti: Any) -> None:
    prediction, reference = np.ones((3, 4, 5), np.uint8), np.ones((6, 4, 5), np.uint8)
    run = segeval(
        "score", nifti("p.nii", prediction), nifti("r.nii", reference), "--format", "json", "--geometry", "resample"
    )
    assert run.json["cases"][0]["confusion"] == [[1, 0, 60], [1, 1, 60]]


def test_the_field_of_view_reaches_half_a_voxel_beyond_the_outermost_centres() -> None:
    array = np.ones((3, 1, 1), np.uint8)
    for start, expected in ((-0.4, 1), (-0.6, 0)):
        grid = oblique((0, 0, 0), (1, 1, 1), (start, 0, 0))
        assert resampled(array, np.eye(4), (grid, (1, 1, 1))).item() == expected
    for start, expected in ((2.4, 1), (2.6, 0)):
        grid = oblique((0, 0, 0), (1, 1, 1), (start, 0, 0))
        assert resampled(array, np.eye(4), (grid, (1, 1, 1))).item() == expected


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("spacing", [0.7, 0.9765625, 1.1, 3.3])
def test_a_voxel_on_the_edge_of_the_view_is_inside_whatever_the_affine_rounds_to(spacing: float, linear: bool) -> None:
    affine = oblique((10, -20, 30), (spacing, spacing, spacing), (-123.4, 56.7, 89.1))
    for step in (-0.5, 0.5):
        half = np.eye(4)
        half[:3, 3] = step
        ours = resampled(np.ones((4, 5, 6), np.float32), affine, (affine @ half, (4, 5, 6)), linear=linear)
        np.testing.assert_allclose(ours, 1, rtol=0, atol=1e-9)


def test_a_prediction_wholly_elsewhere_is_background(segeval: Any, nifti: Any) -> None:
    array = np.ones((3, 4, 5), np.uint8)
    away = oblique((0, 0, 0), (1, 1, 1), (1000, 0, 0))
    run = segeval(
        "score", nifti("p.nii", array, away), nifti("r.nii", array), "--format", "json", "--geometry", "resample"
    )
    assert run.json["cases"][0]["confusion"] == [[1, 0, 60]]


# --- Probabilities


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", GRIDS)
def test_linear_agrees_with_simpleitk_inside_the_field_of_view(name: str, dtype: Any) -> None:
    array = np.random.default_rng(0).random(SOURCE_SHAPE).astype(dtype)
    ours = resampled(array, SOURCE_AFFINE, GRIDS[name], linear=True)
    theirs = resampled_by_itk(array, SOURCE_AFFINE, GRIDS[name], linear=True)
    seen = inside(SOURCE_AFFINE, SOURCE_SHAPE, GRIDS[name])
    assert seen.any()
    np.testing.assert_allclose(ours[seen], theirs[seen], rtol=0, atol=1e-6)
    assert not ours[~seen].any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint8, np.int16, ">f4", ">i2"])
def test_linear_takes_maps_of_any_stored_type(dtype: Any) -> None:
    array = np.arange(4).reshape(4, 1, 1).astype(dtype)
    half = oblique((0, 0, 0), (1, 1, 1), (0.5, 0, 0))
    assert resampled(array, np.eye(4), (half, (3, 1, 1)), linear=True).ravel().tolist() == [0.5, 1.5, 2.5]


def test_outside_a_multi_channel_map_the_background_is_certain() -> None:
    array = np.random.default_rng(0).dirichlet([1, 1, 1], (4, 4, 4)).transpose(3, 0, 1, 2)
    grid = oblique((0, 0, 0), (1, 1, 1), (2.25, 0, 0)), (4, 4, 4)
    ours = resampled(array, np.eye(4), grid, linear=True, channels=True, outside=1)
    assert (ours[0, 2:] == 1).all()
    assert not ours[1:, 2:].any()
    np.testing.assert_allclose(ours[:, 0], 0.75 * array[:, 2] + 0.25 * array[:, 3], rtol=1e-12)
    np.testing.assert_allclose(ours[:, 1], array[:, 3], rtol=1e-12)  # 3.25: within half a voxel of the last centre
    np.testing.assert_allclose(ours.sum(axis=0), 1, rtol=1e-12)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_outside_a_multi_channel_map_voxels_count_as_background(segeval: Any, nifti: Any, ending: str) -> None:
    certain = np.zeros((3, 4, 5, 3), np.float32)
    certain[..., 2] = 1
    reference = np.full((6, 4, 5), 2, np.uint8)
    options = ("--format", "json", "--geometry", "resample")
    run = segeval("score", nifti(f"p{ending}", certain), nifti("r.nii", reference), *options)
    assert run.json["cases"][0]["confusion"] == [[2, 0, 60], [2, 2, 60]]
    padded = np.zeros((6, 4, 5, 3), np.float32)
    padded[..., 0] = 1
    padded[:3] = certain
    assert_same_rows(scores(run), scores(segeval("score", nifti("q.nii", padded), nifti("s.nii", reference), *options)))


def test_outside_a_single_map_the_foreground_is_0(segeval: Any, nifti: Any) -> None:
    reference = np.zeros((6, 4, 5), np.uint8)
    reference[2:] = 1
    options = ("--format", "json", "--geometry", "resample")
    part = np.full((3, 4, 5), 0.75, np.float32)
    run = segeval("score", nifti("p.nii", part), nifti("r.nii", reference), *options)
    whole = np.zeros((6, 4, 5), np.float32)
    whole[:3] = part
    padded = segeval("score", nifti("q.nii", whole), nifti("s.nii", reference), *options)
    assert run.row(1)["tp"] == 20
    assert run.row(1)["fn"] == 60
    assert_same_rows(scores(run), scores(padded))


def test_outside_separate_maps_with_a_background_channel_the_background_is_1(segeval: Any, nifti: Any) -> None:
    part = np.full((3, 4, 5, 3), 0.75, np.float32)
    whole = np.zeros((6, 4, 5, 3), np.float32)
    whole[..., 0] = 1
    whole[:3] = part
    reference = np.random.default_rng(0).integers(0, 3, (6, 4, 5)).astype(np.uint8)
    options = ("--format", "json", "--geometry", "resample", "--channels", "independent", "--background")
    run = segeval("score", nifti("p.nii", part), nifti("r.nii", reference), *options)
    padded = segeval("score", nifti("q.nii", whole), nifti("s.nii", reference), *options)
    assert_same_rows(scores(run), scores(padded))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_logits_are_activated_before_they_are_mixed(segeval: Any, nifti: Any, ending: str) -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(5, 4, 3, 3)) * 6
    reference = rng.integers(0, 3, (5, 4, 3)).astype(np.uint8)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    mixed = np.concatenate([(softmax[:-1] + softmax[1:]) / 2, softmax[-1:]])  # 4.5 lies on the edge of the view
    half = oblique((0, 0, 0), (1, 1, 1), (0.5, 0, 0))
    target = nifti("r.nii", reference, half)
    strict = segeval("score", nifti("mixed.nii", mixed, half), target, "--format", "json")
    options = ("--format", "json", "--geometry", "resample", "--activation", "softmax")
    run = segeval("score", nifti(f"p{ending}", logits), target, *options)
    assert_same_rows(scores(run), scores(strict), 1e-9)

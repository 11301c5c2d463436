"""``--geometry resample``: the prediction at the reference's voxels; SimpleITK and whole-voxel shifts are oracles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from segeval.errors import GeometryError
from segeval.volumes.alignment import align
from segeval.volumes.geometry import Geometry
from segeval.volumes.resampling import LinearResampling, NearestResampling
from segeval.volumes.volume import PIECE_VOXELS, ArraySource, Volume, gather

Array = NDArray[Any]
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def oblique(degrees: tuple[float, float, float], spacing: tuple[float, float, float], origin: Any) -> Array:
    """An affine without shear."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() * np.array(spacing)
    affine[:3, 3] = origin
    return affine


GRIDS = {
    "shifted": (oblique((0, 0, 0), (1, 1, 1), (0.3, -0.2, 0.6)), (9, 8, 7)),
    "finer": (oblique((0, 0, 0), (0.45, 0.62, 0.71), (0.1, 0.2, 0.3)), (19, 14, 13)),
    "coarser": (oblique((0, 0, 0), (2.1, 1.7, 3.3), (-1, 0.2, 0.3)), (6, 7, 5)),
    "turned": (oblique((10, -20, 30), (1.1, 0.9, 1.3), (-2, 1, 0.5)), (12, 11, 10)),
    "flipped and shifted": (oblique((0, 0, 180), (1, 1, 1), (8.3, 7.2, 0.1)), (9, 8, 7)),
    "of one slice": (oblique((5, 0, 0), (1, 1, 1), (0.1, 0.1, 2.2)), (9, 8, 1)),
}
SOURCE_AFFINE = oblique((3, 2, -7), (1.0, 1.2, 0.9), (0.2, -0.4, 0.3))
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


def volume(array: Array, affine: Array, channels: bool = False) -> Volume:
    """channels: the first axis of the array holds them."""
    source = ArraySource(array if channels else array[np.newaxis])
    return Volume("p", Geometry(source.shape, affine, True), source)


def resampled(
    array: Array,
    affine: Array,
    grid: tuple[Array, tuple[int, ...]],
    *,
    linear: bool = False,
    channels: bool = False,
    outside: float = 0,
) -> Array:
    """All channels on the grid, through ``align``."""
    reference = Volume("r", Geometry(grid[1], grid[0], True), ArraySource(np.zeros((1, *grid[1]), np.uint8)))
    aligned, target, remarks = align(
        volume(array, affine, channels), reference, "resample", 1e-2, labels=not linear, outside=outside
    )
    assert aligned.shape == target.shape == grid[1]
    assert len(remarks) == 1
    assert "resampled" in remarks[0]
    assert ("linear" if linear else "nearest") in remarks[0]
    whole = np.stack([gather(aligned.source, channel) for channel in range(aligned.source.channels)])
    assert whole.dtype == aligned.source.dtype
    return whole if channels else whole[0]


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


def scores(run: Any) -> Any:
    assert run.code == 0, run.err
    (case,) = run.json["cases"]
    return case["rows"]


def assert_same_rows(ours: Any, theirs: Any, relative: float = 1e-9) -> None:
    assert [row["label"] for row in ours] == [row["label"] for row in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert our.keys() == their.keys()
        for key, value in their.items():
            close = pytest.approx(value, rel=relative, abs=1e-12) if isinstance(value, float) else value
            assert our[key] == close, (our["label"], key)


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

"""For any grid: a volume and its re-stored twin are one volume, and a volume elsewhere never is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

import segeval as api
from segeval.errors import GeometryError
from segeval.volumes.alignment import align
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import ArraySource, Volume, gather

Array = NDArray[Any]
TOLERANCE = 1e-2
SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Grid:
    """A drawn grid; ``shape`` has three axes."""

    shape: tuple[int, int, int]
    affine: Array

    @property
    def spacing(self) -> Array:
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def limit_mm(self) -> float:
        return float(TOLERANCE * self.spacing.min())


@dataclass(frozen=True)
class Storage:
    """How a twin is stored: which old axis each new axis was, and which new axes run backwards."""

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def array(self, array: Array) -> Array:
        """The array as stored; leading axes of channels are left alone."""
        lead = array.ndim - 3
        steps = (slice(None),) * lead + tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)
        return array.transpose(*range(lead), *(axis + lead for axis in self.axes))[steps]

    def affine(self, grid: Grid) -> Array:
        """The affine that puts each voxel of the stored array where it was."""
        to_old = np.zeros((4, 4))
        to_old[3, 3] = 1
        for new, (old, flip) in enumerate(zip(self.axes, self.flipped, strict=True)):
            to_old[old, new] = -1 if flip else 1
            to_old[old, 3] = grid.shape[old] - 1 if flip else 0
        return np.asarray(grid.affine @ to_old)


def corners_mm(affine: Array, shape: tuple[int, ...]) -> Array:
    """Positions of the corner voxels, (8, 3)."""
    indices = np.array(list(product(*((0, n - 1) for n in shape))))
    return np.asarray(indices @ affine[:3, :3].T + affine[:3, 3])


def farthest_corner_mm(affine: Array, shape: tuple[int, ...], grid: Grid) -> float:
    """How far a corner of one box is from every corner of the other: no pairing of corners can be closer."""
    ours, theirs = corners_mm(affine, shape), corners_mm(grid.affine, grid.shape)
    return float(np.linalg.norm(ours[:, np.newaxis] - theirs[np.newaxis], axis=2).min(axis=1).max())


@st.composite
def grids(draw: Any, smallest: int = 1, sheared: bool = True) -> Grid:
    """Rotated, moderately sheared, anisotropic, far from the origin, of any handedness."""
    shape = tuple(draw(st.integers(smallest, 6)) for _ in range(3))
    rng = np.random.default_rng(draw(SEEDS))
    matrix = Rotation.from_quat(rng.normal(size=4)).as_matrix() * rng.choice([-1, 1])
    if sheared and draw(st.booleans()):
        matrix = matrix @ (np.eye(3) + np.triu(rng.uniform(-0.3, 0.3, (3, 3)), 1))
    affine = np.eye(4)
    affine[:3, :3] = matrix * np.exp(rng.uniform(np.log(0.2), np.log(6), 3))
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return Grid(shape, affine)


STORAGES = st.builds(
    Storage, st.permutations((0, 1, 2)).map(tuple), st.tuples(st.booleans(), st.booleans(), st.booleans())
)


def with_noise(affine: Array, shape: tuple[int, ...], largest_mm: float, seed: int) -> Array:
    """The affine with every entry moved, the farthest-moved corner by ``largest_mm``."""
    noise = np.zeros((4, 4))
    noise[:3] = np.random.default_rng(seed).normal(size=(3, 4))
    indices = np.array([[*corner, 1] for corner in product(*((0, n - 1) for n in shape))])
    moved = np.linalg.norm(indices @ noise[:3].T, axis=1).max()
    return np.asarray(affine + noise * (largest_mm / moved))


def volume(name: str, array: Array, affine: Array) -> Volume:
    """array: three axes, or four with the channels first."""
    source = ArraySource(array if array.ndim == 4 else array[np.newaxis])
    return Volume(name, Geometry(source.shape, affine, True), source)


def random_labels(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, 5, shape).astype(np.uint8)


# --- Twins


@settings(max_examples=300)
@given(grid=grids(), storage=STORAGES, noise=st.floats(0, 0.95), seed=SEEDS)
def test_a_twin_comes_back_voxel_by_voxel(grid: Grid, storage: Storage, noise: float, seed: int) -> None:
    array = random_labels(grid.shape, seed)
    stored = storage.array(array)
    affine = with_noise(storage.affine(grid), stored.shape, noise * grid.limit_mm, seed)
    prediction = volume("p", stored, affine)
    reference = volume("r", array, grid.affine)
    aligned, target, remarks = align(prediction, reference, "strict", TOLERANCE)
    assert target is reference
    assert aligned.shape == grid.shape
    assert np.array_equal(gather(aligned.source, 0), array)
    moved = any(flip and grid.shape[old] > 1 for old, flip in zip(storage.axes, storage.flipped, strict=True))
    permuted = [axis for axis in storage.axes if grid.shape[axis] > 1]
    if moved or permuted != sorted(permuted):
        assert len(remarks) == 1
    if storage == Storage((0, 1, 2), (False, False, False)):
        assert remarks == []


@given(grid=grids(), storage=STORAGES, seed=SEEDS)
def test_a_twin_comes_back_in_every_channel_whatever_the_policy(grid: Grid, storage: Storage, seed: int) -> None:
    array = np.random.default_rng(seed).random((3, *grid.shape))
    twin = volume("p", storage.array(array), storage.affine(grid))
    reference = volume("r", random_labels(grid.shape, seed), grid.affine)
    for policy in ("strict", "resample"):
        aligned, _, _ = align(twin, reference, policy, TOLERANCE, labels=False, outside=1)  # type: ignore[arg-type]
        for channel in range(3):
            assert np.array_equal(gather(aligned.source, channel), array[channel])


@given(grid=grids(), storage=STORAGES, seed=SEEDS)
def test_a_prediction_follows_a_twin_of_its_reference(grid: Grid, storage: Storage, seed: int) -> None:
    prediction, reference = random_labels(grid.shape, seed), random_labels(grid.shape, seed + 1)
    twin = volume("r", storage.array(reference), storage.affine(grid))
    aligned, target, _ = align(volume("p", prediction, grid.affine), twin, "strict", TOLERANCE)
    ours, theirs = gather(aligned.source, 0), gather(target.source, 0)
    pairs = np.stack([prediction.ravel(), reference.ravel()])
    turned = np.stack([ours.ravel(), theirs.ravel()])
    assert np.array_equal(ours, storage.array(prediction))
    assert sorted(map(tuple, turned.T.tolist())) == sorted(map(tuple, pairs.T.tolist()))


@given(grid=grids(), storage=STORAGES, excess=st.floats(1.05, 30), seed=SEEDS)
def test_noise_beyond_the_tolerance_is_refused(grid: Grid, storage: Storage, excess: float, seed: int) -> None:
    array = random_labels(grid.shape, seed)
    stored = storage.array(array)
    affine = with_noise(storage.affine(grid), stored.shape, excess * grid.limit_mm, seed)
    assume(farthest_corner_mm(affine, stored.shape, grid) > grid.limit_mm * 1.001)
    with pytest.raises(GeometryError):
        align(volume("p", stored, affine), volume("r", array, grid.affine), "strict", TOLERANCE)


# --- Mismatches


@settings(max_examples=200)
@given(grid=grids(), storage=STORAGES, factor=st.floats(1.01, 1000), seed=SEEDS)
def test_a_translation_beyond_the_tolerance_is_never_accepted(
    grid: Grid, storage: Storage, factor: float, seed: int
) -> None:
    array = random_labels(grid.shape, seed)
    direction = np.random.default_rng(seed).normal(size=3)
    affine = storage.affine(grid)
    affine[:3, 3] += direction / np.linalg.norm(direction) * factor * grid.limit_mm
    with pytest.raises(GeometryError) as caught:
        align(volume("p", storage.array(array), affine), volume("r", array, grid.affine), "strict", TOLERANCE)
    assert "--geometry resample" in str(caught.value)


@given(grid=grids(), steps=st.tuples(*[st.integers(-3, 3)] * 3), seed=SEEDS)
def test_a_translation_by_whole_voxels_is_never_accepted(grid: Grid, steps: tuple[int, int, int], seed: int) -> None:
    assume(any(steps))
    array = random_labels(grid.shape, seed)
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ steps
    with pytest.raises(GeometryError):
        align(volume("p", array, affine), volume("r", array, grid.affine), "strict", TOLERANCE)


@settings(max_examples=200)
@given(grid=grids(smallest=2), degrees=st.floats(0.5, 359.5), centred=st.booleans(), seed=SEEDS)
def test_a_wrong_rotation_is_never_accepted(grid: Grid, degrees: float, centred: bool, seed: int) -> None:
    axis = np.random.default_rng(seed).normal(size=3)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(axis / np.linalg.norm(axis) * np.deg2rad(degrees)).as_matrix()
    centre = np.eye(4)
    centre[:3, 3] = corners_mm(grid.affine, grid.shape).mean(axis=0) if centred else grid.affine[:3, 3]
    affine = centre @ turn @ np.linalg.inv(centre) @ grid.affine
    assume(farthest_corner_mm(affine, grid.shape, grid) > grid.limit_mm * 1.01)
    array = random_labels(grid.shape, seed)
    with pytest.raises(GeometryError):
        align(volume("p", array, affine), volume("r", array, grid.affine), "strict", TOLERANCE)


@given(
    grid=grids(smallest=2),
    storage=STORAGES,
    axis=st.integers(0, 2),
    factor=st.one_of(st.floats(0.3, 0.97), st.floats(1.03, 3)),
    centred=st.booleans(),
)
def test_a_wrong_spacing_is_never_accepted(
    grid: Grid, storage: Storage, axis: int, factor: float, centred: bool
) -> None:
    wrong = grid.affine.copy()
    wrong[:3, axis] *= factor
    if centred:
        shift = corners_mm(grid.affine, grid.shape).mean(axis=0) - corners_mm(wrong, grid.shape).mean(axis=0)
        wrong[:3, 3] += shift
    affine = storage.affine(Grid(grid.shape, wrong))
    array = random_labels(grid.shape, 0)
    with pytest.raises(GeometryError):
        align(volume("p", storage.array(array), affine), volume("r", array, grid.affine), "strict", TOLERANCE)


@given(grid=grids(), storage=STORAGES, axis=st.integers(0, 2), more=st.integers(1, 3))
def test_another_number_of_voxels_is_never_accepted(grid: Grid, storage: Storage, axis: int, more: int) -> None:
    shape = list(grid.shape)
    shape[axis] += more
    longer = Grid((shape[0], shape[1], shape[2]), grid.affine)
    array = random_labels(longer.shape, 0)
    twin = volume("p", storage.array(array), storage.affine(longer))
    reference = volume("r", random_labels(grid.shape, 1), grid.affine)
    for first, second in ((twin, reference), (reference, twin)):
        with pytest.raises(GeometryError):
            align(first, second, "strict", TOLERANCE)


@given(grid=grids(smallest=2), storage=STORAGES, seed=SEEDS)
def test_an_array_stored_otherwise_under_the_old_affine_is_never_corrected(
    grid: Grid, storage: Storage, seed: int
) -> None:
    array = random_labels(grid.shape, seed)
    stored = storage.array(array)
    prediction, reference = volume("p", stored, grid.affine), volume("r", array, grid.affine)
    if stored.shape != array.shape:
        with pytest.raises(GeometryError):
            align(prediction, reference, "strict", TOLERANCE)
    else:
        aligned, _, remarks = align(prediction, reference, "strict", TOLERANCE)
        assert np.array_equal(gather(aligned.source, 0), stored)
        assert remarks == []


# --- Through files


def saved(path: Path, array: Array, affine: Array) -> Path:
    """A NIfTI-2 with an sform in float64, so that the file holds the drawn affine exactly, shear included."""
    image = nibabel.Nifti2Image(array, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, 1)
    image.set_qform(None, 0)
    nibabel.save(image, path)
    return path


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grid=grids(), storage=STORAGES, noise=st.floats(0, 0.95), seed=SEEDS)
def test_a_twin_scores_as_identical_through_files(
    tmp_path: Path, grid: Grid, storage: Storage, noise: float, seed: int
) -> None:
    array, other = random_labels(grid.shape, seed), random_labels(grid.shape, seed + 1)
    array.flat[0] = other.flat[0] = 1  # a label at least
    noisy = with_noise(storage.affine(grid), storage.array(array).shape, noise * grid.limit_mm, seed)
    reference = saved(tmp_path / "r.nii.gz", array, grid.affine)
    same = api.evaluate(saved(tmp_path / "same.nii.gz", storage.array(array), noisy), reference, metrics="dice")
    for row in same.cases[0].rows:
        assert row.values["dice"] == 1
    plain = api.evaluate(saved(tmp_path / "plain.nii.gz", other, grid.affine), reference)
    twin = api.evaluate(saved(tmp_path / "twin.nii.gz", storage.array(other), noisy), reference)
    assert twin.cases[0].confusion == plain.cases[0].confusion
    theirs = {row.label: row.values for row in plain.cases[0].rows}
    for row in twin.cases[0].rows:
        np.testing.assert_equal(dict(row.values), dict(theirs[row.label]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grid=grids(), storage=STORAGES, factor=st.floats(1.05, 50), seed=SEEDS)
def test_a_mismatch_is_refused_through_files(
    tmp_path: Path, grid: Grid, storage: Storage, factor: float, seed: int
) -> None:
    array = random_labels(grid.shape, seed)
    direction = np.random.default_rng(seed).normal(size=3)
    affine = storage.affine(grid)
    affine[:3, 3] += direction / np.linalg.norm(direction) * factor * grid.limit_mm
    prediction = saved(tmp_path / "p.nii.gz", storage.array(array), affine)
    reference = saved(tmp_path / "r.nii.gz", array, grid.affine)
    with pytest.raises(GeometryError):
        api.evaluate(prediction, reference)


@given(seed=SEEDS)
def test_axes_are_called_as_nibabel_calls_them(seed: int) -> None:
    """Of any rotation: two axes may lie nearest to one direction, which only one of them can be called after."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=seed).as_matrix() * (0.7, 1.3, 2.9)
    assert Geometry((3, 3, 3), affine, oriented=True).axes == "".join(nibabel.aff2axcodes(affine))

"""Boundary distances against brute force, against MedPy and against what spheres and boxes must give."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masks import ONE, mask_pairs, masks_of
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from segeval.errors import ComputationError
from segeval.shapes import nearest_points, surface_distances, target_masks
from segeval.shapes.surface_distances import measure, measure_all
from segeval.shapes.target_masks import TargetMasks
from segeval.tallies.surfaces import TargetSurface

Array = np.ndarray[Any, Any]
PAIRS = mask_pairs(st.integers(1, 9), [0.05, 0.5, 0.9, 1.0], st.floats(0.1, 9))


def brute_force(prediction: Array, reference: Array, spacing: tuple[float, ...]) -> tuple[Array, Array]:
    """Erosion by the face neighbours and the full matrix of distances: the definition, word by word."""
    edges = [
        np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing
        for mask in (prediction.astype(bool), reference.astype(bool))
    ]
    matrix = cdist(*edges)
    return np.sort(matrix.min(axis=1)), np.sort(matrix.min(axis=0))


def require_equal(found: TargetSurface, expected: tuple[Array, Array]) -> None:
    np.testing.assert_allclose(found.to_reference, expected[0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.to_prediction, expected[1], rtol=0, atol=1e-9)


def ball(shape: tuple[int, ...], centre: tuple[float, ...], radius: float, spacing: tuple[float, ...]) -> Array:
    grid = np.ogrid[tuple(slice(0, n) for n in shape)]
    squared = sum(((g - c) * s) ** 2 for g, c, s in zip(grid, centre, spacing, strict=True))
    return np.asarray(squared <= radius**2)


@given(PAIRS)
def test_distances_are_those_of_the_full_matrix(pair: tuple[Array, Array, tuple[float, ...]]) -> None:
    require_equal(measure(masks_of(*pair)), brute_force(*pair))


@given(PAIRS)
@settings(max_examples=50)
def test_planes_give_the_distances_of_the_tree(pair: tuple[Array, Array, tuple[float, ...]]) -> None:
    prediction, reference, spacing = pair
    queries, points = (np.argwhere(mask).astype(np.int32) for mask in (prediction, reference))
    by_planes = nearest_points.by_planes_mm(queries, points, np.array(spacing))
    by_tree = nearest_points.nearest_mm(queries, points, spacing)
    np.testing.assert_allclose(by_planes, by_tree, rtol=0, atol=1e-9)
    expected = cdist(queries * np.array(spacing), points * np.array(spacing)).min(axis=1)
    np.testing.assert_allclose(by_planes, expected, rtol=0, atol=1e-9)


@given(PAIRS)
def test_swapping_the_volumes_swaps_the_directions(pair: tuple[Array, Array, tuple[float, ...]]) -> None:
    prediction, reference, spacing = pair
    there, back = measure(masks_of(prediction, reference, spacing)), measure(masks_of(reference, prediction, spacing))
    np.testing.assert_array_equal(there.to_reference, back.to_prediction)
    np.testing.assert_array_equal(there.to_prediction, back.to_reference)


@given(PAIRS)
@settings(max_examples=50)
def test_flipped_axes_and_the_order_of_memory_change_nothing(pair: tuple[Array, Array, tuple[float, ...]]) -> None:
    prediction, reference, spacing = pair
    expected = measure(masks_of(prediction, reference, spacing))
    for axis in range(prediction.ndim):
        flipped = measure(masks_of(np.flip(prediction, axis), np.flip(reference, axis), spacing))
        require_equal(flipped, (expected.to_reference, expected.to_prediction))
    turned = measure(masks_of(prediction.T, reference.T, spacing[::-1]))
    require_equal(turned, (expected.to_reference, expected.to_prediction))
    as_file = masks_of(prediction, reference, spacing)
    fortran = TargetMasks(
        np.asfortranarray(as_file.prediction), np.asfortranarray(as_file.reference), ONE, ONE, as_file.box, spacing
    )
    require_equal(measure(fortran), (expected.to_reference, expected.to_prediction))


@pytest.mark.parametrize("slab", [1, 40, 10_000])
def test_slabs_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch, slab: int) -> None:
    rng = np.random.default_rng(3)
    prediction, reference = rng.random((7, 6, 5)) < 0.7, rng.random((7, 6, 5)) < 0.7
    monkeypatch.setattr(target_masks, "_SLAB_VOXELS", slab)
    require_equal(
        measure(masks_of(prediction, reference, (1.0, 2.0, 0.5))), brute_force(prediction, reference, (1.0, 2.0, 0.5))
    )


def test_a_shell_around_a_ball_is_measured_by_planes_and_by_the_tree_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    spacing = (0.8, 0.8, 1.5)
    inner, outer = (ball((61, 61, 41), (30, 30, 20), radius, spacing) for radius in (4, 23))
    answers = []
    for tree in (True, False):
        monkeypatch.setattr(nearest_points, "_tree_is_cheaper", lambda *_, tree=tree: tree)
        answers.append(measure(masks_of(inner, outer, spacing)))
    require_equal(answers[0], (answers[1].to_reference, answers[1].to_prediction))
    require_equal(answers[0], brute_force(inner, outer, spacing))
    monkeypatch.undo()
    require_equal(measure(masks_of(inner, outer, spacing)), (answers[0].to_reference, answers[0].to_prediction))


def test_what_surrounds_a_point_at_a_distance_goes_to_the_planes_and_what_does_not_to_the_tree() -> None:
    spacing = np.ones(3)
    size = (81, 81, 81)
    inner, outer = (ball(size, (40, 40, 40), radius, (1, 1, 1)) for radius in (12, 40))
    aside = ball(size, (76, 76, 76), 2, (1, 1, 1))
    edges = [np.argwhere(m & ~ndimage.binary_erosion(m)).astype(np.int32) for m in (inner, outer, aside)]
    assert not nearest_points._tree_is_cheaper(cKDTree(edges[1]), edges[0], edges[1], spacing)
    assert nearest_points._tree_is_cheaper(cKDTree(edges[0]), edges[2], edges[0], spacing)


def test_concentric_spheres_are_the_difference_of_their_radii_apart() -> None:
    spacing = (0.5, 0.75, 1.0)
    shape, centre = (101, 67, 51), (50.0, 33.0, 25.0)
    found = measure(masks_of(ball(shape, centre, 15, spacing), ball(shape, centre, 21, spacing), spacing))
    # A boundary voxel lies less than one voxel inside its sphere: along an axis, by at most the spacing.
    for distances in (found.to_reference, found.to_prediction):
        assert distances.min() > 6 - 1.0
        assert distances.max() < 6 + np.linalg.norm(spacing)
        assert distances.mean() == pytest.approx(6, abs=0.25)


def test_a_box_and_the_box_a_voxel_wider() -> None:
    """A 3×3×3 box inside a 5×5×5 box at spacing (1, 1.5, 3): counted by hand.

    The inner boundary is its 26 outer voxels. The 18 in its two outer planes along axis 0 are 1 mm from the outer
    boundary. Of the other 8, 6 lie in an outer plane along axis 1 and are 1.5 mm away; the last 2 are 3 mm away
    along axis 2, but 2 mm along axis 0. A corner of the outer box is √(1 + 2.25 + 9) = 3.5 mm from the inner one's.
    """
    inner, outer = np.zeros((7, 7, 7), dtype=bool), np.zeros((7, 7, 7), dtype=bool)
    inner[2:5, 2:5, 2:5] = True
    outer[1:6, 1:6, 1:6] = True
    found = measure(masks_of(inner, outer, (1.0, 1.5, 3.0)))
    assert found.to_reference.tolist() == [1.0] * 18 + [1.5] * 6 + [2.0] * 2
    assert found.to_prediction.size == 98
    assert found.to_prediction[-8:].tolist() == [3.5] * 8


def test_objects_that_touch_the_border_have_a_boundary_there() -> None:
    """Outside the image is background: a mask that fills a 4×3 image has 10 boundary pixels, not none."""
    full, corner = np.ones((4, 3), dtype=bool), np.zeros((4, 3), dtype=bool)
    corner[0, 0] = True
    found = measure(masks_of(corner, full, (1.0, 1.0)))
    assert found.to_reference.tolist() == [0.0]
    assert found.to_prediction.size == 10
    assert found.to_prediction[-1] == pytest.approx(np.sqrt(9 + 4), abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "spacing", "distance"),
    [
        ((0, 0, 0), (3, 4, 0), (1.0, 1.0, 1.0), 5.0),
        ((0, 0, 0), (0, 0, 2), (1.0, 1.0, 0.8), 1.6),
        ((1, 1, 1), (1, 1, 1), (1.0, 2.0, 3.0), 0.0),
        ((9, 0, 0), (0, 0, 0), (2.5, 1.0, 1.0), 22.5),
        ((0, 0), (5, 12), (1.0, 1.0), 13.0),
    ],
)
def test_single_voxels(a: tuple[int, ...], b: tuple[int, ...], spacing: tuple[float, ...], distance: float) -> None:
    prediction, reference = np.zeros((10, 13, 3)[: len(a)]), np.zeros((10, 13, 3)[: len(a)])
    prediction[a] = reference[b] = 1
    found = measure(masks_of(prediction, reference, spacing))
    # Exactly: a tolerance of 1.6 mm must find two voxels of 0.8 mm.
    assert found.to_reference.tolist() == [distance]
    assert found.to_prediction.tolist() == [distance]


def test_a_target_is_a_set_of_values_in_its_box() -> None:
    rng = np.random.default_rng(5)
    prediction = rng.integers(0, 12, (8, 9, 10)).astype(np.int16) - 3
    reference = rng.integers(0, 12, (8, 9, 10)).astype(np.uint16)
    box = (slice(1, 7), slice(0, 9), slice(2, 9))
    inside = np.zeros(prediction.shape, dtype=bool)
    inside[box] = True
    prediction[~inside], reference[~inside] = 0, 0
    for predicted, true in (({1}, {2}), ({-2, 5}, {7}), ({-3, -1, 1, 2, 4, 70_000}, {1, 2, 3, 4, 5, 6})):
        found = measure(TargetMasks(prediction, reference, frozenset(predicted), frozenset(true), box, (1.0, 0.7, 2.0)))
        expected = brute_force(np.isin(prediction, list(predicted)), np.isin(reference, list(true)), (1.0, 0.7, 2.0))
        require_equal(found, expected)


def test_voxels_that_are_not_evaluated_are_background() -> None:
    prediction = np.zeros((1, 6), dtype=np.uint8)
    reference = np.zeros((1, 6), dtype=np.uint8)
    prediction[0, [1, 5]] = 1
    reference[0, [1, 5]] = 1, 255
    assert measure(masks_of(prediction, reference, (1.0, 1.0))).to_reference.tolist() == [0.0, 4.0]
    assert measure(masks_of(prediction, reference, (1.0, 1.0), ignore=255)).to_reference.tolist() == [0.0]


@pytest.mark.parametrize("present", [(True, False), (False, True), (False, False)])
def test_an_empty_mask_has_no_distances(present: tuple[bool, bool]) -> None:
    masks = [np.full((3, 3), there, dtype=np.uint8) for there in present]
    found = measure(masks_of(masks[0], masks[1], (1.0, 1.0)))
    assert (found.in_prediction, found.in_reference) == present
    assert found.missed == (present[0] != present[1])
    assert not found.to_reference.size
    assert not found.to_prediction.size


@pytest.mark.parametrize("threads", [1, 2])
def test_many_targets_keep_their_order(threads: int) -> None:
    rng = np.random.default_rng(1)
    prediction, reference = rng.integers(0, 5, (2, 12, 11, 10)).astype(np.uint8)
    box = tuple(slice(0, n) for n in prediction.shape)
    targets = [
        TargetMasks(prediction, reference, frozenset({v}), frozenset({v}), box, (1.0, 1.0, 2.0)) for v in range(1, 5)
    ]
    for value, found in enumerate(measure_all(targets, threads), 1):
        require_equal(found, brute_force(prediction == value, reference == value, (1.0, 1.0, 2.0)))


def test_maps_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape, 2-D or 3-D"):
        masks_of(np.ones((2, 3)), np.ones((3, 2)), (1.0, 1.0))
    with pytest.raises(ValueError, match="for 2 axes"):
        masks_of(np.ones((2, 3)), np.ones((2, 3)), (1.0, 1.0, 1.0))


def test_a_distance_that_no_box_holds_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    far, near = ball((40, 40, 40), (8, 8, 8), 6, (1, 1, 1)), ball((40, 40, 40), (30, 30, 30), 6, (1, 1, 1))
    diagonal = math.sqrt(3) * 39  # of the image
    assert measure(masks_of(far, near, (1, 1, 1))).to_reference.max() < diagonal
    monkeypatch.setattr(surface_distances, "nearest_mm", lambda queries, *_: np.full(len(queries), diagonal))
    measure(masks_of(far, near, (1, 1, 1)))
    for wrong in (diagonal + 1e-3, math.nan):
        monkeypatch.setattr(surface_distances, "nearest_mm", lambda queries, *_, mm=wrong: np.full(len(queries), mm))
        with pytest.raises(ComputationError, match=r"in a box whose diagonal is 67\.55 mm; .*score again"):
            measure(masks_of(far, near, (1, 1, 1)))

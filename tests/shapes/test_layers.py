"""Many targets measured together give what each gives alone, by SciPy's erosion and the full matrix of distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from segeval.shapes import nearest_points, target_masks
from segeval.shapes.elements import BOUNDARY_VOXELS
from segeval.shapes.layers import layers_of
from segeval.shapes.narrowing import narrow
from segeval.shapes.neighbourhood import rings
from segeval.shapes.surface_distances import measure_all
from segeval.shapes.surfels import SURFELS, measure_surfels
from segeval.shapes.target_masks import TargetMasks

Array = np.ndarray[Any, Any]
Values = frozenset[int]


def target(
    maps: tuple[Array, Array], predicted: Values, true: Values, spacing: Sequence[float], ignore: int | None = None
) -> TargetMasks:
    box = tuple(slice(0, n) for n in maps[0].shape)
    return TargetMasks(maps[0], maps[1], predicted, true, box, tuple(spacing), ignore)


def same(values: Sequence[int]) -> tuple[Values, Values]:
    return frozenset(values), frozenset(values)


def alone(masks: TargetMasks) -> tuple[Array, Array]:
    """By the definition: erosion by the face-neighbours, and the nearest of all."""
    inside = [np.isin(masks.prediction, list(masks.prediction_values)), None]
    inside[1] = np.isin(masks.reference, list(masks.reference_values))
    if masks.ignore is not None:
        inside = [mask & (masks.reference != masks.ignore) for mask in inside]
    edges = [np.argwhere(mask & ~ndimage.binary_erosion(mask)) * masks.spacing_mm for mask in inside]
    if not all(len(edge) for edge in edges):
        return np.empty(0), np.empty(0)
    return tuple(np.sort(cKDTree(edges[1 - side]).query(edges[side])[0]) for side in (0, 1))  # type: ignore[return-value]


def require_alone(targets: Sequence[TargetMasks], threads: int = 1) -> None:
    for masks, found in zip(targets, measure_all(targets, threads), strict=True):
        expected = alone(masks)
        np.testing.assert_allclose(found.to_reference, expected[0], rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.to_prediction, expected[1], rtol=0, atol=1e-9)


@st.composite
def label_maps(draw: st.DrawFn) -> tuple[Array, Array]:
    """Patches of labels 0 … 6, of any integer type and order of memory; alike, or not at all."""
    shape = draw(st.lists(st.integers(1, 14), min_size=2, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = rng.integers(0, 7, [n // 3 + 1 for n in shape])
    reference = coarse[tuple(index // 3 for index in np.indices(shape))]
    noise = rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 1.0]))
    prediction = np.where(noise, rng.integers(0, 7, shape), reference)
    types = [draw(st.sampled_from(["u1", "i1", "u2", "i4", "i8"])) for _ in range(2)]
    order = draw(st.sampled_from(["C", "F"]))
    return np.asarray(prediction, types[0], order=order), np.asarray(reference, types[1], order=order)


BLOCKS = st.sampled_from([1 << 21, 60, 1 << 21, 60, 1 << 21, 60, 1 << 21, 60, 1])  # a voxel at a time takes long


@given(label_maps(), st.lists(st.floats(0.1, 9), min_size=3, max_size=3), BLOCKS)
@settings(max_examples=120)
def test_labels_and_regions_that_overlap_are_measured_as_each_is_alone(
    maps: tuple[Array, Array], spacing: list[float], block: int
) -> None:
    mm = spacing[: maps[0].ndim]
    regions = [[label] for label in range(1, 7)] + [[1, 2], [2, 3, 4, 5, 6], [0, 1]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target_masks, "_SLAB_VOXELS", block)
        require_alone([target(maps, *same(values), mm) for values in regions])
        require_alone([target(maps, *same([label]), mm, ignore=3) for label in range(1, 7)])
        require_alone([target(maps, frozenset({1}), frozenset({2}), mm), target(maps, frozenset({2}), frozenset(), mm)])


@given(label_maps(), st.lists(st.floats(0.1, 9), min_size=3, max_size=3))
@settings(max_examples=60)
def test_surfels_of_many_targets_are_those_of_each_alone(maps: tuple[Array, Array], spacing: list[float]) -> None:
    """``measure_surfels`` of one binary map is held to DeepMind's package in test_surfels."""
    targets = [target(maps, *same(v), spacing[: maps[0].ndim]) for v in ([1], [2], [3], [4], [5], [6], [1, 5])]
    for masks, found in zip(targets, measure_all(targets, 1, SURFELS), strict=True):
        binary = tuple(
            np.isin(labels, list(values)).astype(np.uint8)
            for labels, values in (
                (masks.prediction, masks.prediction_values),
                (masks.reference, masks.reference_values),
            )
        )
        expected = measure_surfels(target((binary[0], binary[1]), *same([1]), masks.spacing_mm))
        assert (found.in_prediction, found.in_reference) == (expected.in_prediction, expected.in_reference)
        np.testing.assert_allclose(found.to_reference, expected.to_reference, rtol=1e-12)
        np.testing.assert_allclose(found.to_prediction, expected.to_prediction, rtol=1e-12)
        if expected.comparable:
            for ours, theirs in (
                (found.prediction_areas, expected.prediction_areas),
                (found.reference_areas, expected.reference_areas),
            ):
                assert ours is not None
                assert theirs is not None
                assert ours.sum() == pytest.approx(theirs.sum(), rel=1e-12)


def test_the_labels_of_a_map_are_one_layer_and_what_overlaps_them_is_another() -> None:
    maps = (np.zeros((3, 3), np.uint8), np.zeros((3, 3), np.uint8))
    values = [[1], [2], [3], [1, 2], [3, 4], [4]]
    layers = layers_of([target(maps, *same(v), (1.0, 1.0)) for v in values])
    assert [layer.members for layer in layers] == [(0, 1, 2, 5), (3, 4)]


@pytest.mark.parametrize("threads", [1, 2])
def test_more_labels_than_a_byte_tells_apart(threads: int) -> None:
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 900, (9, 8, 7))
    reference = coarse.repeat(4, 0).repeat(4, 1).repeat(4, 2).astype(np.uint16) * 70
    prediction = np.roll(reference, (1, 0, 2), (0, 1, 2))
    targets = [target((prediction, reference), *same([70 * k]), (1.0, 0.5, 2.0)) for k in range(1, 900)]
    require_alone(targets, threads)


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=3), st.lists(st.integers(0, 9), min_size=3, max_size=3))
def test_rings_hold_every_place_up_to_their_distance(spacing: list[float], extent: list[int]) -> None:
    found = rings(spacing, extent[: len(spacing)])
    assert found.mm[0] == 0
    assert (np.diff(found.mm) > 0).all()
    mine = {tuple(offset) for ring in found.offsets for offset in ring.tolist()}
    span = [range(-n, n + 1) for n in extent[: len(spacing)]]
    every = np.stack([axis.reshape(-1) for axis in np.meshgrid(*span, indexing="ij")], axis=1)
    near = every[np.linalg.norm(every * spacing, axis=1) < found.mm[-1] * (1 - 1e-12)]
    assert {tuple(offset) for offset in near.tolist()} <= mine
    for ring, mm in zip(found.offsets, found.mm, strict=True):
        np.testing.assert_allclose(np.linalg.norm(ring * spacing, axis=1), mm, rtol=1e-12, atol=0)
        assert (np.abs(ring) <= found.reach).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(1, 400), st.floats(0, 1e4), st.sampled_from([2, 3]))
@settings(max_examples=150)
def test_narrowing_finds_a_nearest_point(seed: int, queries: int, points: int, apart: float, axes: int) -> None:
    rng = np.random.default_rng(seed)
    spacing = rng.choice([0.001, 0.8, 1.5, 40.0], axes)
    at = rng.integers(0, rng.choice([2, 30, 900]), (queries, axes)).astype(np.int32)
    of = (rng.integers(0, rng.choice([2, 30, 900]), (points, axes)) + int(apart)).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segeval.shapes.narrowing._FEW_PAIRS", int(rng.choice([1, 50, 1 << 20])))
        patch.setattr("segeval.shapes.narrowing._PART", int(rng.choice([1, 1000])))
        nearest = narrow(at, of, spacing, seconds=np.inf)
    found = np.linalg.norm((at - of[nearest]) * spacing, axis=1)
    np.testing.assert_allclose(found, cKDTree(of * spacing).query(at * spacing)[0], rtol=1e-12, atol=0)


def test_narrowing_gives_up_what_takes_too_long() -> None:
    rng = np.random.default_rng(0)
    queries, points = (rng.integers(0, 500, (3000, 3)).astype(np.int32) for _ in range(2))
    assert (narrow(queries, points, np.ones(3), seconds=0.0) == -1).all()
    some = narrow(queries, points, np.ones(3), seconds=2e-3)
    assert 0 < (some < 0).sum() < len(queries)


@pytest.mark.parametrize("tree", [True, False])
def test_what_is_given_up_is_looked_up_in_a_tree_or_by_planes(monkeypatch: pytest.MonkeyPatch, tree: bool) -> None:
    rng = np.random.default_rng(2)
    queries, points = rng.integers(0, 9, (90, 3)).astype(np.int32), rng.integers(20, 60, (500, 3)).astype(np.int32)
    spacing = (0.8, 1.0, 2.5)
    monkeypatch.setattr(nearest_points, "_PATIENCE", 0.0)
    monkeypatch.setattr(nearest_points, "_tree_is_cheaper", lambda *_: tree)
    expected = cdist(queries * spacing, points * spacing).min(axis=1)
    np.testing.assert_allclose(nearest_points.nearest_mm(queries, points, spacing), expected, rtol=1e-12)


def test_a_block_has_the_elements_of_each_of_its_codes_and_no_others() -> None:
    codes = np.zeros((5, 5), np.uint8)
    codes[1:4, 1:3], codes[1:4, 3] = 1, 2
    found = BOUNDARY_VOXELS.find(codes)
    assert found.places[0].reshape(5, 5)[1:4, 1:4].tolist() == [[1, 1, 2], [1, 1, 2], [1, 1, 2]]
    assert sorted(found.codes.tolist()) == [1] * 6 + [2] * 3

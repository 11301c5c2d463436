"""Surfels against DeepMind's ``surface-distance`` package and against areas that are known."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masks import mask_pairs, masks_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from surface_distance import lookup_tables
    from surface_distance import metrics as deepmind

from segeval.quantities.surface import assd, hd, hd95, masd, nsd
from segeval.shapes.surfels import element_areas, measure_surfels
from segeval.tallies.surfaces import Surfaces

Array = np.ndarray[Any, Any]
PAIRS = mask_pairs(st.integers(1, 8), [0.1, 0.5, 0.9], st.sampled_from([0.7, 1.0, 1.3, 2.5]))


def surfels_of(prediction: Array, reference: Array, spacing: tuple[float, ...]) -> Surfaces:
    return Surfaces(None, (measure_surfels(masks_of(prediction, reference, spacing)),), 1.0)


def package(prediction: Array, reference: Array, spacing: tuple[float, ...]) -> Any:
    with warnings.catch_warnings():  # it uses names that SciPy has moved
        warnings.simplefilter("ignore", DeprecationWarning)
        return deepmind.compute_surface_distances(reference, prediction, spacing)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.3, 2.9), (3.1, 0.4, 1.7)])
def test_the_derived_areas_are_the_packages_table(spacing: tuple[float, ...]) -> None:
    # The package numbers the corners the other way round.
    volumes = lookup_tables.create_table_neighbour_code_to_surface_area(spacing)
    turned = [int(f"{code:08b}"[::-1], 2) for code in range(256)]
    np.testing.assert_allclose(element_areas(spacing), volumes[turned], rtol=0, atol=1e-12)
    contours = lookup_tables.create_table_neighbour_code_to_contour_length(spacing[:2])
    turned = [int(f"{code:04b}"[::-1], 2) for code in range(16)]
    np.testing.assert_allclose(element_areas(spacing[:2]), contours[turned], rtol=0, atol=1e-12)


def test_areas_that_are_known() -> None:
    areas = element_areas((1.0, 2.0, 3.0))
    assert areas[0] == areas[255] == 0
    assert areas[0b00001111] == pytest.approx(6)  # half of the cube along axis 0: a whole face of 2×3
    assert areas[0b01010101] == pytest.approx(2)  # along axis 2: 1×2
    # One corner: the triangle of (½,0,0), (0,1,0), (0,0,1½): half of |(1·1.5, ½·1.5, ½·1)|.
    assert areas[1] == pytest.approx(math.sqrt(1.5**2 + 0.75**2 + 0.5**2) / 2)
    assert element_areas((3.0, 4.0))[1] == pytest.approx(2.5)  # half a 3-4-5 diagonal


@given(PAIRS)
@settings(max_examples=150)
def test_every_number_is_the_packages(pair: tuple[Array, Array, tuple[float, ...]]) -> None:
    prediction, reference, spacing = pair
    expected = package(prediction, reference, spacing)
    surfaces = surfels_of(prediction, reference, spacing)
    (target,) = surfaces.targets(surfel=True)
    np.testing.assert_allclose(target.to_reference, expected["distances_pred_to_gt"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(target.to_prediction, expected["distances_gt_to_pred"], rtol=0, atol=1e-9)
    averages = deepmind.compute_average_surface_distance(expected)
    assert masd(surfaces, surfel=True)[0] == pytest.approx(np.mean(averages), abs=1e-6)
    for p in (50, 95, 100):
        robust = deepmind.compute_robust_hausdorff(expected, p)
        # Where exactly p % of the area lie within a distance, the last bit of a sum decides between two neighbours.
        ours = [hd(surfaces, p=q, surfel=True)[0] for q in (max(p - 1e-9, 0), p, min(p + 1e-9, 100))]
        assert any(value == pytest.approx(robust, abs=1e-6) for value in ours)
    assert hd95(surfaces, surfel=True)[0] == hd(surfaces, p=95, surfel=True)[0]
    for tau in (0.0, 0.75, 1.5):
        dice = deepmind.compute_surface_dice_at_tolerance(expected, tau)
        assert nsd(surfaces, tau=tau, surfel=True)[0] == pytest.approx(dice, abs=1e-6)
    areas = (expected["surfel_areas_pred"].sum(), expected["surfel_areas_gt"].sum())
    pooled = np.average(averages[::-1], weights=areas)  # the package gives the reference's direction first
    assert assd(surfaces, surfel=True)[0] == pytest.approx(pooled, abs=1e-6)


def test_a_sphere_has_nearly_its_area_and_a_box_its_own_with_cut_edges() -> None:
    """The marching-cubes surface of a digital sphere of 20 mm overestimates 4πr² by less than a tenth."""
    grid = np.ogrid[-25:26, -25:26, -25:26]
    sphere = sum(g**2 for g in grid) <= 20**2
    (target,) = surfels_of(sphere, sphere, (1.0, 1.0, 1.0)).targets(surfel=True)
    assert target.prediction_areas is not None
    assert 1.0 < target.prediction_areas.sum() / (4 * math.pi * 20**2) < 1.1
    # One voxel: an octahedron with half diagonals of ½ mm, 8 triangles with sides of √½.
    single = np.ones((1, 1, 1), dtype=bool)
    (target,) = surfels_of(single, single, (1.0, 1.0, 1.0)).targets(surfel=True)
    assert target.prediction_areas is not None
    assert target.prediction_areas.sum() == pytest.approx(8 * math.sqrt(3) / 4 * 0.5)


@pytest.mark.parametrize("present", [(True, False), (False, True), (False, False)])
def test_an_empty_mask_has_no_surfels(present: tuple[bool, bool]) -> None:
    masks = [np.full((3, 3, 3), there) for there in present]
    (target,) = surfels_of(masks[0], masks[1], (1.0, 1.0, 1.0)).targets(surfel=True)
    assert (target.in_prediction, target.in_reference) == present
    assert not target.to_reference.size

"""Voxels inside polygons: edges by hand, everything else as other programs have it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.readers.polygons import FARTHEST, inside

Array = np.ndarray[Any, Any]
SHAPE = (12, 9)


def filled(*polygons: Any, shape: tuple[int, int] = SHAPE) -> Array:
    """(columns, rows)"""
    plane = np.zeros(shape[::-1], np.bool_)
    found = inside([np.array(polygon, float) for polygon in polygons], shape)
    if found is not None:
        box, within = found
        plane[box] = within
    return plane.T


def voxels(*polygons: Any) -> set[tuple[int, int]]:
    return set(map(tuple, np.argwhere(filled(*polygons)).tolist()))


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def test_a_centre_on_an_edge_belongs_to_the_polygon_at_larger_coordinates() -> None:
    assert voxels(rectangle(2, 3, 4, 5)) == {(2, 3), (3, 3), (2, 4), (3, 4)}
    assert voxels(rectangle(1.5, 2.5, 3.5, 4.5)) == {(2, 3), (3, 3), (2, 4), (3, 4)}
    assert voxels(rectangle(2, 3, 4, 5)[::-1]) == voxels(rectangle(2, 3, 4, 5))
    assert voxels(rectangle(2.25, 3.25, 2.75, 3.75)) == set()
    # two halves of a square: the centres on the diagonal from (4, 0) to (0, 4) belong to the one at larger x
    assert voxels([(0, 0), (4, 0), (0, 4)]) == {(x, y) for y in range(4) for x in range(4 - y)}
    assert voxels([(4, 4), (4, 0), (0, 4)]) == {(x, y) for y in range(1, 4) for x in range(4 - y, 4)}


def test_a_hole_and_a_keyhole_are_the_same() -> None:
    ring = filled(rectangle(1, 1, 8, 8)) & ~filled(rectangle(3, 3, 5, 6))
    assert ring.sum() == 49 - 6
    assert np.array_equal(filled(rectangle(1, 1, 8, 8), rectangle(3, 3, 5, 6)), ring)
    keyhole = [(1, 1), (8, 1), (8, 8), (1, 8), (1, 4.3), (3, 4.7), (3, 6), (5, 6), (5, 3), (3, 3), (3, 4.7), (1, 4.3)]
    assert np.array_equal(filled(keyhole), ring)
    through_centres = [(1, 1), (8, 1), (8, 8), (1, 8), (1, 4), (3, 4), (3, 6), (5, 6), (5, 3), (3, 3), (3, 4), (1, 4)]
    assert np.array_equal(filled(through_centres), ring)
    island = filled(rectangle(1, 1, 8, 8), rectangle(2, 2, 7, 7), rectangle(4, 4, 6, 6))
    assert island.sum() == 49 - 25 + 4


def test_what_encloses_no_centre_is_nothing() -> None:
    assert inside([], SHAPE) is None
    assert inside([np.array([[1.0, 1.0], [4.0, 4.0]])], SHAPE) is None
    assert voxels([(1, 1), (4, 4), (1, 1), (4, 4)]) == set()
    assert voxels([(3, 3)] * 5) == set()
    assert voxels(rectangle(-9, -9, -1, -1)) == set()
    assert voxels(rectangle(12, 0, 20, 9)) == set()


def test_beyond_the_plane_nothing_is_lost_and_nothing_is_added() -> None:
    assert filled(rectangle(-1000.5, -FARTHEST, FARTHEST, 1000)).all()
    assert voxels(rectangle(-3, -3, 1.5, 0.5)) == {(0, 0), (1, 0)}
    assert voxels(rectangle(10.5, 7.5, 13, 20)) == {(11, 8)}


def test_decimals_of_a_writer_do_not_decide() -> None:
    jitter = np.random.default_rng(1).uniform(-1e-9, 1e-9, (200, 4, 2))
    for noise in jitter:
        assert voxels(np.array(rectangle(2, 3, 4, 5)) + noise) == {(2, 3), (3, 3), (2, 4), (3, 4)}


coordinates = st.one_of(
    st.integers(-3, 14).map(float), st.integers(-12, 56).map(lambda n: n / 4), st.floats(-20, 30).map(float)
)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9)


@given(polygons)
def test_triangles_of_a_fan_share_no_voxel_and_leave_none_out(polygon: list[tuple[float, float]]) -> None:
    """Whatever is cut up is the same: by the even-odd rule the pieces add without a carry."""
    hub = polygon[0]
    parts = np.zeros(SHAPE, np.int64)
    for a, b in pairwise(polygon[1:]):
        parts += filled([hub, a, b])
    assert np.array_equal(parts % 2 == 1, filled(polygon))


@given(st.lists(st.tuples(st.floats(0.5, 3.9), st.floats(0.5, 3.9)), min_size=1, max_size=1))
def test_four_tiles_around_any_point_are_the_square(point: list[tuple[float, float]]) -> None:
    ((x, y),) = point
    corners = [(0, 0), (4, 0), (4, 4), (0, 4)]
    parts = sum(filled([a, b, (x, y)]).astype(int) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))
    assert np.array_equal(parts, filled(corners).astype(int))


@given(polygons)
def test_every_centre_is_where_rational_arithmetic_says(polygon: list[tuple[float, float]]) -> None:
    rounded = [(Fraction(round(x * 65536), 65536), Fraction(round(y * 65536), 65536)) for x, y in polygon]
    found = filled(polygon)
    for x, y in np.ndindex(*SHAPE):
        crossings = 0
        for (ax, ay), (bx, by) in zip(rounded, rounded[1:] + rounded[:1], strict=True):
            if min(ay, by) <= y < max(ay, by):
                crossings += ax + (y - ay) * (bx - ax) / (by - ay) <= x
        assert found[x, y] == (crossings % 2 == 1)


@pytest.mark.parametrize("seed", range(20))
def test_scikit_image_agrees_away_from_edges(seed: int) -> None:
    from skimage.measure import points_in_poly

    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 60))
    radii = random.uniform(8, 30, 60)
    star = np.column_stack([40 + radii * np.cos(angles), 35 + radii * np.sin(angles)])
    centres = np.argwhere(np.ones((80, 70), np.bool_))
    found = filled(star, shape=(80, 70))[tuple(centres.T)]
    assert np.array_equal(found, points_in_poly(centres, star))


def test_a_polygon_of_a_million_points() -> None:
    turns = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    zigzag = 60 + np.where(np.arange(turns.size) % 2, 30, 40)[:, np.newaxis] * np.column_stack(
        [np.cos(turns), np.sin(turns)]
    )
    found = filled(zigzag, shape=(121, 121))
    x, y = np.ogrid[:121, :121]
    distance = np.hypot(x - 60, y - 60)
    assert found[distance < 29].all()
    assert not found[distance > 41].any()

"""Contours of one structure that repeat, cross or leave planes out: what counts, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rtstructs import closed, on_grid, rectangle, rtstruct


def test_planes_that_a_structure_skips_are_named(tmp_path: Path) -> None:
    """Two structures: one skips planes 2 and 3, one plane 1; a third one skips none, and begins late."""
    planes = {"liver": (0, 1, 4, 5), "spleen": (0, 2, 3), "kidney": (3, 4, 5)}
    rois = [
        (number, name, [closed(rectangle(2, 3, 12, 13), plane) for plane in of])
        for number, (name, of) in enumerate(planes.items(), start=1)
    ]
    path = rtstruct(tmp_path / "x.dcm", rois)
    masks, remarks = on_grid(path, (20, 16, 6))
    assert {name: np.flatnonzero(mask.any(axis=(0, 1))).tolist() for name, mask in masks.items()} == {
        name: list(of) for name, of in planes.items()
    }
    (gaps,) = [remark for remark in remarks if "interpolated" in remark]
    assert "between planes of the grid (from 0)" in gaps
    assert "nothing is interpolated: liver (1 and 4), spleen (0 and 2);" in gaps
    masks, remarks = on_grid(rtstruct(path, rois[2:]), (20, 16, 6))
    assert remarks == []


SQUARE = rectangle(1.5, 2.5, 11.5, 12.5)


@pytest.mark.parametrize(
    "again",
    [SQUARE, [*SQUARE[2:], *SQUARE[:2]], SQUARE[::-1], [*SQUARE, SQUARE[0]], [(x + 1e-4, y) for x, y in SQUARE]],
)
def test_a_contour_that_is_stored_twice_counts_once(tmp_path: Path, again: list[tuple[float, float]]) -> None:
    """By even-odd it would be nothing; where its type is XOR, nothing is what the standard says (C.8.8.6.3)."""
    hole, elsewhere = closed(rectangle(4.5, 4.5, 7.5, 8.5), 1), closed(SQUARE, 2)
    contours = [closed(SQUARE, 1), hole, closed(again, 1), elsewhere]
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", contours), (2, "y", [elsewhere])]))
    assert (masks["x"].sum(axis=(0, 1)).tolist(), masks["y"].sum()) == ([0, 88, 100, 0, 0], 100)
    assert remarks[0].endswith("contours that equal another one of their structure count once: x (1)")
    contours = [("CLOSEDPLANAR_XOR", points) for _, points in contours]
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", contours)]))
    assert masks["x"].sum(axis=(0, 1)).tolist() == [0, 12, 100, 0, 0]
    assert remarks[0].endswith("equal contours of the type CLOSEDPLANAR_XOR cancel each other, as DICOM says: x (1)")


def test_contours_that_cross_are_named(tmp_path: Path) -> None:
    """Squares of 100 voxels that share 5 × 10, by even-odd outside; a hole that touches, and islands, do not cross."""
    squares = [closed(rectangle(x + 0.5, 2.5, x + 10.5, 12.5), 1) for x in (1, 6)]
    touching = [closed(rectangle(1.5, 2.5, 11.5, 12.5), 2), closed(rectangle(1.4, 4.5, 7.5, 9.5), 2)]
    islands = [closed(rectangle(x, 2.5, x + 3, 12.5), 3) for x in (0.5, 6.5, 12.5)]
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", squares), (2, "y", touching), (3, "z", islands)]))
    assert [int(masks[name].sum()) for name in "xyz"] == [100, 70, 90]
    (remark,) = [one for one in remarks if "cross" in one]
    assert "what lies in two of them is outside, in three inside: x (50 voxels)" in remark
    exclusive = [("CLOSEDPLANAR_XOR", points) for _, points in squares]
    assert on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", exclusive)]))[1] == []


def test_voxels_where_three_contours_cross_are_counted_once(tmp_path: Path) -> None:
    """Squares of 10 × 10, each 3 further: two share 7, 7 and 4 columns, which are columns 3 to 12."""
    squares = [closed(rectangle(x + 0.5, 2.5, x + 10.5, 12.5), 1) for x in (0, 3, 6)]
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", squares)]))
    assert int(masks["x"].sum()) == 10 * (3 + 4 + 3)
    assert "x (100 voxels)" in remarks[0]


def test_contours_that_are_all_but_the_same_are_named(tmp_path: Path) -> None:
    """A copy 0.01 mm beside a square, and one with a point more, erase it; a wall of one voxel is drawn by two."""
    beside = [(x + 0.01, y) for x, y in SQUARE]
    one_more = [*SQUARE, (1.5, 7.5)]
    wall = rectangle(2.5, 3.5, 10.5, 11.5)
    rois = [
        (number, name, [closed(SQUARE, number), closed(other, number)])
        for number, (name, other) in enumerate({"beside": beside, "one more": one_more, "wall": wall}.items(), start=1)
    ]
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", rois))
    assert {name: int(mask.sum()) for name, mask in masks.items() if mask.any()} == {"wall": 36}
    (remark,) = [one for one in remarks if "contours of one structure" in one]
    assert "are all but the same, and what lies in two of them is outside: " in remark
    assert "beside (100 voxels), one more (100 voxels); mend" in remark


def test_a_thin_ring_is_no_contour_stored_twice(tmp_path: Path) -> None:
    ring = [closed(rectangle(2, 3, 12, 13), 1), closed(rectangle(2.1, 3.1, 11.9, 12.9), 1)]
    other = closed([(2, 3), (12, 3), (12, 13), (7, 8), (2, 13)], 1)  # of the same box
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", ring), (2, "y", [ring[0], other])]))
    assert masks["x"].sum() == 19  # the first row and column of the square alone
    assert masks["y"].sum() == 2 + 4 + 6 + 8  # the notch, row by row
    assert not any("equal" in remark for remark in remarks)

"""The outline of a mask: filled again, it is the mask."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from svgs import corners_of

from segeval.pictures.outlines import decimals, loops, outline, short

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=8))


def filled(lines: list[list[tuple[float, float]]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """By the even-odd rule, from the crossings to the left of each pixel's centre; corners as (row, column)."""
    found = np.zeros(shape, dtype=np.bool_)
    for corners in lines:
        for (row, column), (next_row, _) in zip(corners, corners[1:] + corners[:1], strict=True):
            low, high = sorted((round(row), round(next_row)))
            found[low:high, round(column) :] ^= True
    return found


@given(masks)
def test_a_filled_outline_is_the_mask(mask: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(filled([list(loop) for loop in loops(mask)], mask.shape), mask)


@given(masks, st.tuples(st.floats(0.01, 40), st.floats(0.01, 40)))
def test_so_is_that_of_a_path_in_mm(mask: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> None:
    """Roundings do not add up: each corner lies within a twentieth of a pixel's smaller side."""
    lines = corners_of(outline(mask, pixel_mm))
    off = [
        abs(place / mm - round(place / mm)) * mm
        for line in lines
        for corner in line
        for place, mm in zip(corner, pixel_mm, strict=True)
    ]
    assert max(off, default=0) <= min(pixel_mm) / 20 * (1 + 1e-6)
    as_pixels = [[(y / pixel_mm[1], x / pixel_mm[0]) for x, y in line] for line in lines]
    np.testing.assert_array_equal(filled(as_pixels, mask.shape), mask)


def test_by_hand() -> None:
    """A pixel of 0.5 × 2 mm in the second column of the second row; a ring of its neighbours has two lines."""
    mask = np.zeros((3, 3), np.bool_)
    mask[1, 1] = True
    assert outline(mask, (0.5, 2.0)) == "M.5 2h.5v2h-.5z"
    assert outline(~mask, (0.5, 2.0)) == "M0 0h1.5v6h-1.5zM.5 4h.5v-2h-.5z"
    assert outline(np.zeros((3, 3), np.bool_), (1, 1)) == ""


def test_pixels_that_touch_at_a_corner_are_apart() -> None:
    assert outline(np.eye(2, dtype=np.bool_), (1.0, 1.0)) == "M0 0h1v1h-1zM1 1h1v1h-1z"


def test_numbers_are_short() -> None:
    pairs: list[tuple[tuple[float, int], Any]] = [
        ((0.84, 2), ".84"), ((-0.5, 1), "-.5"), ((12.0, 2), "12"), ((-0.0, 1), "0"), ((100.0, 0), "100"),
        ((10.05, 2), "10.05"),
    ]  # fmt: skip
    assert [short(*given) for given, _ in pairs] == [text for _, text in pairs]
    assert [decimals((mm, mm)) for mm in (0.0005, 0.84, 1.5, 40)] == [5, 2, 1, 0]
    assert not re.search(r"e", outline(np.ones((1, 1), np.bool_), (1e-9, 1e-9)))

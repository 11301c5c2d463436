"""Bounding boxes out of runs: the same as a search over all voxels, however the voxels are cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from segeval.kernels.boxes import Boxes, enclosing, find_runs

Array = np.ndarray[Any, Any]


@st.composite
def label_maps(draw: st.DrawFn) -> Array:
    """2-D or 3-D, few labels in runs of any length."""
    shape = draw(st.lists(st.integers(1, 6), min_size=2, max_size=3))
    size = int(np.prod(shape))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    run = draw(st.sampled_from([1, 4, 30]))
    flat = np.repeat(rng.choice([0, 0, 1, 2, 5], size), run)[:size].astype(np.uint8)
    return flat.reshape(shape, order="F")


def boxes_of(volume: Array, cuts: list[int] | None = None) -> Boxes:
    """The stream in pieces that end at these positions."""
    boxes = Boxes(volume.shape)
    stream = volume.ravel(order="F")
    edges = [0, *sorted(cuts or []), stream.size]
    for start, stop in pairwise(edges):
        piece = stream[start:stop]
        starts, lengths = find_runs(piece)
        boxes.add(starts + start, lengths, piece[starts])
    return boxes


@given(label_maps(), st.lists(st.floats(0, 1), max_size=4))
def test_boxes_are_those_of_a_search_over_all_voxels(volume: Array, shares: list[float]) -> None:
    boxes = boxes_of(volume, [int(share * volume.size) for share in shares])
    found = ndimage.find_objects(volume, max_label=5)
    for label in range(1, 6):
        assert boxes.box({label}) == found[label - 1]
    assert boxes.box({2, 5}) == enclosing([found[1], found[4]])
    whole = ndimage.find_objects((volume > 0).astype(np.uint8), max_label=1)
    assert boxes.box(range(1, 6)) == whole[0]


def test_a_run_across_rows_and_slices_spans_the_faster_axes() -> None:
    boxes = Boxes((4, 3, 5))
    # Positions 10 … 13 of rows of 4 and slices of 12: the last two voxels of slice 0 and the first two of slice 1.
    boxes.add(np.array([10]), np.array([4]), np.array([7]))
    assert boxes.box({7}) == (slice(0, 4), slice(0, 3), slice(0, 2))


def test_a_run_within_a_row_is_its_own_extent() -> None:
    boxes = Boxes((4, 3, 5))
    boxes.add(np.array([13]), np.array([2]), np.array([7]))
    assert boxes.box({7}) == (slice(1, 3), slice(0, 1), slice(1, 2))


@pytest.mark.parametrize(
    "value", [np.int8(-3), np.int64(-(2**62)), np.uint64(2**64 - 1), np.uint16(40_000)], ids=lambda v: v.dtype.name
)
def test_any_integer_is_a_label(value: np.generic) -> None:
    volume = np.zeros((3, 4, 2), dtype=value.dtype, order="F")
    volume[1:, 2, 1] = value
    boxes = boxes_of(volume)
    assert boxes.box({int(value)}) == (slice(1, 3), slice(2, 3), slice(1, 2))


def test_many_labels_each_have_their_box() -> None:
    volume = np.arange(30 * 20 * 10, dtype=np.int32).reshape((30, 20, 10), order="F")
    boxes = boxes_of(volume, [1000, 1001, 5000])
    for label in (1, 29, 30, 999, 1000, 5999):
        assert boxes.box({label}) == tuple(slice(int(i), int(i) + 1) for i in np.argwhere(volume == label)[0])


def test_what_does_not_occur_has_no_box() -> None:
    volume = np.zeros((3, 3), dtype=np.uint8)
    assert boxes_of(volume).box({0, 1}) is None
    assert enclosing([None, None]) is None
    assert enclosing([None, (slice(1, 2),)]) == (slice(1, 2),)


def test_runs_of_a_piece() -> None:
    starts, lengths = find_runs(np.array([4, 4, 0, 4, 1, 1, 1]))
    assert starts.tolist() == [0, 2, 3, 4]
    assert lengths.tolist() == [2, 1, 1, 3]
    assert [part.size for part in find_runs(np.empty(0, dtype=np.uint8))] == [0, 0]

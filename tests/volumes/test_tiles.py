"""Boxes of volumes that can be read at any place: each voxel once, each stored chunk whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from numpy.typing import NDArray

from segeval.volumes import tiles
from segeval.volumes.series import OneOfSeveral
from segeval.volumes.tiles import Box, parts_of, tile_source, tiled
from segeval.volumes.values import LabelSource, Rounding, ScaledSource
from segeval.volumes.volume import ArraySource, Piece


class Stored(Struct, frozen=True):
    """An array (channels, *shape) that is read by boxes."""

    array: NDArray[Any]
    grain: tuple[int, ...]
    in_order: bool = False
    anywhere: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape[1:]

    @property
    def channels(self) -> int:
        return len(self.array)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def pieces(self, channel: int) -> Any:
        yield self.array[channel].reshape(-1, order="F")

    def tile(self, channel: int, box: Box) -> Piece:
        return self.array[(channel, *box)].reshape(-1, order="F")


sizes = st.lists(st.integers(1, 9), min_size=1, max_size=3)


@given(st.data(), sizes, st.integers(1, 200), st.integers(1, 100))
def test_boxes_cover_each_voxel_once_and_keep_chunks_whole(
    data: st.DataObject, shape: list[int], most: int, part: int
) -> None:
    grains = [tuple(data.draw(st.integers(1, length)) for length in shape) for _ in range(2)]
    first = Stored(np.arange(math.prod(shape)).reshape(1, *shape), grains[0])
    second = Stored(first.array * 2, grains[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "_BOX_VOXELS", most)
        patch.setattr(tiles, "PART_VOXELS", part)
        parts = parts_of(first, second)
        assert parts is not None
        seen = np.zeros(shape, int)
        for box in (box for group in parts for box in group):
            seen[box] += 1
            size = math.prod(side.stop - side.start for side in box)
            assert size <= max(most, math.prod(map(max, *grains)))
        assert (seen == 1).all()
        for group in parts:
            ours, theirs = (np.concatenate(list(tiled(source, group).pieces(0))) for source in (first, second))
            assert (theirs == 2 * ours).all()
        for group in parts[:-1]:
            assert sum(math.prod(side.stop - side.start for side in box) for box in group) >= part


def test_sides_of_boxes_are_multiples_of_both_chunks() -> None:
    """4 and 6 along x: 12; 5 and 2 along y: 10, all that memory allows; then as far along x as it does."""
    one, other = (Stored(np.zeros((1, 100, 50, 9), np.uint8), grain) for grain in ((4, 5, 3), (6, 2, 1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "_BOX_VOXELS", 12 * 10 * 3 * 2)
        parts = parts_of(one, other)
    assert parts is not None
    assert parts[0][0] == (slice(0, 24), slice(0, 10), slice(0, 3))
    assert [box[0].start for box in parts[0][:5]] == [0, 24, 48, 72, 96]


def test_only_what_maps_voxel_by_voxel_is_looked_through() -> None:
    stored = Stored(np.zeros((2, 4, 4), np.float32), (2, 2))
    assert tile_source(ScaledSource(OneOfSeveral(stored, 1), 255.0, False)) is stored
    assert tile_source(LabelSource(stored, Rounding((4, 4)))) is None  # it says where a fraction lies
    assert tile_source(ArraySource(stored.array)) is None
    assert tile_source(Stored(stored.array, (2, 2), anywhere=False)) is None
    assert parts_of(stored, ArraySource(stored.array)) is None
    assert parts_of(stored, Stored(np.zeros((1, 4, 5), np.uint8), (2, 2))) is None
    boxes = ((slice(2, 4), slice(0, 2)),)
    values = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
    (piece,) = tiled(ScaledSource(OneOfSeveral(Stored(values, (2, 2)), 1), 2.0, False), boxes).pieces(0)
    assert piece.tolist() == [12.0, 14.0, 12.5, 14.5]  # (24, 28, 25, 29) / 2

"""A prediction sampled at the voxel centres of another grid.

A grid's field of view reaches half a voxel beyond its outermost centres. Outside it, there is background.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.volumes.memory import Need
from segeval.volumes.volume import PIECE_VOXELS, ArraySource, DerivedSource, Piece, whole_channel, whole_channel_bytes

_LOOKED_UP = (np.float32, np.float64)  # what SciPy interpolates as it is
_EDGE = 1e-6  # voxels; an affine's rounding must not push a voxel on the edge outside


class _Resampling(DerivedSource, frozen=True):
    """new_shape: of the new grid. to_source: 4×4, from its voxel indices to the source's.

    outside: the value of channel 0 outside the source's field of view; every other channel is 0 there.
    """

    new_shape: tuple[int, ...]
    to_source: Floats
    outside: float

    @property
    def shape(self) -> tuple[int, ...]:
        return self.new_shape

    @property
    def in_order(self) -> bool:
        return not isinstance(self.source, ArraySource)  # side by side, all channels would be held

    @property
    def need(self) -> Need:
        return Need(self._held_bytes(), "resampling", "resample it to the reference's grid beforehand")

    def _held_bytes(self) -> int:
        """One channel of the source, as it is looked up."""
        return whole_channel_bytes(self.source)

    def _positions(self) -> Iterator[Floats]:
        """Positions in the source, in voxels, of stretches of the new grid's voxels: arrays (3, voxels)."""
        total = int(np.prod(self.shape, dtype=np.int64))
        step = PIECE_VOXELS // 4
        for start in range(0, total, step):
            flat = np.arange(start, min(start + step, total))
            indices = np.array(np.unravel_index(flat, self.shape, order="F"))
            yield self.to_source[:3, : len(self.shape)] @ indices + self.to_source[:3, 3:4]

    def _inside(self, positions: Floats) -> NDArray[np.bool_]:
        depth = (1,) * (3 - len(self.source.shape))  # a picture of two axes is one voxel thick
        last = np.array(self.source.shape + depth)[:, np.newaxis] - 0.5
        return np.asarray(((positions >= -0.5 - _EDGE) & (positions <= last + _EDGE)).all(axis=0))


class NearestResampling(_Resampling, frozen=True):
    """Each voxel takes the value of the nearest voxel of the source, exactly; for label maps."""

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The channel on the new grid; the source's is held whole."""
        volume = whole_channel(self.source, channel)
        last = np.array(volume.shape)[:, np.newaxis] - 1
        for positions in self._positions():
            inside = self._inside(positions)
            nearest = np.clip(np.floor(positions[: volume.ndim] + 0.5), 0, last).astype(np.int64)
            values = volume[tuple(nearest)]
            values[~inside] = 0
            yield values


class LinearResampling(_Resampling, frozen=True):
    """Each voxel takes the linear interpolation of the source; for probabilities.

    SciPy's spline code does the interpolation: it accepts any affine, sheared ones included, and works on stretches.
    """

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    def _held_bytes(self) -> int:
        stored = super()._held_bytes()
        if self.source.dtype in _LOOKED_UP:
            return stored
        return stored + 8 * math.prod(self.source.shape)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The channel on the new grid; the source's is held whole."""
        from scipy.ndimage import map_coordinates

        volume = whole_channel(self.source, channel)
        if volume.dtype not in _LOOKED_UP:
            volume = volume.astype(np.float64)
        background = self.outside if channel == 0 else 0.0
        for positions in self._positions():
            values = map_coordinates(volume, positions[: volume.ndim], output=np.float64, order=1, mode="nearest")
            values[~self._inside(positions)] = background
            yield values

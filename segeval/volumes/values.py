"""Stored numbers to labels or probabilities, on their way past."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.choices import Activation
from segeval.errors import LabelError
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.tiles import voxels_of
from segeval.volumes.volume import PIECE_VOXELS, ArraySource, DerivedSource, Piece, VoxelSource

INTEGRAL_WITHIN = 1e-3
"""How far a label stored as a float may lie from its integer."""
_SILENTLY = 1e-5  # moves up to here are the rounding of a scaled header
_INT64_LIMIT = 2.0**63


class Rounding(Struct):
    """What rounding floats to labels met.

    fractional: voxels further than 1e-3 from an integer, NaN and infinity included.
    first: the value and the voxel index of the first of them.
    moved: the largest distance that a value was moved.
    """

    shape: tuple[int, ...]
    fractional: int = 0
    first: tuple[float, tuple[int, ...]] | None = None
    moved: float = 0.0
    _seen: int = 0

    def round(self, piece: Piece) -> NDArray[np.int64]:
        """The labels of the next piece; 0 where there is none. CuPy's arrays stay on their device."""
        if piece.dtype.itemsize < 4:
            piece = piece.astype(np.float32)
        with np.errstate(invalid="ignore"):
            if (label := _only_label(piece)) is not None:
                value, distance = label
                self.moved = max(self.moved, distance)
                self._seen += piece.size
                return np.broadcast_to(np.full_like(piece[:1], value, dtype=np.int64), piece.shape)
            nearest = np.rint(piece)
            distance = np.abs(piece - nearest)
            good = (distance <= INTEGRAL_WITHIN) & (np.abs(nearest) < _INT64_LIMIT)
        if good.all():
            self.moved = max(self.moved, _largest(distance))
        else:
            bad = np.flatnonzero(~good)
            self.moved = max(self.moved, _largest(distance[good]))
            if self.first is None:
                where = int(bad[0])
                place = np.unravel_index(self._seen + where, self.shape, order="F")
                self.first = float(piece[where]), tuple(int(i) for i in place)
            self.fractional += bad.size
            nearest[bad] = 0
        self._seen += piece.size
        return nearest.astype(np.int64)

    def require_labels(self, name: str, advice: str) -> list[str]:
        """A remark where values were moved. Raises LabelError where some voxel holds no label."""
        if self.first is not None:
            value, place = self.first
            raise LabelError(
                f"{name}: is no label map: {self.fractional} voxel(s) hold no integer, the first {value:.9g} at "
                f"{place}; {advice}"
            )
        if self.moved > _SILENTLY:
            return [f"{name}: labels stored as floats were rounded, by up to {self.moved:.2g}"]
        return []


def _only_label(piece: Piece) -> tuple[int, float] | None:
    """(The label of every voxel, the largest distance from it), where the least and the greatest value tell; or None.

    Background is like that, and two looks at a piece cost a quarter of rounding it.
    """
    if not piece.size:
        return None
    low, high = piece.min(), piece.max()
    nearest = np.rint(low)
    distance = np.maximum(np.abs(low - nearest), np.abs(high - nearest))
    if distance <= INTEGRAL_WITHIN and np.abs(nearest) < _INT64_LIMIT:
        return int(nearest), float(distance)
    return None


def _largest(distances: NDArray[Any]) -> float:
    """0 of none; CuPy's ``max`` takes no ``initial``."""
    return float(distances.max()) if distances.size else 0.0


class LabelSource(DerivedSource, frozen=True):
    """A source of floats read as labels; what the rounding met is in ``rounding``."""

    rounding: Rounding

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int64)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The labels."""
        return map(self.rounding.round, self.source.pieces(channel))


class ScaledSource(DerivedSource, frozen=True):
    """A source whose values are divided by a number, and may be logits of separate maps."""

    by_voxel: ClassVar[bool] = True

    divisor: float
    sigmoid: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The probabilities, float64."""
        for piece in self.source.pieces(channel):
            values = piece.astype(np.float64) / self.divisor
            if self.sigmoid:
                from scipy.special import expit

                values = expit(values)
            yield values


class SoftmaxSource(DerivedSource, frozen=True, dict=True):
    """Logits of exclusive classes: all channels of a voxel are needed at once, so the stored voxels are held: a box of
    them, or the whole volume."""

    by_voxel: ClassVar[bool] = True

    divisor: float

    @cached_property
    def held(self) -> NDArray[Any]:
        """The stored values, shape (channels, voxels), read when they are first asked for."""
        return _whole(self.source)

    @property
    def need(self) -> Need:
        size = self.channels * math.prod(self.shape) * self.source.dtype.itemsize
        return Need(size, "--activation softmax", "store probabilities instead of logits")

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    @property
    def in_order(self) -> bool:
        return False

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The channel's probabilities, float64."""
        step = max(1, PIECE_VOXELS // self.channels)
        for start in range(0, self.held.shape[1], step):
            yield self._probabilities(channel, slice(start, start + step))

    def _probabilities(self, channel: int, where: slice) -> Piece:
        logits = self.held[:, where].astype(np.float64)
        logits /= self.divisor
        with np.errstate(invalid="ignore"):
            logits -= logits.max(axis=0)
            powers = np.exp(logits, out=logits)
            return np.asarray(powers[channel] / powers.sum(axis=0))


def probabilities(name: str, source: VoxelSource, scale: float | None, activation: Activation | None) -> VoxelSource:
    """The source's values as probabilities: divided by ``scale``, then activated.

    scale: the stored value that means 1, like 255. Raises LabelError for the softmax of a single map, which is 1
    whatever it holds.
    """
    if activation == "softmax" and source.channels == 1:
        raise LabelError(
            f"{name}: --activation softmax is of several channels, and this is a single map, of which it is 1 "
            "everywhere; give --activation sigmoid for the logits of one class"
        )
    divisor = 1.0 if scale is None else scale
    if activation == "softmax":
        return SoftmaxSource(source, divisor)
    if activation == "sigmoid" or scale is not None or source.dtype.kind != "f":
        return ScaledSource(source, divisor, activation == "sigmoid")
    return source


def held(name: str, source: VoxelSource) -> ArraySource:
    """The whole source in memory, for a kind that must be known before the voxels are moved.

    Raises NotEnoughMemory.
    """
    if isinstance(source, ArraySource):
        return source
    size = source.channels * math.prod(source.shape) * source.dtype.itemsize
    require_memory(name, Need(size, "finding out its kind before it is resampled", "say what it holds with --kind"))
    whole = _whole(source)
    return ArraySource(
        whole.reshape(source.channels, *source.shape[::-1]).transpose(0, *range(len(source.shape), 0, -1))
    )


def _whole(source: VoxelSource) -> NDArray[Any]:
    """All channels in one array of shape (channels, voxels), the first axis fastest."""
    whole = np.empty((source.channels, voxels_of(source)), dtype=source.dtype)
    for channel, values in enumerate(whole):
        filled = 0
        for piece in source.pieces(channel):
            values[filled : filled + piece.size] = piece
            filled += piece.size
    return whole

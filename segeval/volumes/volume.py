"""A volume as everything above the readers sees it: facts from its header, and voxels as a stream."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from segeval.choices import Kind
from segeval.volumes.geometry import Geometry
from segeval.volumes.memory import Need

Piece = NDArray[Any]
"""A 1-D stretch of voxel values."""

PIECE_VOXELS = 1 << 18
"""Voxels per piece where a source may choose: it stays in a core's cache, and flat in speed around it."""


class VoxelSource(Protocol):
    """Voxel values, streamed.

    shape: voxels along each axis; the first axis varies fastest in the stream.
    channels: 1 for label maps and single probability maps.
    dtype: of the pieces, native byte order.
    in_order: the channels come one after the other from one stream, each may be read once and only in ascending
        order; otherwise all of them may be read side by side.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def channels(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def in_order(self) -> bool: ...
    def pieces(self, channel: int) -> Iterator[Piece]:
        """The values of one channel, in pieces of any length, first axis fastest."""
        ...


class ArraySource(Struct, frozen=True):
    """A volume that is in memory: ``array`` has shape (channels, *shape), any strides; NumPy's, or CuPy's on a device.

    owner: what the memory belongs to, where the array does not keep it alive itself.
    piece_voxels: how long a piece may be.
    """

    array: NDArray[Any]
    owner: object = None
    piece_voxels: int = PIECE_VOXELS

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape[1:]

    @property
    def channels(self) -> int:
        return int(self.array.shape[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype.newbyteorder("=")

    @property
    def in_order(self) -> bool:
        return False

    def pieces(self, channel: int) -> Iterator[Piece]:
        """Slabs along the slowest axis, so that any strides are walked without a copy of the whole."""
        volume = self.array[channel]
        if volume.ndim == 0:
            yield volume.reshape(1).astype(self.dtype, copy=False)
            return
        depth = volume.shape[-1]
        step = max(1, self.piece_voxels * depth // max(1, volume.size))
        for start in range(0, depth, step):
            slab = volume[..., start : start + step].reshape(-1, order="F")
            for first in range(0, slab.size, self.piece_voxels):
                yield slab[first : first + self.piece_voxels].astype(self.dtype, copy=False)


class EmptySource(Struct, frozen=True):
    """A label map of nothing but background."""

    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        return 1

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def in_order(self) -> bool:
        return False

    def pieces(self, channel: int) -> Iterator[Piece]:  # noqa: ARG002 (there is one)
        """Zeros."""
        left = math.prod(self.shape)
        while left:
            size = min(left, PIECE_VOXELS)
            left -= size
            yield np.zeros(size, dtype=np.uint8)


class DerivedSource(Struct, frozen=True):
    """A source made of another one, alike in all that it does not say otherwise.

    by_voxel: each voxel's value follows from that of the same voxel, wherever it lies, so that the order is free.
    """

    by_voxel: ClassVar[bool] = False

    source: VoxelSource

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

    @property
    def channels(self) -> int:
        return self.source.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    @property
    def in_order(self) -> bool:
        return self.source.in_order

    @property
    def need(self) -> Need | None:
        """What this source itself holds while its voxels are read; None for one that streams."""
        return None

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The channel as it is."""
        return self.source.pieces(channel)


def needs_of(source: VoxelSource) -> list[Need]:
    """What a source, and those that it is made of, will hold while its voxels are read."""
    found = []
    while isinstance(source, DerivedSource):
        if source.need is not None:
            found.append(source.need)
        source = source.source
    return found


def whole_channel_bytes(source: VoxelSource) -> int:
    """What `whole_channel` takes."""
    in_memory = isinstance(source, ArraySource) and source.array.dtype.isnative
    return 0 if in_memory else math.prod(source.shape) * source.dtype.itemsize


def whole_channel(source: VoxelSource, channel: int) -> NDArray[Any]:
    """One channel to be looked into: a view of what is in memory anyway, else gathered."""
    if isinstance(source, ArraySource):
        view: NDArray[Any] = source.array[channel].astype(source.dtype, copy=False)
        return view
    return gather(source, channel)


def gather(source: VoxelSource, channel: int) -> NDArray[Any]:
    """One channel whole, as a new array of ``source.shape``; for the cases that cannot be streamed."""
    flat = np.empty(int(np.prod(source.shape, dtype=np.int64)), dtype=source.dtype)
    filled = 0
    for piece in source.pieces(channel):
        flat[filled : filled + piece.size] = piece
        filled += piece.size
    return flat.reshape(source.shape, order="F")


class Volume(Struct):
    """An open volume.

    name: the path as the user gave it.
    kind: what the header settles about the values, or None where only they can tell.
    alternative: a second affine that the header states beside the chosen one, and the names of both.
    sets: for masks that overlap, the labels behind each code of a voxel that several of them claim; complete once the
        voxels were read.
    coloured: whether its labels were looked up by the colours of a picture.
    names, colours: of labels, by value, as the file itself carries them; a colour as ``#rrggbb``.
    objects: where each value is an object, the values of the objects of each label, whose names are then ``names``;
        None where values are labels.
    grayordinates: of CIFTI, whose voxels and vertices lie in no grid, which ones: a text, equal for the same ones.
    not_judged: the value of voxels that the file excepts from judgement, where it may hold any.
    on: the same content on another grid, within a tolerance, for files that say nothing of what lies beyond their own:
        there is background. Raises GeometryError where it does not fit.
    drawn_on: of contours, which have no grid and no voxels before ``on`` gives them those of another one: the same on
        the grid of the images that they were drawn on, within a tolerance. Raises GeometryError without these.
    remarks: what the user should know about this file.
    finish: read whatever follows the voxels, verify it, return further remarks; raises UnreadableFile.
    digest: SHA-256 in hex after ``finish``, where hashes were asked for.
    close: free the file, at any time.
    """

    name: str
    geometry: Geometry | None
    source: VoxelSource
    kind: Kind | None = None
    alternative: tuple[Geometry, str, str] | None = None
    remarks: list[str] = field(default_factory=list)
    sets: dict[int, frozenset[int]] = field(default_factory=dict)
    coloured: bool = False
    names: dict[int, str] = field(default_factory=dict)
    colours: dict[int, str] = field(default_factory=dict)
    objects: dict[int, frozenset[int]] | None = None
    grayordinates: str | None = None
    not_judged: int | None = None
    on: Callable[[Geometry, float], Volume] | None = None
    drawn_on: Callable[[float], Volume] | None = None
    finish: Callable[[], list[str]] = list
    digest: Callable[[], str | None] = lambda: None
    close: Callable[[], None] = lambda: None

    def __enter__(self) -> Volume:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape

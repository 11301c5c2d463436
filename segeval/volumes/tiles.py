"""Volumes that can be read at any place, taken box by box, so that each stored chunk is decoded once.

A box is a slice per axis, first axis fastest, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Protocol, runtime_checkable

from msgspec.structs import replace

from segeval.volumes.volume import PIECE_VOXELS, DerivedSource, Piece, VoxelSource

Box = tuple[slice, ...]

_BOX_VOXELS = 1 << 23
"""Of all channels together; a stored chunk that is larger is a box all the same."""

PART_VOXELS = 1 << 27
"""What is counted by itself: about a second's work, so that a worker is neither idle nor lost for long."""


@runtime_checkable
class TileSource(VoxelSource, Protocol):
    """A source that gives boxes. grain: the voxels along each axis of a stored chunk, of which boxes are made.

    anywhere: boxes may be asked for, in any order; not of what was opened as a stream.
    """

    @property
    def anywhere(self) -> bool: ...
    @property
    def grain(self) -> tuple[int, ...]: ...
    def tile(self, channel: int, box: Box) -> Piece:
        """The values of the box, first axis fastest."""
        ...


class Tiled(DerivedSource, frozen=True):
    """Some boxes of a `TileSource`, one after the other. ``shape`` stays that of the whole."""

    boxes: tuple[Box, ...]

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The voxels of the boxes."""
        if not isinstance(self.source, TileSource):
            raise TypeError("boxes are of a source that gives any box")
        for box in self.boxes:
            values = self.source.tile(channel, box)
            for first in range(0, values.size, PIECE_VOXELS):
                yield values[first : first + PIECE_VOXELS]


def tile_source(source: VoxelSource) -> TileSource | None:
    """What boxes can be read of, below whatever changes values voxel by voxel; None where there is nothing such."""
    while isinstance(source, DerivedSource):
        if not source.by_voxel:
            return None
        source = source.source
    if not getattr(source, "anywhere", False):  # before the protocol is asked, which takes longer
        return None
    return source if isinstance(source, TileSource) else None


def tiled(source: VoxelSource, boxes: tuple[Box, ...]) -> VoxelSource:
    """The source, for which there is a `tile_source`, as these boxes of it."""
    if isinstance(source, DerivedSource):
        return replace(source, source=tiled(source.source, boxes))
    return Tiled(source, boxes)


def voxels_of(source: VoxelSource) -> int:
    """How many there are in a channel's stream."""
    while isinstance(source, DerivedSource):
        if isinstance(source, Tiled):
            return sum(_size(box) for box in source.boxes)
        source = source.source
    return math.prod(source.shape)


def _size(box: Box) -> int:
    return math.prod(side.stop - side.start for side in box)


def parts_of(*sources: VoxelSource) -> list[tuple[Box, ...]] | None:
    """Boxes that cover sources of one shape, in groups to be counted by themselves; None where one gives no boxes.

    They follow from the shape, the stored chunks, and the channels, and from nothing else.
    """
    tiles = [tile_source(source) for source in sources]
    grains = [tile.grain for tile in tiles if tile is not None]
    if len(grains) < len(sources) or len({source.shape for source in sources}) > 1:
        return None
    shape = sources[0].shape
    steps = _steps(shape, grains, _BOX_VOXELS // max(source.channels for source in sources))
    parts: list[tuple[Box, ...]] = []
    group: list[Box] = []
    size = 0
    for box in _boxes(shape, steps):
        group.append(box)
        size += _size(box)
        if size >= PART_VOXELS:
            parts.append(tuple(group))
            group, size = [], 0
    return [*parts, tuple(group)] if group or not parts else parts


def _boxes(shape: Sequence[int], steps: Sequence[int]) -> Iterator[Box]:
    """In the order of the stream."""
    sides = [
        [slice(start, min(start + step, length)) for start in range(0, length, step)]
        for length, step in zip(shape, steps, strict=True)
    ]
    for box in product(*reversed(sides)):
        yield box[::-1]


def _steps(shape: Sequence[int], grains: Sequence[Sequence[int]], most: int) -> list[int]:
    """Sides of boxes: multiples of all chunks' sides, as far as ``most`` voxels allow, longest along the first axis."""
    largest = [min(length, max(of)) for length, of in zip(shape, zip(*grains, strict=True), strict=True)]
    steps = list(largest)
    for axis, of in enumerate(zip(*grains, strict=True)):
        common = min(shape[axis], math.lcm(*of))
        if math.prod(steps) // steps[axis] * common <= most:
            steps[axis] = common
    for axis, length in enumerate(shape):
        rest = math.prod(steps) // steps[axis]
        steps[axis] = min(length, max(1, most // (rest * steps[axis])) * steps[axis])
    return steps

"""Voxels that lie in a file as one block of plain numbers: NIfTI, Analyze and MGH share this."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import (
    PIECE_BYTES,
    SMALL_PIECE_BYTES,
    TRAILING_ALLOWANCE,
    ByteStream,
    file_size,
    most_inflated,
    whole_items,
)
from segeval.files.hashing import sha256_of
from segeval.readers.reader import ReadOptions
from segeval.volumes.chunks import ChannelStream
from segeval.volumes.volume import Piece

_WORTH_A_THREAD = 1 << 23  # decoded bytes: less is decoded sooner than two threads take turns


def open_stream(path: Path, options: ReadOptions) -> ByteStream:
    """The file's bytes, opened as the options say. Raises UnreadableFile."""
    piece_bytes = SMALL_PIECE_BYTES if options.side_by_side else PIECE_BYTES
    return ByteStream(path, hashed=options.hashed, on_bytes=options.on_bytes, piece_bytes=piece_bytes)


class Layout(Struct, frozen=True):
    """Where the voxels are and what they mean.

    dtype: as stored, byte order included. shape: of one channel, first axis fastest. channels: one after the other.
    offset: bytes before the first voxel. scaling: (slope, intercept), None for the stored values themselves.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    channels: int
    offset: int
    scaling: tuple[float, float] | None = None

    @property
    def voxels(self) -> int:
        """Of one channel."""
        count = 1
        for n in self.shape:
            count *= n
        return count

    @property
    def data_bytes(self) -> int:
        """Of all channels."""
        return self.voxels * self.channels * self.dtype.itemsize

    def decode(self, block: bytes | memoryview) -> Piece:
        """The values of a block of bytes, in native byte order, scaled in float64 where the header says so."""
        stored = np.frombuffer(block, dtype=self.dtype)
        if self.scaling is not None:
            slope, intercept = self.scaling
            return np.asarray(stored.astype(np.float64) * slope + intercept)
        if self.dtype.itemsize > 8 or not self.dtype.isnative:
            return stored.astype(self.value_dtype)
        return stored

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Of the decoded values."""
        if self.scaling is not None or self.dtype.itemsize > 8:
            return np.dtype(np.float64)
        return self.dtype.newbyteorder("=")


class BlockSource:
    """The voxels of a Layout, streamed from a file that stays open.

    A compressed file with several channels is read in order; in a plain file all channels are read side by side.
    """

    def __init__(
        self, stream: ByteStream, layout: Layout, consumed: int, options: ReadOptions, trailing_remark: bool = True
    ) -> None:
        self._stream = stream
        self._layout = layout
        self._consumed = consumed  # bytes of the decoded file that were read as its header
        self._piece_bytes = SMALL_PIECE_BYTES if options.side_by_side else PIECE_BYTES
        self._trailing_remark = trailing_remark
        self._in_place = (layout.channels > 1 or options.in_parts) and not stream.compressed
        worth_a_thread = not options.side_by_side and layout.data_bytes >= _WORTH_A_THREAD
        decoded_bytes = self._piece_bytes // layout.dtype.itemsize * layout.value_dtype.itemsize
        self._in_order = ChannelStream(
            partial(self._decoded, stream.read_some),
            layout.channels,
            layout.voxels,
            decoded_bytes if worth_a_thread else None,
        )
        self._require_enough_bytes()

    @property
    def shape(self) -> tuple[int, ...]:
        return self._layout.shape

    @property
    def channels(self) -> int:
        return self._layout.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._layout.value_dtype

    @property
    def in_order(self) -> bool:
        return not self._in_place

    @property
    def anywhere(self) -> bool:
        return self._in_place

    @property
    def grain(self) -> tuple[int, ...]:
        """A plane, which lies in one piece, as planes behind each other do."""
        return (*self.shape[:-1], 1)

    def tile(self, channel: int, box: Sequence[slice]) -> Piece:
        """The values of some neighbouring planes. Raises UnreadableFile."""
        layout, planes = self._layout, box[-1]
        plane = layout.voxels // layout.shape[-1]
        size = (planes.stop - planes.start) * plane * layout.dtype.itemsize
        start = layout.offset + (channel * layout.voxels + planes.start * plane) * layout.dtype.itemsize
        block = self._stream.read_at(start, size)
        if len(block) < size:
            raise self._too_short(start + len(block) - layout.offset)
        return layout.decode(block)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The values of one channel; decoded ahead in a thread where there is much to inflate."""
        if self._in_place:
            return self._decoded(self._at(channel), channel)
        return self._in_order.pieces(channel)

    def close(self) -> None:
        """Decode no more, and close the file."""
        self._in_order.close()
        self._stream.close()

    def finish(self) -> list[str]:
        """Read and verify what follows the voxels. Raises UnreadableFile."""
        path = self._stream.path
        if self._in_place:
            self._stream.require_unchanged()
            left = file_size(path) - self._layout.offset - self._layout.data_bytes
            if left > TRAILING_ALLOWANCE:
                raise UnreadableFile(
                    f"{path}: {left} bytes follow the last voxel; the header and the data do not belong together, "
                    "so export the volume again"
                )
        else:
            left = self._stream.drain()
        return (
            [f"{path}: {left} bytes follow the last voxel and are not used"] if left and self._trailing_remark else []
        )

    def digest(self) -> str | None:
        """SHA-256 of the file; read once more where the channels were read side by side."""
        if self._in_place and self._stream.digest() is not None:
            digest = sha256_of(self._stream.path)
            self._stream.require_unchanged()
            return digest
        return self._stream.digest()

    def _decoded(self, read_some: Callable[[int], bytes | memoryview], channel: int) -> Iterator[Piece]:
        """Pieces as the decoder gives them: views of its blocks, cut between two voxels."""
        layout = self._layout
        itemsize = layout.dtype.itemsize
        if channel == 0 and not self._in_place:
            self._skip(layout.offset - self._consumed)
        left = layout.voxels * itemsize
        for block in whole_items(read_some, left, itemsize, self._piece_bytes):
            left -= len(block)
            if len(block) % itemsize == 0:
                yield layout.decode(block)
        if left:
            raise self._too_short(layout.data_bytes - left - layout.voxels * itemsize * (layout.channels - channel - 1))

    def _skip(self, count: int) -> None:
        while count > 0:
            block = self._stream.read_some(min(count, self._piece_bytes))
            if not block:
                raise self._too_short(0)
            count -= len(block)

    def _at(self, channel: int) -> Callable[[int], bytes]:
        position = self._layout.offset + channel * self._layout.voxels * self._layout.dtype.itemsize

        def read(size: int) -> bytes:
            nonlocal position
            block = self._stream.read_at(position, size)
            position += len(block)
            return block

        return read

    def _require_enough_bytes(self) -> None:
        """Refuse at once a header that promises more than the file could hold."""
        size = file_size(self._stream.path)
        promised = self._layout.offset + self._layout.data_bytes
        if not self._stream.compressed and promised > size:
            raise self._too_short(max(0, size - self._layout.offset))
        if self._stream.compressed and promised > most_inflated(size):
            raise UnreadableFile(
                f"{self._stream.path}: the header promises {promised} bytes, more than {size} compressed bytes can "
                "hold; the header is damaged, so export the volume again"
            )

    def _too_short(self, found: int) -> UnreadableFile:
        self._stream.require_unchanged()
        return UnreadableFile(
            f"{self._stream.path}: the data end after {found} of {self._layout.data_bytes} bytes that the header "
            f"promises ({'×'.join(map(str, self._layout.shape))} voxels, {self._layout.channels} channel(s), "
            f"{self._layout.dtype.name}); the file was cut, so copy or export it again"
        )

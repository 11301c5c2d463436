"""Chunks of an HDF5 dataset, decoded and measured before their values are believed.

HDF5's library takes a chunk that decodes to fewer bytes than it should have for a whole one, and gives the memory
behind it as values. So chunks are taken as stored, and the usual filters undone here: what has another length is
refused. What other filters packed is left to the library; scale-offset has been measured then.
Source: the HDF5 file format specification; H5Zfletcher32.c, H5Zscaleoffset.c and H5Zszip.c for how values are laid out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib

from segeval.errors import UnreadableFile
from segeval.volumes.memory import Need, require_memory

_DEFLATE, _SHUFFLE, _FLETCHER32, _SZIP, _SCALEOFFSET, _LZF = 1, 2, 3, 4, 6, 32000
_LARGE = 32 << 20  # bytes of a chunk
_MOST_CHUNKS = 1 << 24
_EMPTY = 1 << 16  # chunks that are promised, for each that is stored

Bytes = bytes | bytearray | memoryview
_Undo = Callable[[Bytes, Sequence[int], int], Bytes | None]


class VerifiedChunks:
    """A dataset in chunks that is read like h5py's, by a number or a range along each axis."""

    def __init__(self, path: Path, dataset: Any) -> None:
        """Raises UnreadableFile, NotEnoughMemory."""
        import h5py

        self._path, self._dataset = path, dataset
        self.shape, self.dtype, self.chunks = dataset.shape, np.dtype(dataset.dtype), dataset.chunks
        self._size = math.prod(self.chunks) * self.dtype.itemsize
        if self._size > _LARGE:
            require_memory(str(path), Need(2 * self._size, "a chunk of it", "store it in smaller chunks"))
        promised = math.prod(-(-length // chunk) for length, chunk in zip(self.shape, self.chunks, strict=True))
        if promised > _MOST_CHUNKS and promised > _EMPTY * (stored := max(dataset.id.get_num_chunks(), 1)):
            raise UnreadableFile(
                f"{path}: promises {promised} chunks, and holds {stored} at most; export no more than what it holds"
            )
        filters = enumerate(filters_of(dataset))
        self._filters = [(number, code, values) for number, (code, _, values, _) in filters][::-1]
        undefined = dataset.id.get_create_plist().fill_value_defined() == h5py.h5d.FILL_VALUE_UNDEFINED
        self._fill = 0 if undefined else dataset.fillvalue
        self._plain = h5py.h5t.py_create(dataset.dtype, logical=True) == dataset.id.get_type()

    def __getitem__(self, where: Sequence[int | slice]) -> Any:
        """The values, an axis less for each number. Raises UnreadableFile."""
        box = [side if isinstance(side, slice) else slice(side, side + 1) for side in where]
        found = np.full([side.stop - side.start for side in box], self._fill, self.dtype)
        buffer = np.empty(2 * self._size + 4096, np.uint8)
        ours = True
        for place in product(*(
            range(side.start // chunk, -(-side.stop // chunk)) for side, chunk in zip(box, self.chunks, strict=True)
        )):  # fmt: skip
            start = tuple(number * chunk for number, chunk in zip(place, self.chunks, strict=True))
            try:
                skipped, stored = self._stored(start, buffer)
            except (RuntimeError, OSError, ValueError) as problem:
                if (
                    "not allocated" in str(problem)
                    or self._dataset.id.get_chunk_info_by_coord(start).byte_offset is None
                ):
                    continue  # HDF5 2.0 says otherwise of a dataset without any chunk; its voxels are the fill value
                raise
            content = self._decoded(start, skipped, stored)
            ours = ours and content is not None
            if ours and content is not None:
                _lay(found, box, np.frombuffer(content, self.dtype).reshape(self.chunks), start)
        if not ours:
            return self._dataset[tuple(where)]
        return found[tuple(slice(None) if isinstance(side, slice) else 0 for side in where)]

    def verify(self) -> None:
        """Decode every chunk. Raises UnreadableFile."""
        depth, *others = self.shape
        for start in range(0, depth, self.chunks[0]):
            self[(slice(start, min(start + self.chunks[0], depth)), *(slice(0, length) for length in others))]

    def _stored(self, start: tuple[int, ...], buffer: Any) -> tuple[int, Bytes]:
        """The filters that were not used, as bits, and the chunk as it is stored. Raises UnreadableFile."""
        read = self._dataset.id.read_direct_chunk
        if self._filters:
            found: tuple[int, Bytes] = read(start, out=buffer)
            return found
        for mark in (0xA5, 0x5A):  # HDF5 says of any chunk without filters that it is whole: does it reach its end?
            buffer[self._size - 1] = mark
            found = read(start, out=buffer)
            if buffer[self._size - 1] != mark:
                return found
        raise UnreadableFile(f"{self._path}: its chunk at {_place(start)} is cut; copy or export it again")

    def _decoded(self, start: tuple[int, ...], skipped: int, content: Bytes) -> Bytes | None:
        """The bytes of a chunk; None of one that HDF5 has to decode. skipped: filters that were not used, as bits."""
        for number, code, values in self._filters:
            if skipped >> number & 1:
                continue
            if code not in _UNDONE:
                return None
            undone = _UNDONE[code](content, values, self._size)
            if undone is None:
                return None
            content = undone
        if len(content) != self._size:
            raise self._other_length(start, len(content))
        return content if self._plain else None

    def _other_length(self, start: tuple[int, ...], size: int) -> UnreadableFile:
        return UnreadableFile(
            f"{self._path}: its chunk at {_place(start)} has {size} bytes, not {self._size}; copy or export it again"
        )


def filters_of(dataset: Any) -> list[tuple[int, int, tuple[int, ...], bytes]]:
    """What a chunk has gone through, in this order: code, flags, values and name of each filter."""
    stored = dataset.id.get_create_plist()
    return [stored.get_filter(number) for number in range(stored.get_nfilters())]


def _place(start: Sequence[int]) -> str:
    return ", ".join(map(str, start))


def _lay(found: Any, box: Sequence[slice], chunk: Any, start: Sequence[int]) -> None:
    """Copy what of a chunk lies in the box."""
    into, out_of = [], []
    for side, first, length in zip(box, start, chunk.shape, strict=True):
        low, high = max(side.start, first), min(side.stop, first + length)
        into.append(slice(low - side.start, high - side.start))
        out_of.append(slice(low - first, high - first))
    found[tuple(into)] = chunk[tuple(out_of)]


def _inflated(content: Bytes, values: Sequence[int], size: int) -> Bytes:  # noqa: ARG001
    stream = isal_zlib.decompressobj()
    found: bytes = stream.decompress(content, 2 * size + 4096)
    if not stream.eof:
        raise ValueError("a deflated chunk is cut, or has more bytes than it should")
    return found


def _unshuffled(content: Bytes, values: Sequence[int], size: int) -> Bytes:  # noqa: ARG001
    """Bytes of one significance stand together; those that fill no element come last."""
    width = values[0] if values else 1
    whole = len(content) // max(width, 1)
    if width < 2 or whole < 2:
        return content
    found = np.empty(len(content), np.uint8)
    elements = found[: whole * width].reshape(whole, width)
    for place, column in enumerate(np.frombuffer(content, np.uint8, whole * width).reshape(width, whole)):
        elements[:, place] = column
    found[whole * width :] = np.frombuffer(content[whole * width :], np.uint8)
    return found.data


def _summed(content: Bytes, values: Sequence[int], size: int) -> Bytes:  # noqa: ARG001
    """Without its Fletcher-32 checksum, of 16-bit words, high byte first."""
    content, stated = content[:-4], int.from_bytes(content[-4:], "little")
    even = bytes(content) + b"\0" if len(content) % 2 else content
    words = np.frombuffer(even, ">u2").astype(np.uint64)
    weights = np.arange(words.size, 0, -1, dtype=np.uint64) % 65535
    sums = int(words.sum()) % 65535, int((words * weights % 65535).sum()) % 65535
    for low, high in ((stated & 0xFFFF, stated >> 16), (_swapped(stated & 0xFFFF), _swapped(stated >> 16))):
        if (low % 65535, high % 65535) == sums:  # swapped: as HDF5 up to 1.6.2 wrote it
            return content
    raise ValueError("a checksum does not match")


def _swapped(word: int) -> int:
    return word >> 8 | (word & 0xFF) << 8


def _unpacked_lzf(content: Bytes, values: Sequence[int], size: int) -> Bytes:  # noqa: ARG001
    import imagecodecs

    found: Bytes = imagecodecs.lzf_decode(bytes(content), header=False, out=size)
    return found


def _unpacked_szip(content: Bytes, values: Sequence[int], size: int) -> Bytes:
    """Four bytes of length stand first. Its lines are padded to blocks, and a cut one is filled up with memory: so the
    stream is decoded to its end before the lines are."""
    import imagecodecs

    mask, pixels, bits, line = values[:4]
    packed, width = bytes(content[4:]), -(-bits // 8)
    blocks, lines = -(-line // pixels), -(-size // (width * line))
    flags = (4 if mask & 16 else 0) | (8 if mask & 32 else 0)  # high byte first, differences of neighbours
    depth = 8 if bits in (32, 64) else bits  # which are stored byte by byte
    whole = blocks * pixels * lines * width
    ends = len(
        imagecodecs.aec_decode(packed, bitspersample=depth, flags=flags, blocksize=pixels, rsi=blocks, out=whole)
    )
    if ends < whole:
        raise ValueError(f"a chunk packed by szip ends after {ends} bytes of {whole}")
    found: Bytes = imagecodecs.szip_decode(
        packed, options_mask=mask, pixels_per_block=pixels, bits_per_pixel=bits, pixels_per_scanline=line, out=size
    )
    return found


def _measured_scaleoffset(content: Bytes, values: Sequence[int], size: int) -> None:  # noqa: ARG001
    """HDF5 decodes it: `bits` of each element stand behind 21 bytes of header."""
    bits, elements, width = int.from_bytes(content[:4], "little"), values[2], values[4]
    packed = elements * width if bits == 8 * width else elements * bits // 8 + 1
    if bits > 8 * width or len(content) < 21 + (packed if bits else 0):
        raise ValueError(f"a chunk of {bits} bits for each value has {len(content)} bytes")


_UNDONE: dict[int, _Undo] = {
    _DEFLATE: _inflated, _SHUFFLE: _unshuffled, _FLETCHER32: _summed, _LZF: _unpacked_lzf, _SZIP: _unpacked_szip,
    _SCALEOFFSET: _measured_scaleoffset,
}  # fmt: skip

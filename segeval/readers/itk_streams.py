"""The voxels of a NRRD or a MetaImage as a stream: in one block, raw or deflated, nobody needs them whole.

ITK says what the image is; where that is not what was read from the header here, it reads the voxels, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import PIECE_BYTES, SMALL_PIECE_BYTES, ByteStream, file_size
from segeval.readers.itk_headers import Promise
from segeval.readers.layout import BlockSource, Layout
from segeval.readers.reader import ReadOptions

STREAMED = ("raw", "gzip", "zlib")
"""Encodings whose voxels are one block."""


def can_be_streamed(promise: Promise, size: Sequence[int], components: int, pixel_type: str) -> bool:
    """Whether ITK's facts are the header's: voxels along each axis, values per voxel, ``16-bit signed integer``."""
    return (
        promise.dtype is not None
        and promise.start is not None
        and promise.encoding in STREAMED
        and components == 1
        and tuple(size) == promise.shape
        and pixel_type == _in_itks_words(promise.dtype)
    )


def open_voxels(
    path: Path, data: Path, promise: Promise, shape: tuple[int, ...], channels: int, options: ReadOptions
) -> BlockSource:
    """The voxels behind the header of ``path``, which lie in ``data``. Raises UnreadableFile.

    shape: of one channel, the first axis fastest; the channels lie one after the other.
    """
    if promise.dtype is None or promise.start is None:
        raise ValueError("where the voxels are is not known")
    raw = promise.encoding == "raw"
    stream = ByteStream(
        data,
        on_bytes=options.on_bytes,
        start=0 if raw else promise.start,
        piece_bytes=SMALL_PIECE_BYTES if options.side_by_side else PIECE_BYTES,
        encoding=promise.encoding,  # type: ignore[arg-type]
        packed=promise.packed,
    )
    try:
        if promise.encoding == "gzip" and not stream.compressed:
            raise UnreadableFile(f"{data}: its header says gzip, but its data are not; export it again")
        before = promise.start if raw else 0
        layout = Layout(promise.dtype, shape, channels, before)
        consumed = len(stream.read(before)) if channels == 1 or not raw else 0
        if options.on_bytes is not None:
            options.on_bytes((file_size(path) if data != path else 0) + (0 if raw else promise.start))
        return BlockSource(stream, layout, consumed, options)
    except BaseException:
        stream.close()
        raise


def _in_itks_words(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return f"{8 * dtype.itemsize}-bit float"
    return f"{8 * dtype.itemsize}-bit {'signed' if dtype.kind == 'i' else 'unsigned'} integer"

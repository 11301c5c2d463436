"""NumPy's `.npy`: an array (z, y, x) or (y, x) of labels or of one probability map, or (classes, z, y, x).

The axes are those of `.npz`, and of what SimpleITK and scikit-image give: the last one is x. Streamed; nothing is ever
unpickled. Source: NumPy's description of the NPY format.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import ByteStream, open_regular_file
from segeval.readers.layout import BlockSource, Layout, open_stream
from segeval.readers.npz import read_npy_header
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.volumes.alignment import Reordered
from segeval.volumes.volume import Volume, VoxelSource
from segeval.words.printable import shortened

_MAGIC = b"\x93NUMPY"
_MOST_BYTES = 1 << 50


def open_npy(path: Path, options: ReadOptions) -> Volume:
    """Open an array. Raises UnreadableFile."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: in an .npy the classes are the first of four axes; leave --class-axis out")
    stream = open_stream(path, options)
    try:
        shape, fortran, dtype, consumed = _header(path, stream)
        if fortran and len(shape) == 4:
            raise UnreadableFile(f"{path}: is stored in Fortran order; save numpy.ascontiguousarray of it")
        channels = shape[0] if len(shape) == 4 else 1
        space = shape[-3:] if fortran else shape[:-4:-1]  # the first axis fastest, as the voxels lie in the file
        blocks = BlockSource(stream, Layout(dtype, space, channels, consumed), consumed, options)
    except BaseException:
        stream.close()
        raise
    source: VoxelSource = blocks
    if fortran:
        source = Reordered(blocks, tuple(range(len(space)))[::-1], (False,) * len(space))
    return Volume(
        str(path),
        None,
        source,
        kind="probabilities" if channels > 1 else "labels" if dtype.kind in "iu" else None,
        finish=blocks.finish,
        digest=blocks.digest,
        close=blocks.close,
    )


class _Counted:
    """A stream that knows how many bytes were read of it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        block = self._stream.read(size)
        self.count += len(block)
        return block


def _header(path: Path, stream: ByteStream) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """(shape, Fortran order, type, bytes of the header). Raises UnreadableFile."""
    counted = _Counted(stream)
    with open_regular_file(path) as file:
        start = file.read(512)
    if (what := recognise(start)) is not None and not start.startswith(_MAGIC):
        raise UnreadableFile(f"{path}: is no NumPy array: {what}")
    try:
        shape, fortran, dtype = read_npy_header(counted)
    except ValueError as problem:
        raise UnreadableFile(
            f"{path}: is no NumPy array that can be read ({shortened(problem)}); save it again"
        ) from None
    if dtype.kind == "b":
        dtype = np.dtype(np.uint8)
    if dtype.kind not in "iuf":
        raise UnreadableFile(f"{path}: holds {shortened(dtype)}, not numbers; save labels or probabilities")
    if not 2 <= len(shape) <= 4 or min(shape) < 1 or math.prod(shape) * dtype.itemsize > _MOST_BYTES:
        raise UnreadableFile(
            f"{path}: has the shape {'×'.join(map(str, shape)) or 'of a number'}; save (z, y, x), (y, x) or "
            "(classes, z, y, x)"
        )
    return shape, fortran and len(shape) > 1, dtype, counted.count

"""NumPy's `.npz`: nnU-Net's `probabilities` (older: `softmax`), (C, Z, Y, X), or any other array, with `.npy`'s axes.

Streamed from the archive member, whose checksum is verified; nothing is ever unpickled.
"""

from __future__ import annotations

import math
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from segeval.choices import Kind
from segeval.errors import UnreadableFile
from segeval.files.byte_stream import PIECE_BYTES, open_regular_file, whole_items
from segeval.files.hashing import sha256_of
from segeval.files.watch import Watch
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.readers.zip_member import DeflatedMember, open_member
from segeval.volumes.chunks import ChannelStream
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import ArraySource, Piece, Volume, VoxelSource
from segeval.words.printable import printable, shortened

_KEYS = ("probabilities", "softmax")
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


def open_npz(path: Path, options: ReadOptions) -> Volume:
    """Open the array of the key, nnU-Net's probabilities, or the only array. Raises UnreadableFile."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: in an .npz the class axis is the first; leave --class-axis out")
    file = open_regular_file(path)
    try:
        start = file.peek(512)[:512]  # type: ignore[attr-defined]
        if not start.startswith(b"PK"):
            what = recognise(start) or f"it begins with {start[:4]!r}; check what it is"
            raise UnreadableFile(f"{path}: is no .npz archive: {what}")
        watch = Watch(path, file)
        member = _Member(path, zipfile.ZipFile(file), file, watch, options)
        source = member.source()
    except _DAMAGED as problem:
        file.close()
        raise UnreadableFile(f"{path}: damaged archive ({shortened(problem)}); copy or export it again") from None
    except BaseException:
        file.close()
        raise

    def digest() -> str | None:
        found = sha256_of(path) if options.hashed else None
        watch.require_unchanged()
        return found

    def close() -> None:
        member.close()
        file.close()

    return Volume(
        str(path),
        None,
        source,
        kind=member.kind,
        finish=member.finish,
        digest=digest,
        close=close,
    )


class _Member:
    """The array inside the archive, as a source whose channels come in order."""

    def __init__(
        self, path: Path, archive: zipfile.ZipFile, file: BinaryIO, watch: Watch, options: ReadOptions
    ) -> None:
        self._path = path
        self._watch = watch
        self._on_bytes = options.on_bytes
        key = _key(path, archive, options.key)
        self._are_classes = key in _KEYS  # along the first axis, however many there are
        try:
            self._file = open_member(archive, file, f"{key}.npy")
            stored, fortran, dtype = read_npy_header(self._file)
        except _DAMAGED as problem:
            raise UnreadableFile(
                f"{path}: the array {key!r} cannot be read ({shortened(problem)}); export it again"
            ) from None
        self.dtype = np.dtype(np.uint8) if dtype.kind == "b" and not self._are_classes else dtype
        self._check(stored, archive.getinfo(f"{key}.npy").file_size, key)
        self._array_shape = stored if self._are_classes or len(stored) == 4 else (1, *stored)
        self._fortran = fortran
        self._in_order = ChannelStream(self._decoded, self.channels, math.prod(self.shape), PIECE_BYTES)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array_shape[:0:-1]

    @property
    def channels(self) -> int:
        return self._array_shape[0]

    @property
    def kind(self) -> Kind | None:
        """What the key, the axes or the type settles."""
        if self._are_classes or self.channels > 1:
            return "probabilities"
        return "labels" if self.dtype.kind in "iu" else None

    @property
    def in_order(self) -> bool:
        return True

    def source(self) -> VoxelSource:
        """The stream itself, or the whole array where it is stored the other way round."""
        if not self._fortran:
            return self
        size = math.prod(self._array_shape) * self.dtype.itemsize
        require_memory(str(self._path), Need(size, "an array in Fortran order", "store it in C order"))
        whole = np.empty(size, dtype=np.uint8)
        filled = 0
        for block in self._blocks(size):
            whole[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
            filled += len(block)
        array = whole.view(self.dtype).reshape(self._array_shape, order="F")
        return ArraySource(array.transpose(0, *range(array.ndim - 1, 0, -1)))

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The values of one channel, (Z, Y, X) in C order: x varies fastest."""
        return self._in_order.pieces(channel)

    def _decoded(self, channel: int) -> Iterator[Piece]:  # noqa: ARG002 (the next)
        size = math.prod(self.shape) * self.dtype.itemsize
        native = self.dtype.newbyteorder("=")
        return (np.frombuffer(b, self.dtype).astype(native, copy=False) for b in self._blocks(size))

    def close(self) -> None:
        """Decode no more."""
        self._in_order.close()

    def finish(self) -> list[str]:
        """Read to the member's end, where its checksum is verified."""
        if self._guarded(self._file.read)(1):
            raise UnreadableFile(f"{self._path}: more bytes than the array's shape needs; export it again")
        self._watch.require_unchanged()
        return []

    def _blocks(self, size: int) -> Iterator[bytes | memoryview]:
        file = self._file
        read_some = file.read_some if isinstance(file, DeflatedMember) else file.read
        for block in whole_items(self._guarded(read_some), size, self.dtype.itemsize, PIECE_BYTES):
            if self._on_bytes is not None:
                self._on_bytes(len(block))
            size -= len(block)
            if len(block) % self.dtype.itemsize == 0:
                yield block
        if size:
            self._watch.require_unchanged()
            raise UnreadableFile(f"{self._path}: the array ends too early; the file was cut, copy or export it again")

    def _guarded(self, read: Callable[[int], bytes | memoryview]) -> Callable[[int], bytes | memoryview]:
        """The same reading, whose errors name the file."""

        def guarded(size: int) -> bytes | memoryview:
            try:
                return read(size)
            except _DAMAGED as problem:
                self._watch.require_unchanged()
                raise UnreadableFile(
                    f"{self._path}: damaged archive ({shortened(problem)}); copy or export it again"
                ) from None

        return guarded

    def _check(self, dims: tuple[int, ...], stored: int, key: str) -> None:
        shape = "×".join(map(str, dims)) or "of a number"
        if self.dtype.kind not in "fiu":
            raise UnreadableFile(f"{self._path}: the array {key!r} holds {self.dtype}, not numbers; export it again")
        if not (3 if self._are_classes else 2) <= len(dims) <= 4 or min(dims) < 1:
            wanted = "(classes, z, y, x)" if self._are_classes else "(z, y, x), (y, x) or (classes, z, y, x)"
            raise UnreadableFile(f"{self._path}: the array {key!r} has the shape {shape}, not {wanted}")
        promised = math.prod(dims) * self.dtype.itemsize
        if not promised <= stored <= promised + (1 << 16):
            raise UnreadableFile(
                f"{self._path}: the array {key!r} of shape {shape} needs {promised} bytes, the archive holds {stored}; "
                "copy or export it again"
            )


def _key(path: Path, archive: zipfile.ZipFile, wanted: str | None) -> str:
    """The array to read. Raises UnreadableFile for one that there is not, and for one among several."""
    names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    if wanted in names:
        return str(wanted)
    found = next((key for key in _KEYS if key in names), names[0] if len(names) == 1 else None)
    if wanted is None and found is not None:
        return found
    listed = shortened(", ".join(printable(name) for name in sorted(names)[:10]) or "no array", 300)
    if wanted is not None:
        raise UnreadableFile(f"{path}: holds {listed}; {wanted!r} is not among it")
    raise UnreadableFile(f"{path}: holds {listed}" + ("; name one with --key" if names else "; export it again"))


def read_npy_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, Fortran order, dtype); raises ValueError for what is no plain array."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"array format {version} is not supported")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a line of NumPy's about files of Python 2, which it reads
            shape, fortran, dtype = readers[version](file)
    except Exception as problem:  # NumPy reads the header as Python, so a damaged one may be any error of its parser
        raise ValueError(f"its header cannot be read: {type(problem).__name__}") from None
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never loaded")
    return shape, fortran, dtype

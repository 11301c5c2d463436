"""The facts that SimpleITK neither tells nor verifies, and whether the voxels are there that the headers promise.

Source of GIPL's header: ITK's GiplImageIO.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import TRAILING_ALLOWANCE, ByteStream, file_size, open_regular_file
from segeval.files.watch import Watch
from segeval.readers.itk_headers import (
    HEADER_LIMIT,
    LONGEST_NUMBER,
    Promise,
    is_number,
    metaimage_promise,
    nrrd_promise,
    vtk_promise,
)
from segeval.readers.lengths import mm_of
from segeval.readers.recognition import recognise
from segeval.words.printable import printable, shortened

_GIPL_HEADER = 256
_GIPL_BYTES = {1: 1, 7: 1, 8: 1, 15: 2, 16: 2, 31: 4, 32: 4, 64: 4, 65: 8}
_BLOCK = 1 << 20


class ItkHeader(Struct, frozen=True):
    """oriented: the file states where its axes point. data_files: all files that the volume is made of.

    watches: of the files behind the header, since before they were verified.
    promise: what a header says about the voxels, which have yet to be verified, or to be streamed.
    """

    oriented: bool
    data_files: tuple[Path, ...]
    watches: tuple[Watch, ...] = ()
    promise: Promise | None = None

    @property
    def data(self) -> Path:
        """The file that holds the voxels."""
        return self.data_files[-1]

    @property
    def units(self) -> tuple[str, ...]:
        """Of lengths along each axis of space, in lower case; none where the header names none."""
        fields = {} if self.promise is None else self.promise.fields
        if fields.get("DistanceUnits", "?") != "?":
            return (fields["DistanceUnits"].lower(),) * 3
        if named := _quoted(fields.get("space units", "")):
            return tuple(named)
        each = _quoted(fields.get("units", ""))
        return tuple(unit for unit in each if mm_of(unit) is not None)  # those of time and of classes are none


def _quoted(field: str) -> list[str]:
    """The texts in quotation marks of a header that was read as Latin-1, and may be UTF-8."""
    text = field.encode("latin-1").decode("utf-8", "replace")
    return [unit.strip().lower() for unit in re.findall(r'"([^"]*)"', text)]


def inspect_itk_file(path: Path) -> ItkHeader:
    """What the header says, read strictly. Raises UnreadableFile."""
    return next(inspect for endings, inspect in _INSPECTORS if path.name.lower().endswith(endings))(path)


def _inspect_nrrd(path: Path) -> ItkHeader:
    head = _head(path)
    if not head.startswith(b"NRRD000"):
        what = recognise(head) or f"it begins with {head[:7]!r}; check what it is"
        raise UnreadableFile(f"{path}: is no NRRD volume: {what}")
    return _promised(path, nrrd_promise(path, head))


def _inspect_metaimage(path: Path) -> ItkHeader:
    head = _head(path)
    if not head.startswith(b"ObjectType") and b"ElementDataFile" not in head and (what := recognise(head)) is not None:
        raise UnreadableFile(f"{path}: is no MetaImage: {what}")
    return _promised(path, metaimage_promise(path, head))


def _head(path: Path) -> bytes:
    with open_regular_file(path) as file:
        return file.read(HEADER_LIMIT)


def _promised(path: Path, promise: Promise) -> ItkHeader:
    """The facts of a file whose voxels are in a regular file. Raises UnreadableFile."""
    data = path if promise.apart is None else path.parent / promise.apart
    try:
        open_regular_file(data).close()  # no pipe, no device
    except UnreadableFile as problem:
        raise UnreadableFile(f"{path}: its voxels are said to be in {printable(data.name)}: {problem}") from None
    return ItkHeader(promise.oriented, (path,) if data == path else (path, data), (Watch(data),), promise)


def verify_voxels(path: Path, header: ItkHeader) -> None:
    """Refuse a file without the voxels that its header promises, before ITK reads them. Raises UnreadableFile."""
    promise, data = header.promise, header.data
    if promise is None:
        return
    if promise.encoding == "gzip":
        _verify_gzip(data, promise.start or 0, promise.size)
    elif promise.encoding == "zlib":
        _verify_zlib(data, promise.start or 0, promise.size, promise.packed)
    elif promise.encoding == "text":
        _verify_numbers(data, promise.start or 0, promise.values)
    else:
        wanted = promise.size * (2 if promise.encoding == "hex" else 1)
        _require(path, file_size(data) - (promise.start or 0), wanted)


def _inspect_gipl(path: Path) -> ItkHeader:
    stream = ByteStream(path)
    try:
        head = stream.read(_GIPL_HEADER)
        dims = [int.from_bytes(head[at : at + 2], "big") or 1 for at in (0, 2, 4, 6)]
        itemsize = _GIPL_BYTES.get(int.from_bytes(head[8:10], "big"))
        if itemsize is None:
            raise UnreadableFile(f"{path}: its GIPL header states no known data type; export it again")
        promised = dims[0] * dims[1] * dims[2] * dims[3] * itemsize
        _require(path, _count(stream, promised), promised)
        stream.drain()
    finally:
        stream.close()
    return ItkHeader(oriented=False, data_files=(path,))


def _inspect_vtk(path: Path) -> ItkHeader:
    head = _head(path)
    if not head.startswith(b"# vtk") and (what := recognise(head)) is not None:
        raise UnreadableFile(f"{path}: is no legacy VTK file: {what}")
    return _promised(path, vtk_promise(path, head))


_INSPECTORS: tuple[tuple[tuple[str, ...], Callable[[Path], ItkHeader]], ...] = (
    ((".nrrd", ".nhdr"), _inspect_nrrd),
    ((".mha", ".mhd"), _inspect_metaimage),
    ((".gipl", ".gipl.gz"), _inspect_gipl),
    ((".vtk",), _inspect_vtk),
)


def _verify_gzip(path: Path, start: int, promised: int) -> None:
    """Inflate a gzip stream to its end, where its checksum is verified."""
    stream = ByteStream(path, start=start)
    try:
        if not stream.compressed:
            raise UnreadableFile(f"{path}: its header says gzip, but its data are not; export it again")
        _require(path, _count(stream, promised), promised)
        stream.drain()
    finally:
        stream.close()


def _verify_zlib(path: Path, start: int, promised: int, packed: int | None) -> None:
    """Inflate a zlib stream to its end, where its checksum is verified.

    packed: how long the header says that it is, None for "to the end"; MetaIO stops there, and hands out memory that
        nobody wrote.
    """
    decoder = zlib.decompressobj()
    found = taken = 0
    with open_regular_file(path) as file:
        file.seek(start)
        try:
            while not decoder.eof:
                block = decoder.unconsumed_tail
                if not block:
                    block = file.read(1 << 16)
                    taken += len(block)
                if not block:
                    break
                found += len(decoder.decompress(block, 1 << 20))
                if found > promised + TRAILING_ALLOWANCE:
                    raise UnreadableFile(
                        f"{path}: inflates to more than the {promised} bytes that the header promises; export it again"
                    )
        except zlib.error as problem:
            raise UnreadableFile(f"{path}: damaged compressed data ({problem}); copy or export it again") from None
    if not decoder.eof:
        raise UnreadableFile(f"{path}: the compressed data end too early; copy or export it again")
    length = taken - len(decoder.unused_data)
    if packed is not None and not length <= packed <= file_size(path) - start:
        raise UnreadableFile(
            f"{path}: the compressed data have {length} bytes, the header says {packed} (CompressedDataSize), by "
            "which it is read; export it again"
        )
    _require(path, found, promised)


def _verify_numbers(path: Path, start: int, promised: int) -> None:
    """Read voxels that are written as text: so many numbers, and nothing else."""
    found, rest = 0, b""
    with open_regular_file(path) as file:
        file.seek(start)
        while block := file.read(_BLOCK):
            words = (rest + block).split()
            rest = b"" if block[-1:].isspace() or not words else words.pop()
            _require_numbers(path, words, rest)
            found += len(words)
            if found > promised:
                break
    _require_numbers(path, [rest] if rest else [], b"")
    if found + bool(rest) != promised:
        raise UnreadableFile(
            f"{path}: holds {'more' if found >= promised else found + bool(rest)} numbers where its header promises "
            f"{promised}; copy or export it again"
        )


def _require_numbers(path: Path, words: list[bytes], rest: bytes) -> None:
    bad = next((word for word in words if not is_number(word)), rest if len(rest) > LONGEST_NUMBER else None)
    if bad is not None:
        raise UnreadableFile(f"{path}: {shortened(bad, 40)} among its voxels is no number; copy or export it again")


def _count(stream: ByteStream, wanted: int) -> int:
    """How many of the wanted bytes the stream really holds."""
    found = 0
    while found < wanted:
        block = stream.read(min(wanted - found, 1 << 20))
        if not block:
            break
        found += len(block)
    return found


def _require(path: Path, found: int, promised: int) -> None:
    if found < promised:
        raise UnreadableFile(
            f"{path}: the data end after {max(found, 0)} of {promised} bytes that the header promises; the file was "
            "cut, so copy or export it again"
        )

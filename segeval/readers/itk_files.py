"""The facts that SimpleITK neither tells nor verifies, read from the files' own headers.

Sources: the NRRD format definition (teem.sourceforge.net/nrrd), the MetaImage format page (itk.org), the headers of
GIPL and legacy VTK files.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from segeval.errors import UnreadableFile
from segeval.readers.byte_stream import TRAILING_ALLOWANCE, ByteStream, file_size, open_regular_file
from segeval.readers.endings import PICTURE_ENDINGS

_HEADER_LIMIT = 1 << 20
_GIPL_HEADER = 256
_GIPL_BYTES = {1: 1, 7: 1, 8: 1, 15: 2, 16: 2, 31: 4, 32: 4, 64: 4, 65: 8}
_METAIMAGE_BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_LONG": 4,
    "MET_ULONG": 4, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4, "MET_DOUBLE": 8,
}  # fmt: skip
_NRRD_BYTES = {  # by the type's name without its sign
    "char": 1, "int8": 1, "short": 2, "int16": 2, "int": 4, "int32": 4, "long long": 8, "longlong": 8, "int64": 8,
    "float": 4, "double": 8,
}  # fmt: skip
_VTK_BYTES = {
    "char": 1, "unsigned_char": 1, "short": 2, "unsigned_short": 2, "int": 4, "unsigned_int": 4,
    "long": 8, "unsigned_long": 8, "float": 4, "double": 8,
}  # fmt: skip


@dataclass(frozen=True)
class ItkHeader:
    """oriented: the file states where its axes point. data_files: all files that the volume is made of."""

    oriented: bool
    data_files: tuple[Path, ...]


def inspect_itk_file(path: Path) -> ItkHeader:
    """Verify what SimpleITK does not. Raises UnreadableFile."""
    name = path.name.lower()
    for endings, inspect in _INSPECTORS:
        if name.endswith(endings):
            return inspect(path)
    return ItkHeader(oriented=False, data_files=(path,))


def _inspect_nrrd(path: Path) -> ItkHeader:
    with open_regular_file(path) as file:
        head = file.read(_HEADER_LIMIT)
    if not head.startswith(b"NRRD000"):
        return ItkHeader(oriented=False, data_files=(path,))  # SimpleITK says what is wrong with it
    text, end = _text_until(head, (b"\n\n", b"\r\n\r\n"))
    fields = _fields(text, ":")
    detached = fields.get("data file") or fields.get("datafile")
    data = path if detached is None else path.parent / detached
    if fields.get("encoding", "").lower() in ("gzip", "gz") and not {"line skip", "lineskip"} & fields.keys():
        start = end if detached is None else 0
        skip = fields.get("byte skip", fields.get("byteskip", "0"))
        if skip == "0" and data.is_file():
            _verify_gzip(data, start, _nrrd_bytes(fields))
    files = (path,) if detached is None or not data.is_file() else (path, data)
    return ItkHeader(oriented="space" in fields, data_files=files)


def _inspect_metaimage(path: Path) -> ItkHeader:
    with open_regular_file(path) as file:
        head = file.read(_HEADER_LIMIT)
    marker = head.find(b"ElementDataFile")
    line_end = head.find(b"\n", marker)
    if marker < 0:
        return ItkHeader(oriented=True, data_files=(path,))
    end = len(head) if line_end < 0 else line_end + 1
    fields = _fields(head[:end].decode("latin-1"), "=")
    local = fields.get("elementdatafile", "").upper() == "LOCAL"
    data = path if local else path.parent / fields.get("elementdatafile", "")
    if not local and not data.is_file() and "%" not in data.name and data.name.upper() != "LIST":
        raise UnreadableFile(f"{path}: its voxels are said to be in {data.name}, which is not there; copy both files")
    if fields.get("compresseddata", "").lower() == "true" and data.is_file():
        _verify_zlib(data, end if local else 0, _metaimage_bytes(fields))
    elif data.is_file():
        _require(path, file_size(data) - (end if local else 0), _metaimage_bytes(fields))
    oriented = bool({"transformmatrix", "orientation", "rotation"} & fields.keys())
    return ItkHeader(oriented, (path,) if local or not data.is_file() else (path, data))


def _metaimage_bytes(fields: dict[str, str]) -> int:
    """Bytes of the uncompressed voxels; 0 where the header leaves it open."""
    itemsize = _METAIMAGE_BYTES.get(fields.get("elementtype", "").upper().removesuffix("_ARRAY"), 0)
    return _product(f"{fields.get('dimsize', '')} {fields.get('elementnumberofchannels', '1')}") * itemsize


def _nrrd_bytes(fields: dict[str, str]) -> int:
    """Bytes of the inflated voxels; 0 where the header leaves it open."""
    name = re.sub(r"^(un)?signed |^u|_t$| int$", "", fields.get("type", "").lower())
    return _product(fields.get("sizes", "")) * _NRRD_BYTES.get(name, 0)


def _product(sizes: str) -> int:
    """Of whole numbers in words; 0 where they are none."""
    words = sizes.split()
    return math.prod(int(n) for n in words) if words and all(n.isdigit() for n in words) else 0


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
    with open_regular_file(path) as file:
        head = file.read(4096)
    words = head.decode("latin-1").split()
    if "BINARY" in words and "DIMENSIONS" in words and "SCALARS" in words:
        at, scalars = words.index("DIMENSIONS"), words.index("SCALARS")
        voxels = 1
        for n in words[at + 1 : at + 4]:
            voxels *= int(n) if n.isdigit() else 0
        table = head.find(b"\n", head.find(b"LOOKUP_TABLE"))
        promised = voxels * _VTK_BYTES.get(words[scalars + 2].lower() if scalars + 2 < len(words) else "", 0)
        _require(path, file_size(path) - table - 1, promised)
    return ItkHeader(oriented=False, data_files=(path,))


def _inspect_picture(path: Path) -> ItkHeader:
    return ItkHeader(oriented=False, data_files=(path,))


_INSPECTORS: tuple[tuple[tuple[str, ...], Callable[[Path], ItkHeader]], ...] = (
    ((".nrrd", ".nhdr"), _inspect_nrrd),
    ((".mha", ".mhd"), _inspect_metaimage),
    ((".gipl", ".gipl.gz"), _inspect_gipl),
    ((".vtk",), _inspect_vtk),
    (PICTURE_ENDINGS, _inspect_picture),
)


def _text_until(head: bytes, ends: tuple[bytes, ...]) -> tuple[str, int]:
    """The header's text, and where the data begin."""
    found = [(head.find(end), len(end)) for end in ends if end in head]
    at, length = min(found, default=(len(head), 0))
    return head[:at].decode("latin-1"), at + length


def _fields(text: str, separator: str) -> dict[str, str]:
    """``key: value`` lines, keys in lower case."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, found, value = line.partition(separator)
        if found and not line.startswith("#"):
            fields.setdefault(key.strip().lower(), value.lstrip("=").strip())
    return fields


def _verify_gzip(path: Path, start: int, promised: int) -> None:
    """Inflate a gzip stream to its end, where its checksum is verified."""
    stream = ByteStream(path, start=start)
    try:
        if stream.compressed and promised:
            _require(path, _count(stream, promised), promised)
            stream.drain()
    finally:
        stream.close()


def _verify_zlib(path: Path, start: int, promised: int) -> None:
    """Inflate a zlib stream to its end, where its checksum is verified."""
    decoder = zlib.decompressobj()
    found = 0
    with open_regular_file(path) as file:
        file.seek(start)
        try:
            while not decoder.eof and (block := decoder.unconsumed_tail or file.read(1 << 16)):
                found += len(decoder.decompress(block, 1 << 20))
                if promised and found > promised + TRAILING_ALLOWANCE:
                    raise UnreadableFile(
                        f"{path}: inflates to more than the {promised} bytes that the header promises; export it again"
                    )
        except zlib.error as problem:
            raise UnreadableFile(f"{path}: damaged compressed data ({problem}); copy or export it again") from None
    if not decoder.eof:
        raise UnreadableFile(f"{path}: the compressed data end too early; copy or export it again")
    _require(path, found, promised)


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

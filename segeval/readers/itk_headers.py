"""What NRRD, MetaImage and legacy VTK headers promise, read strictly before ITK reads them.

ITK's parsers end the process at a dimension of 65536 or a number of a thousand digits, and loop over a damaged text.
Only what passes here reaches them. Sources: the NRRD format definition (teem.sourceforge.net/nrrd), the MetaImage
format page (itk.org), the legacy part of the VTK file formats (vtk.org).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from msgspec import Struct

from segeval.errors import UnreadableFile
from segeval.words.printable import printable, shortened

HEADER_LIMIT = 1 << 20
"""Bytes of a header at most."""
LONGEST_NUMBER = 64
"""Characters; ITK copies numbers into buffers that end somewhere beyond."""

Encoding = Literal["raw", "text", "hex", "gzip", "zlib"]
_Known = TypeVar("_Known")

_MOST_AXES = 8
_MOST_BYTES = 1 << 50
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_OWN_KEY = re.compile(r"(?:(?!: ).)*?:=")  # NRRD: a key of the writer's own, and no field such as "type: "
_LONGEST_FIELD = 512
"""Characters of a line of a NRRD header; ITK writes what it cannot read into a buffer that ends beyond."""
_ENDLESS = re.compile(rb"[0-9+\-.eE]{%d,}" % (LONGEST_NUMBER + 1))
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|$)")

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
_NRRD_ENCODINGS: dict[str, Encoding] = {
    "raw": "raw", "txt": "text", "text": "text", "ascii": "text", "hex": "hex", "gz": "gzip", "gzip": "gzip",
}  # fmt: skip
_NRRD_NUMBERS = ("spacings", "space directions", "space origin", "thicknesses", "axis mins", "axismins", "axis maxs",
                 "axismaxs", "measurement frame")  # fmt: skip
_METAIMAGE_NUMBERS = ("ElementSpacing", "ElementSize", "TransformMatrix", "Rotation", "Orientation", "Offset",
                      "Position", "Origin", "CenterOfRotation", "ElementToIntensityFunctionSlope",
                      "ElementToIntensityFunctionOffset")  # fmt: skip
_METAIMAGE_SWITCHES = ("BinaryData", "CompressedData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB")
_METAIMAGE_WHOLE = ("HeaderSize", "CompressedDataSize", "ElementNBits")


class Promise(Struct, frozen=True):
    """What a header says about the voxels.

    values: how many numbers. size: their bytes, decoded. start: where they begin in their file, None for "at its end".
    apart: the name of the file that holds them, None for the header's own. oriented: it says where the axes point.
    packed: bytes of the compressed voxels, None where they reach to the end of a file of their own.
    shape, dtype: voxels along each axis, and their type with its byte order; None where a stream could not know it.
    fields: of a NRRD, by name in lower case; of a MetaImage, as they are called.
    """

    values: int
    size: int
    encoding: Encoding
    start: int | None
    apart: str | None = None
    oriented: bool = False
    packed: int | None = None
    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] | None = None
    fields: Mapping[str, str] = {}


def nrrd_promise(path: Path, head: bytes) -> Promise:
    """Of the first bytes of a NRRD file. Raises UnreadableFile."""
    text, end = _text_until(head, (b"\n\n", b"\r\n\r\n"))
    lines = [line for line in text[1:] if not line.startswith("#") and not _OWN_KEY.match(line)]
    _require_plain(path, "\n".join(lines).encode("latin-1"))
    long = any(len(line) > _LONGEST_FIELD and not line.startswith("content: ") for line in lines)
    if long or "" in text[:-1] or any("\r" in line for line in text):  # other readers' lines end at \r too
        raise _no_header(path)
    fields = _fields(path, lines, ":")
    axes = _whole(path, fields, "dimension")
    sizes = _sizes(path, fields, "sizes", axes)
    kind = re.sub(r"^(un)?signed |^u(?!n)|_t$| int$", "", fields.get("type", "").lower())
    itemsize = _known(path, fields, "type", _NRRD_BYTES.get(kind))
    encoding: Encoding = _known(path, fields, "encoding", _NRRD_ENCODINGS.get(fields.get("encoding", "").lower()))
    _require_numbers(path, fields, _NRRD_NUMBERS)
    skipped = [fields.get(name, "0") for name in ("byte skip", "byteskip", "line skip", "lineskip")]
    if any(_WHOLE.fullmatch(number) is None and number != "-1" for number in skipped):
        raise _unusable(path, "byte skip", " ".join(skipped))
    if encoding != "raw" and set(skipped) != {"0"}:
        raise UnreadableFile(f"{path}: skips bytes before voxels that are no raw data; export it again")
    apart = fields.get("data file") or fields.get("datafile")
    if apart is not None and (apart.upper().startswith("LIST") or re.search(r"%[0-9]*d", apart)):
        raise UnreadableFile(f"{path}: its voxels are spread over several files; export it as one")
    start = None if "-1" in skipped else (0 if apart else end) + max(map(int, skipped))
    values = math.prod(sizes)
    big = {"little": False, "big": True}.get(fields.get("endian", "").lower())
    signed = not re.match(r"u(?!n)|unsigned", fields["type"].lower()) or kind in ("float", "double")
    dtype = _dtype(kind in ("float", "double"), signed, itemsize, big)
    lines_skipped = fields.get("line skip", fields.get("lineskip", "0")) != "0"
    oriented = "space" in fields or fields.get("space dimension") in ("2", "4")  # NRRD names none for pictures
    return Promise(
        values, _bounded(path, values * itemsize), encoding, start, apart, oriented,
        shape=tuple(sizes), dtype=None if lines_skipped else dtype, fields=fields)  # fmt: skip


def metaimage_promise(path: Path, head: bytes) -> Promise:
    """Of the first bytes of a MetaImage file. Raises UnreadableFile."""
    lines, end = [], 0
    for line in head.split(b"\n"):
        end += len(line) + 1
        lines.append(line.decode("latin-1"))
        if re.match(r"\s*ElementDataFile\s*[=:]", lines[-1]):
            break
    else:
        raise UnreadableFile(f"{path}: is no MetaImage: nothing in it says ElementDataFile; export it again")
    _require_plain(path, head[: min(end, len(head))])
    fields = _fields(path, lines, "=:", exact=True)
    axes = _whole(path, fields, "NDims")
    sizes = _sizes(path, fields, "DimSize", axes)
    channels = _whole(path, fields, "ElementNumberOfChannels", "1")
    kind = fields.get("ElementType", "").upper().removesuffix("_ARRAY")
    itemsize = _known(path, fields, "ElementType", _METAIMAGE_BYTES.get(kind))
    _require_numbers(path, fields, _METAIMAGE_NUMBERS)
    for name in _METAIMAGE_SWITCHES:
        if fields.get(name, "true").lower() not in ("true", "false"):  # ITK guesses from any first letter
            raise _unusable(path, name, fields[name])
    for name in _METAIMAGE_WHOLE:
        if not re.fullmatch(r"-1|[0-9]{1,18}", fields.get(name, "0"), re.ASCII):
            raise _unusable(path, name, fields[name])
    name = fields["ElementDataFile"]
    if not name or name.upper().startswith("LIST") or "%" in name:
        raise UnreadableFile(f"{path}: its voxels are spread over several files; export it as one")
    apart = None if name.upper() == "LOCAL" else name
    encoding: Encoding = "raw"
    if fields.get("CompressedData", "").lower() == "true":
        encoding = "zlib"
    elif fields.get("BinaryData", "true").lower() == "false":
        encoding = "text"
    skip = int(fields.get("HeaderSize", "0")) if apart else 0
    values = math.prod(sizes) * channels
    return Promise(
        values, _bounded(path, values * itemsize), encoding, None if skip < 0 else skip if apart else end, apart,
        oriented=bool({"TransformMatrix", "Orientation", "Rotation"} & fields.keys()),
        packed=int(fields.get("CompressedDataSize", "0")) or (None if apart else 0),
        shape=tuple(sizes), dtype=_metaimage_dtype(fields, kind, itemsize) if channels == 1 else None, fields=fields,
    )  # fmt: skip


def _metaimage_dtype(fields: dict[str, str], kind: str, itemsize: int) -> np.dtype[Any] | None:
    """None where the values are to be scaled."""
    if {"ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"} & fields.keys():
        return None
    orders = {fields[name].lower() for name in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB") if name in fields}
    big = orders == {"true"} if len(orders) < 2 else None
    return _dtype(kind in ("MET_FLOAT", "MET_DOUBLE"), not kind.startswith("MET_U"), itemsize, big)


def _dtype(floats: bool, signed: bool, itemsize: int, big: bool | None) -> np.dtype[Any] | None:
    """big: the byte order, None where nothing states it, which does for single bytes."""
    if big is None and itemsize > 1:
        return None
    return np.dtype(f"{'>' if big else '<'}{'f' if floats else 'i' if signed else 'u'}{itemsize}")


def vtk_promise(path: Path, head: bytes) -> Promise:
    """Of the first bytes of a legacy VTK file of structured points. Raises UnreadableFile."""
    lines = head.split(b"\n")
    if len(lines) < 4 or not lines[0].startswith(b"# vtk DataFile"):
        raise UnreadableFile(f"{path}: is no legacy VTK file: it begins with {head[:20]!r}; export it again")
    encoding = {b"ASCII": "text", b"BINARY": "raw"}.get(lines[2].strip().upper())
    end = sum(len(line) + 1 for line in lines[:3])
    words: dict[str, list[str]] = {}
    components, itemsize = 0, 0
    for line in lines[3:]:
        if len(words) > 16 or len(line) > 1024:
            break
        end += len(line) + 1
        if not line.strip():
            continue
        key, *values = line.decode("latin-1").split()
        if key.upper() in words:
            raise UnreadableFile(f"{path}: states {key} twice; export it again")
        words[key.upper()] = values
        if key.upper() == "DATASET" and " ".join(values).upper() != "STRUCTURED_POINTS":
            kind = shortened(printable(" ".join(values)), 40)
            raise UnreadableFile(f"{path}: is a DATASET of {kind}; export STRUCTURED_POINTS, which voxels are")
        if key.upper() == "CELL_DATA":
            raise UnreadableFile(f"{path}: has CELL_DATA before any POINT_DATA; export SCALARS of its points alone")
        if key.upper() == "SCALARS":
            wanted = values[2] if len(values) > 2 else "1"
            components = int(wanted) if _WHOLE.fullmatch(wanted) else 0
            itemsize = _VTK_BYTES.get(values[1].lower(), 0) if len(values) > 1 else 0
        if key.upper() in ("VECTORS", "LOOKUP_TABLE", "COLOR_SCALARS", "TENSORS", "NORMALS", "FIELD"):
            break
    _require_plain(path, head[:end])
    if "VECTORS" in words and "SCALARS" not in words and len(words["VECTORS"]) > 1:
        components, itemsize = 3, _VTK_BYTES.get(words["VECTORS"][1].lower(), 0)
    fields = {key.lower(): " ".join(values) for key, values in words.items()}
    if encoding is None or "dataset" not in fields or components < 1 or not itemsize:
        raise UnreadableFile(f"{path}: is no legacy VTK file of structured points with scalars; export it again")
    sizes = _sizes(path, fields, "dimensions", 3)
    _require_numbers(path, fields, ("spacing", "aspect_ratio", "origin"))
    if _whole(path, fields, "point_data") != math.prod(sizes):
        raise UnreadableFile(
            f"{path}: POINT_DATA {fields['point_data']} and DIMENSIONS {fields['dimensions']} disagree"
        )
    count = math.prod(sizes) * components
    return Promise(count, _bounded(path, count * itemsize), "text" if encoding == "text" else "raw", end)


def is_number(word: bytes) -> bool:
    """Whether a word of a text file is one number that fits into ITK's buffers."""
    return len(word) <= LONGEST_NUMBER and _NUMBER.fullmatch(word.decode("latin-1")) is not None


def _text_until(head: bytes, ends: tuple[bytes, ...]) -> tuple[list[str], int]:
    """The header's lines, and where the data begin."""
    found = [(head.find(end), len(end)) for end in ends if end in head]
    at, length = min(found, default=(len(head), 0))
    return [line.removesuffix("\r") for line in head[:at].decode("latin-1").split("\n")], at + length


def _fields(path: Path, lines: Iterable[str], separators: str, exact: bool = False) -> dict[str, str]:
    """``key: value`` lines, keys in lower case unless ``exact``. Raises UnreadableFile for one that is there twice."""
    fields: dict[str, str] = {}
    for line in lines:
        key, found, value = re.match(rf"([^{separators}]*)([{separators}]?)(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
        name = key.strip() if exact else key.strip().lower()
        if not found:
            if exact and name:  # versions of ITK differ in what they read after such a line
                raise UnreadableFile(f"{path}: {shortened(name, 40)!r} in its header has no value; export it again")
            continue
        if name in fields:
            raise UnreadableFile(f"{path}: its header states {shortened(name, 40)} twice; export it again")
        fields[name] = value.strip()
    return fields


def _require_plain(path: Path, header: bytes) -> None:
    if len(header) >= HEADER_LIMIT or _ENDLESS.search(header) or _CONTROL.search(header):
        raise _no_header(path)


def _no_header(path: Path) -> UnreadableFile:
    return UnreadableFile(f"{path}: its header holds bytes that no header holds; it is damaged, so export it again")


def _whole(path: Path, fields: dict[str, str], name: str, default: str = "") -> int:
    """A whole number of at least 1."""
    text = fields.get(name, default)
    if not _WHOLE.fullmatch(text) or int(text) < 1:
        raise _unusable(path, name, text)
    return int(text)


def _sizes(path: Path, fields: dict[str, str], name: str, axes: int) -> list[int]:
    """Voxels along each axis, at least 1."""
    words = fields.get(name, "").split()
    if axes > _MOST_AXES or len(words) != axes or not all(_WHOLE.fullmatch(word) and int(word) for word in words):
        raise _unusable(path, name, fields.get(name, ""), f", for {axes} axes")
    return [int(word) for word in words]


def _require_numbers(path: Path, fields: dict[str, str], names: Iterable[str]) -> None:
    for name in names:
        for word in re.split(r"[\s(),]+", fields.get(name, "")):
            if word and word.lower() not in ("none", "nan") and not is_number(word.encode("latin-1")):
                raise _unusable(path, name, fields[name])


def _known(path: Path, fields: dict[str, str], name: str, value: _Known | None) -> _Known:
    if value is None:
        raise _unusable(path, name, fields.get(name, ""))
    return value


def _bounded(path: Path, size: int) -> int:
    if size > _MOST_BYTES:
        raise UnreadableFile(f"{path}: the header promises {size} bytes of voxels, more than could be; export it again")
    return size


def _unusable(path: Path, name: str, value: str, more: str = "") -> UnreadableFile:
    words = f"states {name} = {shortened(value, 60)!r}{more}" if value else f"states no {name}"
    return UnreadableFile(f"{path}: its header {words}, which cannot be used; export it again")

"""What the header of a MINC 1 file promises, read strictly before nibabel reads it.

A MINC 1 file is netCDF's classic format. nibabel's reader of it makes room for whatever a variable says that it
holds, takes a negative length for "what is left", and lets an attribute take the place of its own fields. Sources:
the netCDF classic format specification (Unidata), the MINC programmer's guide.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from segeval.errors import UnreadableFile
from segeval.words.printable import shortened

_TYPES = {1: ">i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8"}
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_ABSENT = 0
_NAME = re.compile(r"_?[A-Z][^\x00-\x1f/\x7f]{0,255}|[a-z][^\x00-\x1f/\x7f]{0,255}")
_RESERVED = frozenset(
    (
        "data",
        "dimensions",
        "variables",
        "shape",
        "isrec",
        "typecode",
        "itemsize",
        "getValue",
        "assignValue",
        "maskandscale",
        "fp",
        "filename",
        "mode",
        "use_mmap",
        "version_byte",
        "close",
        "flush",
        "sync",
        "createDimension",
        "createVariable",
    )
)
"""Fields of nibabel's objects, which keep attributes among them; the others begin with _ and a small letter."""


class _Variable(Struct, frozen=True):
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    attributes: dict[str, Any]
    dtype: np.dtype[Any]
    begin: int

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class MincPromise(Struct, frozen=True):
    """The image variable, and the range of stored numbers that have a value; None for floats."""

    image: _Variable
    valid: tuple[float, float] | None

    @property
    def voxels(self) -> int:
        return math.prod(self.image.shape)

    def require_valid_voxels(self, path: Path, content: bytes) -> None:
        """Raises UnreadableFile where voxels lie outside the valid range: nibabel would move them to its ends."""
        if self.valid is None:
            return
        stored = np.frombuffer(content, self.image.dtype, self.voxels, self.image.begin)
        outside = int(np.count_nonzero((stored < self.valid[0]) | (stored > self.valid[1])))
        if outside:
            raise UnreadableFile(
                f"{path}: {outside} of its voxels lie outside its valid range, {self.valid[0]:g} to {self.valid[1]:g}, "
                "and have no value; export it again"
            )


def minc_promise(path: Path, content: bytes) -> MincPromise:
    """Of a whole MINC 1 file. Raises UnreadableFile."""
    variables = _Walk(path, content).variables()
    image = variables.get("image")
    if image is None or len(image.shape) < 3:
        raise UnreadableFile(f"{path}: is no MINC volume: it holds no image of three axes; export it again")
    if image.dtype.kind == "f":
        return MincPromise(image, None)
    sign = image.attributes.get("signtype")
    if sign not in (b"unsigned", b"signed__") or image.dtype.kind not in "iu":
        raise UnreadableFile(f"{path}: its image states the sign type {sign!r}, which cannot be used; export it again")
    dtype = np.dtype(image.dtype.str.replace("i", "u")) if sign == b"unsigned" else image.dtype
    image = _Variable(image.axes, image.shape, image.attributes, dtype, image.begin)
    valid = _valid_range(image)
    if len(valid) != 2 or not np.isfinite(valid).all() or not valid[0] < valid[1]:
        raise UnreadableFile(f"{path}: the valid range of its image cannot be used; export it again")
    return MincPromise(image, (valid[0], valid[1]))


def _valid_range(image: _Variable) -> list[float]:
    """As stated by the image, or else all that its type holds."""
    limits = np.iinfo(image.dtype)
    stated = image.attributes.get("valid_range")
    if stated is None:
        ends = [
            image.attributes.get(name, limit) for name, limit in (("valid_min", limits.min), ("valid_max", limits.max))
        ]
        stated = (
            np.concatenate([np.atleast_1d(end) for end in ends]) if not any(isinstance(e, bytes) for e in ends) else b""
        )
    return [] if isinstance(stated, bytes) else [float(value) for value in np.atleast_1d(stated)]


class _Walk:
    """From the first byte of the header to its last."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        self._content = content
        self._at = 4  # after the magic

    def variables(self) -> dict[str, _Variable]:
        """All of them by name. Raises UnreadableFile for anything that no MINC 1 file holds."""
        self._number()  # records, of which MINC has none
        lengths = self._named(_DIMENSIONS, self._number)
        if any(length < 1 for length in lengths.values()):
            raise self._damaged("an axis without a length")
        self._attributes()
        axes = list(lengths.items())
        found = self._named(_VARIABLES, lambda: self._variable(axes))
        for name, variable in found.items():
            if variable.begin < self._at or variable.begin + variable.size > len(self._content):
                raise UnreadableFile(
                    f"{self._path}: {name} is said to be {variable.size} bytes from byte {variable.begin} of "
                    f"{len(self._content)}; the file was cut or its header is damaged, so copy or export it again"
                )
        if sum(variable.size for variable in found.values()) > len(self._content):
            raise self._damaged("variables in one another's place")
        return found

    def _variable(self, axes: list[tuple[str, int]]) -> _Variable:
        chosen = [self._number() for _ in range(self._count(4))]
        if any(not 0 <= axis < len(axes) for axis in chosen):
            raise self._damaged("an axis that is not there")
        attributes = self._attributes()
        dtype = self._type()
        self._number()  # the size once more, which follows from the axes
        names, shape = [axes[axis][0] for axis in chosen], [axes[axis][1] for axis in chosen]
        return _Variable(tuple(names), tuple(shape), attributes, dtype, self._number())

    def _attributes(self) -> dict[str, Any]:
        return self._named(_ATTRIBUTES, self._values)

    def _values(self) -> Any:
        """Of an attribute: a text, or an array of numbers."""
        dtype = self._type()
        block = self._padded(self._count(dtype.itemsize) * dtype.itemsize)
        return block.rstrip(b"\0") if dtype.kind == "S" else np.frombuffer(block, dtype)

    def _named(self, tag: int, read: Any) -> dict[str, Any]:
        """A list of things with names."""
        stated, found = self._number(), {}
        count = self._count(8)
        if stated != tag and (stated, count) != (_ABSENT, 0):
            raise self._damaged("a list without its mark")
        for _ in range(count):
            name = self._padded(self._count(1)).rstrip(b"\0").decode("latin-1")
            if not _NAME.fullmatch(name) or (tag == _ATTRIBUTES and name in _RESERVED):
                raise self._damaged(f"the name {shortened(name, 40)!r}")
            if name in found:
                raise self._damaged(f"{shortened(name, 40)} twice")
            found[name] = read()
        return found

    def _type(self) -> np.dtype[Any]:
        code = self._number()
        if code not in _TYPES:
            raise self._damaged(f"the data type {code}")
        return np.dtype(_TYPES[code])

    def _count(self, least: int) -> int:
        """How many things follow, each of at least so many bytes."""
        count = self._number()
        if not 0 <= count * least <= len(self._content) - self._at:
            raise self._damaged(f"{count} values where {len(self._content) - self._at} bytes are left")
        return count

    def _number(self) -> int:
        return int.from_bytes(self._take(4), "big", signed=True)

    def _padded(self, size: int) -> bytes:
        block = self._take(size)
        self._take(-size % 4)
        return block

    def _take(self, size: int) -> bytes:
        block = self._content[self._at : self._at + size]
        self._at += size
        if len(block) < size:
            raise self._damaged("an end inside it")
        return block

    def _damaged(self, what: str) -> UnreadableFile:
        return UnreadableFile(f"{self._path}: its header holds {what}; it is damaged, so export it again")

"""What the directories of a TIFF promise, one per slice, read strictly before ITK reads them.

libtiff guesses what a damaged directory leaves out, and follows a chain that leads back into itself for ever. ITK
takes the size and type of the first slice for those of all, makes room for fewer slices than it then writes where
some are marked as thumbnails or masks, takes 16-bit floats for integers, and asks for some fields in a way that
writes beyond its memory. Source: TIFF 6.0, sections 2 and 8, and the BigTIFF extension.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO, Literal

from msgspec import Struct

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import file_size, open_regular_file
from segeval.readers.recognition import recognise

_BIG = 43
_PLAIN = 42
_SMALLEST_HEADER = 8  # bytes
_MOST_DIRECTORIES = 65535
_MOST_BYTES = 1 << 50
_INTEGERS = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}  # bytes of each type of whole numbers
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS, _COUNTS, _FORMAT = 273, 274, 277, 278, 279, 339
_SUBFILE, _OLD_SUBFILE = 254, 255
_TILES = (322, 323, 324, 325)
_READ = (
    _WIDTH,
    _LENGTH,
    _BITS,
    _COMPRESSION,
    _PHOTOMETRIC,
    _OFFSETS,
    _ORIENTATION,
    _SAMPLES,
    _ROWS,
    _COUNTS,
    _FORMAT,
    _SUBFILE,
    _OLD_SUBFILE,
    *_TILES,
)
_PASSED = (*_READ, 266, *range(269, 273), *range(280, 288), 292, 293, 296, 297, 305, 306, 315, 316, 317, 320, 700)
"""Fields that may be there beside the private ones, which begin at 32768: texts, resolution, how strips are packed."""
_PRIVATE = 32768
_FULL, _PAGE = 0, 2  # kinds of subfile: what is neither is a thumbnail or a mask
_TYPES = ((8, 1), (8, 2), (16, 1), (16, 2), (32, 1), (32, 2), (32, 3))  # bits and format, as ITK reads them
_TOP_LEFT, _BOTTOM_LEFT = 1, 4
_STORED, _LZW, _DEFLATED, _PACKBITS = (1,), (5,), (8, 32946), (32773,)
_GREY = (0, 1)

_Fields = dict[int, list[int]]


def verify_tiff(path: Path) -> None:
    """Raises UnreadableFile for a TIFF that is no stack of whole grey slices of one size."""
    with open_regular_file(path) as file:
        start = file.read(16)
        order: Literal["little", "big"] = "little" if start.startswith(b"II") else "big"
        version = int.from_bytes(start[2:4], order)
        if not start.startswith((b"II", b"MM")) or version not in (_PLAIN, _BIG):
            raise UnreadableFile(f"{path}: is no TIFF: it is {recognise(start) or 'damaged; export it again'}")
        slices = _Directories(path, file, order, version == _BIG)
        sizes = {slices.verified(fields) for fields in slices.all(start)}
    if len(sizes) != 1:
        raise UnreadableFile(f"{path}: its slices differ in size or type; export it again")


class _Directories(Struct, frozen=True):
    path: Path
    file: BinaryIO
    order: Literal["little", "big"]
    big: bool

    def all(self, start: bytes) -> list[_Fields]:
        """The fields of every directory. Raises UnreadableFile."""
        found: list[_Fields] = []
        seen: set[int] = set()
        offset = self._number(start[8:16] if self.big else start[4:8])
        while offset:
            if offset in seen or len(seen) >= _MOST_DIRECTORIES:
                raise UnreadableFile(f"{self.path}: its slices follow one another in a circle; export it again")
            seen.add(offset)
            fields, offset = self._directory(offset)
            found.append(fields)
        return found

    def verified(self, fields: _Fields) -> tuple[int, ...]:
        """Of a slice whose strips are there, what must be the same for all of them. Raises UnreadableFile."""
        width, length = self._one(fields, _WIDTH), self._one(fields, _LENGTH)
        samples, photometric = self._one(fields, _SAMPLES, 1), self._one(fields, _PHOTOMETRIC)
        if samples != 1 or photometric not in _GREY:
            raise UnreadableFile(
                f"{self.path}: is a colour picture ({samples} values per pixel, photometric {photometric}); export "
                "labels as grey values"
            )
        if unknown := [tag for tag in fields if tag < _PRIVATE and tag not in _PASSED]:
            raise UnreadableFile(f"{self.path}: has the field {unknown[0]}, which no grey picture has; export it again")
        bits, number_format = self._one(fields, _BITS, 1), self._one(fields, _FORMAT, 1)
        if (bits, number_format) not in _TYPES:
            raise UnreadableFile(
                f"{self.path}: its voxels have {bits} bits (format {number_format}); export it as integers of 8 or 16"
            )
        kind = self._one(fields, _SUBFILE, -1)
        if _OLD_SUBFILE in fields or kind not in (-1, _FULL, _PAGE):
            raise UnreadableFile(f"{self.path}: holds a thumbnail or a mask beside its slices; export it without")
        orientation = self._one(fields, _ORIENTATION, _TOP_LEFT)
        if orientation not in (_TOP_LEFT, _BOTTOM_LEFT):
            raise UnreadableFile(f"{self.path}: is stored turned (orientation {orientation}); export it upright")
        if set(_TILES) & fields.keys():
            raise UnreadableFile(f"{self.path}: is stored in tiles; export it in strips, or as NIfTI")
        rows = min(self._one(fields, _ROWS, length), length)
        offsets, counts = fields.get(_OFFSETS, []), fields.get(_COUNTS, [])
        if min(width, length, rows) < 1 or width * length * bits > _MOST_BYTES:
            raise self._damaged(f"{width}×{length} voxels in strips of {rows} rows")
        if not len(offsets) == len(counts) == -(-length // rows):
            raise self._damaged(f"{-(-length // rows)} strips at {len(offsets)} places, of {len(counts)} lengths")
        for number, (offset, count) in enumerate(zip(offsets, counts, strict=True)):
            wanted = min(rows, length - number * rows) * width * bits // 8
            self._verify_strip(self._one(fields, _COMPRESSION, 1), offset, count, wanted)
        return width, length, bits, number_format, photometric, kind, orientation

    def _verify_strip(self, compression: int, offset: int, count: int, wanted: int) -> None:
        if compression not in (*_STORED, *_LZW, *_DEFLATED, *_PACKBITS):
            raise UnreadableFile(
                f"{self.path}: is compressed by a method that loses or hides voxels (TIFF's {compression}); export it "
                "uncompressed, or by Deflate"
            )
        if (
            offset < _SMALLEST_HEADER
            or offset + count > file_size(self.path)
            or (compression in _STORED and count < wanted)
        ):
            raise UnreadableFile(
                f"{self.path}: a strip of {wanted} bytes is said to be {count} bytes from byte {offset} of "
                f"{file_size(self.path)}; the file was cut or its header is damaged, so copy or export it again"
            )
        if compression in _DEFLATED:
            self.file.seek(offset)
            decoder = zlib.decompressobj()
            try:
                found = len(decoder.decompress(self.file.read(count), wanted + 1))
            except zlib.error as problem:
                raise self._damaged(f"compressed data that cannot be read ({problem})") from None
            if found != wanted or not decoder.eof:
                raise self._damaged(f"a strip that does not inflate to {wanted} bytes")

    def _directory(self, offset: int) -> tuple[_Fields, int]:
        """The fields that are read, and where the next directory is."""
        count_bytes, value_bytes = (8, 8) if self.big else (2, 4)
        entry_bytes = 4 + 2 * value_bytes
        self.file.seek(min(offset, file_size(self.path)))
        count = self._number(self._read(count_bytes))
        if not 0 < count * entry_bytes < file_size(self.path):
            raise self._damaged(f"a directory of {count} entries")
        entries = self._read(count * entry_bytes)
        following = self._number(self._read(value_bytes))
        fields: _Fields = {}
        for at in range(0, len(entries), entry_bytes):
            tag, kind = self._number(entries[at : at + 2]), self._number(entries[at + 2 : at + 4])
            if tag not in _READ:
                fields.setdefault(tag, [])
                continue
            if tag in fields or kind not in _INTEGERS:
                raise self._damaged(f"the field {tag} twice, or as no whole number")
            number = self._number(entries[at + 4 : at + 4 + value_bytes])
            size = number * _INTEGERS[kind]
            if size > file_size(self.path):
                raise self._damaged(f"{number} values of the field {tag}")
            block = entries[at + 4 + value_bytes : at + entry_bytes][:size]
            if size > value_bytes:
                self.file.seek(min(self._number(block), file_size(self.path)))
                block = self._read(size)
            step = _INTEGERS[kind]
            fields[tag] = [self._number(block[place : place + step]) for place in range(0, size, step)]
        return fields, following

    def _one(self, fields: _Fields, tag: int, default: int | None = None) -> int:
        values = fields.get(tag, [] if default is None else [default])
        if tag in (_BITS, _FORMAT) and len(set(values)) == 1:  # one for each value of a pixel
            return values[0]
        if len(values) != 1:
            raise self._damaged(f"{len(values)} values of the field {tag}")
        return values[0]

    def _read(self, size: int) -> bytes:
        block = self.file.read(size)
        if len(block) < size:
            raise UnreadableFile(f"{self.path}: ends inside its header; copy or export it again")
        return block

    def _number(self, block: bytes) -> int:
        return int.from_bytes(block, self.order)

    def _damaged(self, what: str) -> UnreadableFile:
        return UnreadableFile(f"{self.path}: its header states {what}, which cannot be; export it again")

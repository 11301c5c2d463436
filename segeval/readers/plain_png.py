"""The usual kind of PNG through imagecodecs: 8 bits, or indices of fewer, not interlaced; Pillow takes twice as long.

Whatever is unusual, or wrong in any way, is left to the reader that says what is wrong. Chunks are verified here, each
by its checksum, as libpng lets some of them pass; the codecs verify the checksum of the voxels. Source: PNG
specification, third edition, sections 5.3, 9.2, 11.2.1 and 11.2.2.
"""

from __future__ import annotations

import logging
import zlib
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_BYTES = 1 << 26
"""Of a file that is held while it is decoded."""
_GREY, _RGB, _INDEX, _RGBA = 0, 2, 3, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _INDEX: 1, _RGBA: 4}
_BYTE = 8
_OVERHEAD = 12  # bytes of a chunk beside its data: length, name, checksum


class PlainPng(Struct, frozen=True):
    """A picture whose chunks are sound.

    samples: values per pixel. bits: of each. palette: colours (n, 3) of indices, else None. compressed: the voxels, and
    content: a PNG of these alone, where libpng can read them. see_through: it says which colours show nothing.
    """

    width: int
    height: int
    samples: int
    bits: int
    palette: NDArray[np.uint8] | None
    compressed: bytes
    content: bytes
    see_through: bool

    def pixels(self) -> NDArray[np.uint8] | None:
        """(rows, columns) of grey values or indices, or (rows, columns, samples); None where libpng finds fault."""
        import imagecodecs

        if (unfiltered := self._indices()) is not None:
            return unfiltered
        shape = (self.height, self.row) if self.samples == 1 else (self.height, self.width, self.samples)
        heard = _Heard()
        logger = logging.getLogger("imagecodecs")
        logger.addFilter(heard)
        try:
            found: NDArray[Any] = imagecodecs.png_decode(self.content)
        except Exception:  # the codec's own, and those of memory
            return None
        finally:
            logger.removeFilter(heard)
        if heard.anything or found.shape != shape or found.dtype != np.uint8:
            return None
        return self._unpacked(found)

    @property
    def row(self) -> int:
        """The bytes of a row of grey values or indices."""
        return -(-self.width * self.bits // _BYTE)

    def _indices(self) -> NDArray[np.uint8] | None:
        """Indices whose rows are all stored as they are, as most encoders do with bytes of them; inflated at once."""
        import imagecodecs

        if self.palette is None:
            return None
        row = 1 + self.row  # a byte before each row says how it is filtered
        size = self.height * row
        try:
            found = imagecodecs.deflate_decode(self.compressed, out=size)
        except Exception:  # the codec's own, that of a build without it, and what is longer
            return None
        if len(found) != size:
            return None
        rows = np.frombuffer(found, np.uint8).reshape(self.height, row)
        return None if rows[:, 0].any() else self._unpacked(rows[:, 1:])

    def _unpacked(self, rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What is in rows of bytes: of indices of fewer bits, the first one is in the highest."""
        if self.bits == _BYTE:
            return rows
        each = _BYTE // self.bits
        found = np.empty((self.height, rows.shape[1] * each), dtype=np.uint8)
        for place in range(each):
            np.right_shift(rows, _BYTE - self.bits * (place + 1), out=found[:, place::each])
        found &= (1 << self.bits) - 1
        return found[:, : self.width]


class _Heard(logging.Filter):
    """Lets no warning through, and knows that there was one."""

    anything = False

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 (whatever it says)
        self.anything = True
        return False


def plain_png(content: bytes) -> PlainPng | None:
    """The picture in these bytes; None for any but the usual kind."""
    header, palette, place, before = b"", None, len(SIGNATURE), b""
    voxels: list[tuple[int, int]] = []
    see_through = False
    if not content.startswith(SIGNATURE):
        return None
    while True:
        length, name = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        end = place + _OVERHEAD + length
        if end > len(content) or zlib.crc32(content[place + 4 : end - 4]) != int.from_bytes(
            content[end - 4 : end], "big"
        ):
            return None
        if name == b"IDAT" and (before == name or not voxels):
            voxels.append((place, end))
        elif name == b"IHDR" and place == len(SIGNATURE) and length == 13:
            header = content[place + 8 : place + 21]
        elif name == b"PLTE" and palette is None and not voxels and 0 < length <= 768 and length % 3 == 0:
            palette = np.frombuffer(content, np.uint8, length, place + 8).reshape(-1, 3)
        elif name == b"IEND":
            break
        elif name == b"tRNS":
            see_through = True
        elif not name.isalpha() or name[:1].isupper() or name == b"acTL":  # what must be understood, or an animation
            return None
        place, before = end, name
    width, height = (int.from_bytes(header[at : at + 4], "big") for at in (0, 4))
    bits, kind = (header[8], header[9]) if header[10:] == b"\0\0\0" else (0, None)
    if bits not in ((1, 2, 4, _BYTE) if kind == _INDEX else (_BYTE,)):
        return None
    if kind not in _SAMPLES or not voxels or not width * height or (kind == _INDEX and palette is None):
        return None
    if kind == _INDEX:  # as rows of grey bytes: libpng would look indices up, and spread those of fewer bits
        row = -(-width * bits // _BYTE)
        header = row.to_bytes(4, "big") + header[4:8] + bytes((_BYTE, _GREY, 0, 0, 0))
    chunks = [content[start:end] for start, end in voxels]
    whole = b"".join((SIGNATURE, _chunk(b"IHDR", header), *chunks, _chunk(b"IEND", b"")))  # without transparent grey
    compressed = b"".join(content[start + 8 : end - 4] for start, end in voxels)
    colours = palette if kind == _INDEX else None
    return PlainPng(width, height, _SAMPLES[kind], bits, colours, compressed, whole, see_through)


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

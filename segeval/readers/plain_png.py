"""The usual kind of PNG through imagecodecs: 8 bits, not interlaced, in half the time that Pillow takes, or less.

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
_PIXELS = slice(8, 16)  # of the header's data: bits, colour type, and three bytes that are 0 for the usual kind
_GREY, _RGB, _INDEX, _RGBA = 0, 2, 3, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _INDEX: 1, _RGBA: 4}
_OVERHEAD = 12  # bytes of a chunk beside its data: length, name, checksum


class PlainPng(Struct, frozen=True):
    """A picture whose chunks are sound. samples: values per pixel. palette: colours (n, 3) of indices, else None."""

    width: int
    height: int
    samples: int
    palette: NDArray[np.uint8] | None
    compressed: bytes
    content: bytes

    def pixels(self) -> NDArray[np.uint8] | None:
        """(rows, columns) of grey values or indices, or (rows, columns, samples); None where libpng finds fault."""
        import imagecodecs

        if (unfiltered := self._indices()) is not None:
            return unfiltered
        shape = (self.height, self.width) if self.samples == 1 else (self.height, self.width, self.samples)
        heard = _Heard()
        logger = logging.getLogger("imagecodecs")
        logger.addFilter(heard)
        try:
            found: NDArray[Any] = imagecodecs.png_decode(self.content)
        except Exception:  # the codec's own, and those of memory
            return None
        finally:
            logger.removeFilter(heard)
        return None if heard.anything or found.shape != shape or found.dtype != np.uint8 else found

    def _indices(self) -> NDArray[np.uint8] | None:
        """Indices whose rows are all stored as they are, which is how most encoders write them; inflated at once."""
        import imagecodecs

        if self.palette is None:
            return None
        size = self.height * (self.width + 1)  # a byte before each row says how it is filtered
        try:
            found = imagecodecs.deflate_decode(self.compressed, out=size)
        except Exception:  # the codec's own, that of a build without it, and what is longer
            return None
        if len(found) != size:
            return None
        rows = np.frombuffer(found, np.uint8).reshape(self.height, self.width + 1)
        return None if rows[:, 0].any() else rows[:, 1:]


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
        elif not name.isalpha() or name[:1].isupper() or name == b"acTL":  # what must be understood, or an animation
            return None
        place, before = end, name
    width, height = (int.from_bytes(header[at : at + 4], "big") for at in (0, 4))
    kind = header[9] if header[8:9] == b"\x08" and header[10:] == b"\0\0\0" else None
    if kind not in _SAMPLES or not voxels or not width * height or (kind == _INDEX and palette is None):
        return None
    as_stored = _chunk(b"IHDR", header[:9] + (b"\0" if kind == _INDEX else header[9:10]) + header[10:])
    chunks = [content[start:end] for start, end in voxels]
    whole = b"".join((SIGNATURE, as_stored, *chunks, _chunk(b"IEND", b"")))  # indices as grey, and no transparent grey
    compressed = b"".join(content[start + 8 : end - 4] for start, end in voxels)
    return PlainPng(width, height, _SAMPLES[kind], palette if kind == _INDEX else None, compressed, whole)


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

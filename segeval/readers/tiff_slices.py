"""The slices of a TIFF: their directories as tifffile reads them, verified, and their voxels band by band.

tifffile passes over what is wrong in a directory with a line in its log, and fills up or cuts off what has another
length than it should. Here a line in its log is a refusal, and so is a strip or tile that is not where and as long as
the directory says. Source: TIFF 6.0, sections 2, 8 and 15, and the BigTIFF extension.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import file_size, most_inflated
from segeval.readers.colours import Colours
from segeval.readers.tiff_colours import WHITE_IS_0, SliceColours, require_colours_that_are_read, slice_colours
from segeval.volumes.memory import Need, require_memory
from segeval.words.printable import printable, shortened

ReadAt = Callable[[int, int], bytes]
"""So many bytes from a place in the file."""

_SMALLEST_HEADER = 8  # bytes
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_COUNTS = 273, 274, 277, 278, 279
_TILE_OFFSETS, _TILE_COUNTS, _SUBFILE, _OLD_SUBFILE, _FORMAT = 324, 325, 254, 255, 339
_TOLD_ONCE = (_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS,
              _STRIP_COUNTS, 266, 317, 322, 323, _TILE_OFFSETS, _TILE_COUNTS, _SUBFILE, _FORMAT)  # fmt: skip
_WHOLE_NUMBERS = (1, 3, 4, 13, 16, 18)  # the types of a field that holds such
_FULL, _PAGE = 0, 2  # kinds of subfile: what is neither is a thumbnail or a mask
_TOP_LEFT, _BOTTOM_LEFT = 1, 4
_STORED = 1
_MOST_SLICES = 1 << 20
_BOUNDED = (1, 2, 3, 4, 5, 8, 32773, 32946)  # compressions that cannot make much of little
_OLD_JPEG, _JPEG = 6, (7, 34892, 33007)
_LOSSY = (*_JPEG, 22610, 33003, 33004, 33005, 34712, 34887, 34927, 34934, 50001, 50002, 52546)
"""Compressions that may change voxels: JPEG, JPEG XR, JPEG 2000, LERC, WebP, JPEG XL."""
_MOST_EXPANDED = 1 << 16  # times, by the others: zstd packs a tile of background into a dozen bytes
_BITS_READ = {"u": (2, 4, 8, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64), "b": (1,)}


class Slice(Struct, frozen=True):
    """One slice whose strips or tiles are all within the file.

    shape: rows and columns. dtype: of its voxels: labels, where ``colours`` makes them. segment: rows and columns of a
    strip or tile, strips as wide as the slice. places: of each, where it begins and its bytes. decode: tifffile's, from
    bytes and number to an array. upside_down: the last row is stored first. lossy: its compression may change voxels.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    segment: tuple[int, int]
    places: tuple[tuple[int, int], ...]
    decode: Callable[..., Any]
    upside_down: bool
    lossy: bool
    colours: SliceColours | None
    alike: tuple[object, ...]
    """What must be the same for all slices of a file."""

    @property
    def band_bytes(self) -> int:
        """What is held at once."""
        each = self.dtype.itemsize + (0 if self.colours is None else self.colours.bytes_per_pixel)
        return 2 * self.segment[0] * max(self.shape[1], self.segment[1]) * each

    def bands(self, read_at: ReadAt) -> Iterator[NDArray[Any]]:
        """The voxels from the first row to the last, some rows at a time. Raises UnreadableFile."""
        step = self.segment[0]
        tops = range(0, self.shape[0], step)
        for top in reversed(tops) if self.upside_down else tops:
            band = self._band(read_at, top, min(step, self.shape[0] - top))
            yield band[::-1] if self.upside_down else band

    def _band(self, read_at: ReadAt, top: int, rows: int) -> NDArray[Any]:
        across = -(-self.shape[1] // self.segment[1])
        first = top // self.segment[0] * across
        if across == 1:
            return self._segment(read_at, first, rows)[:rows, : self.shape[1]]
        parts = [self._segment(read_at, first + number, rows) for number in range(across)]
        return np.concatenate([part[:rows, : self.segment[1]] for part in parts], axis=1)[:, : self.shape[1]]

    def _segment(self, read_at: ReadAt, number: int, rows: int) -> NDArray[Any]:
        """A strip or tile decoded: at least ``rows`` rows, and as wide as what it holds of the slice."""
        offset, count = self.places[number]
        data = read_at(offset, count)
        if len(data) < count:
            raise UnreadableFile(f"{self.path}: ends inside a strip of {count} bytes; copy or export it again")
        with by_tifffile(self.path):
            found, *_ = self.decode(data, number)
            samples = found.shape[3:] if self.colours is not None and self.colours.samples > 1 else ()
            array: NDArray[Any] = found.reshape((*found.shape[1:3], *samples))
        left = number * self.segment[1] % self._width_of_segments
        columns = min(self.segment[1], self.shape[1] - left)
        if array.shape[0] < rows or array.shape[1] < columns:
            raise UnreadableFile(
                f"{self.path}: a strip or tile holds {array.shape[1]}×{array.shape[0]} voxels in place of "
                f"{columns}×{rows}; the file is damaged, so copy or export it again"
            )
        if self.colours is not None:
            top = number // (self._width_of_segments // self.segment[1]) * self.segment[0]
            array = self.colours.labels(array[:rows, :columns], top, left, self.shape[0] if self.upside_down else None)
        return array.astype(self.dtype, copy=False)

    @property
    def _width_of_segments(self) -> int:
        """Of all those beside one another."""
        return -(-self.shape[1] // self.segment[1]) * self.segment[1]


@contextmanager
def by_tifffile(path: Path) -> Iterator[None]:
    """Let tifffile work in here: what it raises, and what it notes in its log, is raised as UnreadableFile."""
    heard = _Heard()
    logger = logging.getLogger("tifffile")
    logger.addFilter(heard)
    try:
        with np.errstate(all="ignore"):
            yield
    except (UnreadableFile, GeneratorExit):
        raise
    except Exception as problem:  # tifffile and the codecs raise many types for damaged files
        raise UnreadableFile(f"{path}: tifffile cannot read it ({_reason(problem)}); {_advice(problem)}") from None
    finally:
        logger.removeFilter(heard)
    if heard.words is not None:
        raise UnreadableFile(f"{path}: tifffile finds it damaged ({heard.words}); check or export it again")


class _Heard(logging.Filter):
    """Keeps the first complaint of a log, and lets none through."""

    words: str | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING and self.words is None:
            self.words = _first_line(record.getMessage())
        return False


def _reason(problem: Exception) -> str:
    return _first_line(str(problem)) or type(problem).__name__


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return shortened(printable(lines[0]), 120) if lines else ""


def _advice(problem: Exception) -> str:
    if isinstance(problem, ImportError) or "imagecodecs" in str(problem):
        return "this build of imagecodecs lacks the codec, so export it uncompressed, or by Deflate"
    return "check or export it again"


def verified_slices(path: Path, file: Any, colours: Colours | None = None) -> list[Slice]:
    """Of an open TiffFile: slices of one size and type. colours: what reads those. Raises UnreadableFile."""
    slices: list[Slice] = []
    with by_tifffile(path):
        slices.extend(_verified(path, page, colours) for page in _pages(path, file.pages))
    if not slices:
        raise UnreadableFile(f"{path}: holds no slice; export it again")
    if len({one.alike for one in slices}) != 1:
        raise UnreadableFile(f"{path}: its slices differ in size or type; export it again")
    promised = sum(one.shape[0] * one.shape[1] * one.dtype.itemsize for one in slices)
    bounded = all(one.alike[-1] for one in slices)
    size = file_size(path)
    if promised > (8 * most_inflated(size) if bounded else _MOST_EXPANDED * size):
        raise UnreadableFile(
            f"{path}: the header promises {promised} bytes of voxels, which {size} bytes cannot hold; the header is "
            "damaged, so export it again"
        )
    need = Need(max(one.band_bytes for one in slices), "a strip or a row of tiles", "store it in smaller ones")
    require_memory(str(path), need)
    return slices


def _pages(path: Path, pages: Any) -> Iterator[Any]:
    """Each page as its directory is read; tifffile follows a chain that leads back into itself for ever."""
    seen: set[int] = set()
    while True:
        try:
            page = pages[len(seen)]
        except IndexError:
            return
        if page.offset in seen or len(seen) >= _MOST_SLICES:
            raise UnreadableFile(f"{path}: its slices follow one another in a circle; export it again")
        seen.add(page.offset)
        yield page


def _verified(path: Path, page: Any, colours: Colours | None) -> Slice:
    _require_fields(path, page, colours)
    tags = page.tags
    if tags.valueof(_OLD_SUBFILE) is not None or tags.valueof(_SUBFILE, _FULL) not in (_FULL, _PAGE):
        raise UnreadableFile(f"{path}: holds a thumbnail or a mask beside its slices; export it without")
    if (orientation := tags.valueof(_ORIENTATION, _TOP_LEFT)) not in (_TOP_LEFT, _BOTTOM_LEFT):
        raise UnreadableFile(f"{path}: is stored turned (orientation {orientation}); export it upright")
    stored = _dtype(path, page)
    by_colour = None if colours is None else slice_colours(path, page, colours)
    dtype = stored if by_colour is None else by_colour.dtype
    tiled = _TILE_OFFSETS in tags
    shape = (int(page.imagelength), int(page.imagewidth))
    segment = (
        (int(page.tilelength), int(page.tilewidth)) if tiled else (min(int(page.rowsperstrip), shape[0]), shape[1])
    )
    if min(*shape, *segment) < 1:
        raise _damaged(path, f"{shape[1]}×{shape[0]} voxels in strips or tiles of {segment[1]}×{segment[0]}")
    places = _places(path, page, shape, segment, tiled)
    tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if page.compression in _JPEG else {}
    decode = page.decode
    return Slice(
        path, shape, dtype, segment, places,
        decode=(lambda data, number: decode(data, number, **tables)) if tables else decode,
        upside_down=orientation == _BOTTOM_LEFT,
        lossy=page.compression in _LOSSY,
        colours=by_colour,
        alike=(shape, dtype.str, page.bitspersample, page.photometric, tags.valueof(_SUBFILE), orientation,
               page.compression in _BOUNDED),
    )  # fmt: skip


def _require_fields(path: Path, page: Any, colours: Colours | None) -> None:
    """The fields that say where the voxels are, each once and as whole numbers; colours where they are read."""
    tiled = _TILE_OFFSETS in page.tags
    places = (_TILE_OFFSETS, _TILE_COUNTS, 322, 323) if tiled else (_STRIP_OFFSETS, _STRIP_COUNTS)
    for code in (_WIDTH, _LENGTH, _PHOTOMETRIC, *places):
        if code not in page.tags:
            raise _damaged(path, f"no field {code}")
    for code in _TOLD_ONCE:
        found = page.tags.getall(code) or []
        if len(found) > 1 or any(tag.dtype not in _WHOLE_NUMBERS for tag in found):
            raise _damaged(path, f"the field {code} twice, or as no whole number")
    require_colours_that_are_read(path, page, colours)
    if page.imagedepth != 1 or getattr(page, "tiledepth", 1) not in (0, 1):
        raise UnreadableFile(f"{path}: holds blocks of several slices; export one slice per page")
    if page.compression == _OLD_JPEG:
        raise UnreadableFile(f"{path}: is compressed by JPEG as of TIFF 5; export it uncompressed, or by Deflate")


def _dtype(path: Path, page: Any) -> np.dtype[Any]:
    """Of the voxels as they are handed out: single bits as bytes, half floats as whole ones."""
    found = page.dtype
    if found is None or page.bitspersample not in _BITS_READ.get(np.dtype(found).kind, ()):
        raise UnreadableFile(
            f"{path}: its voxels have {page.bitspersample} bits (format {int(page.sampleformat)}); export it as "
            "integers of 8 or 16"
        )
    if page.bitspersample == 1 and int(page.photometric) == WHITE_IS_0:
        raise UnreadableFile(
            f"{path}: is black and white with 0 for white, so that 0 may be what was drawn; export it with 0 for black"
        )
    if found == np.bool_:
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if found == np.float16 else np.dtype(found).newbyteorder("=")


def _places(
    path: Path, page: Any, shape: tuple[int, int], segment: tuple[int, int], tiled: bool
) -> tuple[tuple[int, int], ...]:
    """Where each strip or tile is, within the file and as long as it must be."""
    offsets, counts = (
        _numbers(page.tags.valueof(code))
        for code in ((_TILE_OFFSETS, _TILE_COUNTS) if tiled else (_STRIP_OFFSETS, _STRIP_COUNTS))
    )
    across = -(-shape[1] // segment[1])
    expected = -(-shape[0] // segment[0]) * across
    if not len(offsets) == len(counts) == expected:
        raise _damaged(path, f"{expected} strips or tiles at {len(offsets)} places, of {len(counts)} lengths")
    row, size = -(-segment[1] * page.samplesperpixel * page.bitspersample // 8), file_size(path)
    for number, (offset, count) in enumerate(zip(offsets, counts, strict=True)):
        wanted = row * (segment[0] if tiled else min(segment[0], shape[0] - number * segment[0]))
        if count == 0 and offset == 0:
            raise UnreadableFile(f"{path}: leaves out strips or tiles (sparse); export it with all of them")
        short = count < wanted if page.compression == _STORED else count < 1
        if offset < _SMALLEST_HEADER or offset + count > size or short:
            raise UnreadableFile(
                f"{path}: a strip or tile of {wanted} bytes is said to be {count} bytes from byte {offset} of {size}; "
                "the file was cut or its header is damaged, so copy or export it again"
            )
    return tuple(zip(offsets, counts, strict=True))


def _numbers(value: Any) -> tuple[int, ...]:
    return tuple(map(int, value)) if np.ndim(value) else (int(value),)


def _damaged(path: Path, what: str) -> UnreadableFile:
    return UnreadableFile(f"{path}: its header states {what}, which cannot be; export it again")

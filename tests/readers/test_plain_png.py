"""The usual PNG is what SimpleITK and Pillow read, however it is filtered; whatever is odd is left to Pillow."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from segeval.errors import UnreadableFile
from segeval.readers import ReadOptions, open_volume
from segeval.readers.plain_png import SIGNATURE, plain_png

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(12)
WIDTH, HEIGHT = 31, 20
GREY, RGB, INDEX, RGBA = 0, 2, 3, 6
SAMPLES = {GREY: 1, RGB: 3, INDEX: 1, RGBA: 4}


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(kind: int, filters: Array, stream: bytes | None = None, parts: int = 1, more: bytes = b"") -> bytes:
    """Rows of random bytes, each filtered as it says; the compressed stream may be another, or come in parts."""
    rows = RNG.integers(0, 256, (HEIGHT, WIDTH * SAMPLES[kind])).astype(np.uint8)
    packed = zlib.compress(np.concatenate([filters[:, None].astype(np.uint8), rows], axis=1).tobytes())
    packed = packed if stream is None else stream
    cuts = np.linspace(0, len(packed), parts + 1).astype(int)
    palette = chunk(b"PLTE", RNG.bytes(768)) if kind == INDEX else b""
    return b"".join(
        (
            SIGNATURE,
            chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, kind, 0, 0, 0)),
            palette,
            more,
            *(chunk(b"IDAT", packed[a:b]) for a, b in pairwise(cuts)),
            chunk(b"IEND", b""),
        )
    )


def by_pillow(path: Path) -> Array:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("filters", ["0", "1", "2", "3", "4", "01234"])
@pytest.mark.parametrize("parts", [1, 3])
def test_every_filter_gives_what_other_libraries_read(kind: int, filters: str, parts: int, tmp_path: Path) -> None:
    content = png(kind, np.resize([int(one) for one in filters], HEIGHT), parts=parts)
    path = tmp_path / "x.png"
    path.write_bytes(content)
    found = plain_png(content)
    assert found is not None
    pixels = found.pixels()
    np.testing.assert_array_equal(pixels, by_pillow(path))
    if kind != INDEX:  # whose colours SimpleITK looks up
        np.testing.assert_array_equal(pixels, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
    else:
        assert found.palette is not None
        expected = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
        np.testing.assert_array_equal(found.palette[pixels], expected)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("width", [1, 7, 8, 31])
def test_indices_of_few_bits_are_what_pillow_wrote(bits: int, width: int, tmp_path: Path) -> None:
    indices = RNG.integers(0, 2**bits, (HEIGHT, width)).astype(np.uint8)
    image = Image.fromarray(indices).convert("P")
    image.putpalette(RNG.bytes(3 * 2**bits))
    image.save(tmp_path / "x.png", bits=bits)
    content = (tmp_path / "x.png").read_bytes()
    assert content[24:26] == bytes([bits, INDEX])
    found = plain_png(content)
    assert found is not None
    np.testing.assert_array_equal(found.pixels(), indices)


def test_what_only_describes_is_passed_over(tmp_path: Path) -> None:
    """Transparency of grey would make another kind of picture of it."""
    more = chunk(b"tRNS", b"\0\3") + chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"tEXt", b"Title\0x")
    (tmp_path / "x.png").write_bytes(png(GREY, np.zeros(HEIGHT), more=more))
    found = plain_png((tmp_path / "x.png").read_bytes())
    assert found is not None
    np.testing.assert_array_equal(found.pixels(), by_pillow(tmp_path / "x.png"))


@pytest.mark.parametrize("kind", [GREY, INDEX])
def test_a_stream_that_is_too_long_is_left_to_pillow(kind: int, tmp_path: Path, capfd: Any) -> None:
    """Which reads what belongs to the picture, as libpng does with a warning that would reach the terminal."""
    rows = b"".join(b"\0" + bytes(range(r, r + WIDTH)) for r in range(HEIGHT + 2))
    for stream in (zlib.compress(rows), zlib.compress(rows[: HEIGHT * (WIDTH + 1)]) + b"xx"):
        (tmp_path / "x.png").write_bytes(png(kind, np.zeros(HEIGHT), stream))
        with open_volume(tmp_path / "x.png", ReadOptions()) as volume:
            (piece,) = volume.source.pieces(0)
        np.testing.assert_array_equal(piece.reshape(HEIGHT, WIDTH), by_pillow(tmp_path / "x.png"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [GREY, INDEX])
def test_a_damaged_stream_is_refused(kind: int, tmp_path: Path, capfd: Any) -> None:
    rows = b"".join(b"\0" + bytes(range(r, r + WIDTH)) for r in range(HEIGHT))
    for stream in (zlib.compress(rows)[:-1] + b"?", zlib.compress(rows)[:-20], zlib.compress(rows[:-40])):
        (tmp_path / "x.png").write_bytes(png(kind, np.zeros(HEIGHT), stream))
        with pytest.raises(UnreadableFile, match="Pillow cannot read it"):
            open_volume(tmp_path / "x.png", ReadOptions())
    assert capfd.readouterr() == ("", "")


def test_what_is_not_the_usual_kind_is_left_alone() -> None:
    good = png(GREY, np.zeros(HEIGHT))
    assert plain_png(good) is not None
    header = struct.pack(">II", WIDTH, HEIGHT)
    start, rest = good[:8], good[33:]
    for odd in (
        good[:-1],  # cut
        good[:-20] + bytes([good[-20] ^ 1]) + good[-19:],  # a checksum
        start + chunk(b"IHDR", header + b"\x08\0\0\0\1") + rest,  # interlaced
        start + chunk(b"IHDR", header + b"\x04\0\0\0\0") + rest,  # grey of four bits
        start + chunk(b"IHDR", header + b"\x03\3\0\0\0") + rest,  # three bits
        start + chunk(b"IHDR", header + b"\x08\3\0\0\0") + rest,  # indices without a palette
        start + chunk(b"IHDR", bytes(8) + b"\x08\0\0\0\0") + rest,  # no pixels
        start + rest,  # no header
        good[:33] + chunk(b"acTL", bytes(8)) + rest,  # animated
        good[:33] + chunk(b"ABCD", b"") + rest,  # something that must be understood
        good[:33] + chunk(b"IDAT", b"") + chunk(b"tEXt", b"") + rest,  # voxels with something between them
        good[:33] + chunk(b"IEND", b""),  # no voxels
        b"",
    ):
        assert plain_png(odd) is None

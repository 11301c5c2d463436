"""TIFF, PNG and BMP: written by one library, read here, compared with what was written or what another reads."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image
from reading import read_channels as read

from segeval.errors import UnreadableFile

Array = np.ndarray[Any, Any]
STACK = np.random.default_rng(5).integers(0, 9, (3, 37, 50))
FLAT: Array = STACK[0]
TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32"]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("compressor", ["NoCompression", "Deflate", "LZW", "PackBits"])
def test_what_itk_writes_is_what_itk_reads(dtype: str, compressor: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    image = sitk.GetImageFromArray(STACK.astype(dtype))
    try:
        sitk.WriteImage(image, str(path), compressor != "NoCompression", compressor=compressor)
    except RuntimeError as problem:
        if "TIFF supports" not in str(problem):
            raise
        pytest.skip("SimpleITK before 2.4 writes no TIFF of 32-bit integers")
    (found,), volume = read(path)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_array_equal(found, expected.T)
    assert (found.dtype, volume.geometry) == (expected.dtype, None)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "lzma", "jpeg2000"])
@pytest.mark.parametrize(
    "layout", [{}, {"tile": (16, 32)}, {"bigtiff": True}, {"rowsperstrip": 5}, {"byteorder": ">"}], ids=str
)
def test_every_layout_and_compression(compression: str | None, layout: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    if compression == "jpeg2000" and "byteorder" in layout:
        pytest.skip("tifffile swaps the bytes before JPEG 2000 packs them")
    tifffile.imwrite(path, STACK.astype(np.uint16), photometric="minisblack", compression=compression, **layout)
    (found,), _ = read(path)
    np.testing.assert_array_equal(found, STACK.T)


@pytest.mark.parametrize("dtype", ["uint64", "int64", "float16", "float64", "bool"])
def test_other_types(dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, STACK.astype(dtype), photometric="minisblack")
    (found,), _ = read(path)
    np.testing.assert_array_equal(found, STACK.astype(dtype).T)


def test_black_and_white_with_0_for_white_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", FLAT > 3, photometric="miniswhite")
    with pytest.raises(UnreadableFile, match="0 for white"):
        read(tmp_path / "x.tif")


def test_a_slice_stored_from_its_last_row(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, FLAT.astype(np.uint8), extratags=[(274, "H", 1, 4, True)], rowsperstrip=5)
    (found,), _ = read(path)
    np.testing.assert_array_equal(found, FLAT[::-1].T)


def test_the_spacing_of_imagej_and_ome(tmp_path: Path) -> None:
    stack = STACK.astype(np.uint8)
    metadata = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(tmp_path / "ij.tif", stack, imagej=True, resolution=(4.0, 2.0), metadata=metadata)
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 500.0, "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 2.0}
    tifffile.imwrite(tmp_path / "x.ome.tif", stack, photometric="minisblack", metadata={"axes": "ZYX", **sizes})
    for name in ("ij.tif", "x.ome.tif"):
        (found,), volume = read(tmp_path / name)
        np.testing.assert_array_equal(found, stack.T)
        assert volume.geometry.spacing_mm == pytest.approx((0.00025, 0.0005, 0.002))


def test_of_several_axes_z_is_the_third(tmp_path: Path) -> None:
    stack = np.arange(3 * 2 * 4 * 5, dtype=np.uint8).reshape(3, 2, 4, 5)  # z, class, y, x
    tifffile.imwrite(tmp_path / "ij.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    found, _ = read(tmp_path / "ij.tif")
    np.testing.assert_array_equal(found, stack.transpose(1, 3, 2, 0))


def test_jpeg_inside_a_tiff_is_read_with_a_remark(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.full((64, 64), 7, np.uint8), compression="jpeg")
    (found,), volume = read(tmp_path / "x.tif")
    np.testing.assert_array_equal(found, 7)
    assert "JPEG" in volume.remarks[0]


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_palettes_are_indices(ending: str, tmp_path: Path) -> None:
    image = Image.fromarray(np.where(FLAT == 8, 255, FLAT).astype(np.uint8)).convert("P")
    image.putpalette([5 * n % 256 for n in range(768)])
    image.save(tmp_path / f"x.{ending}")
    (found,), volume = read(tmp_path / f"x.{ending}")
    np.testing.assert_array_equal(found, np.where(FLAT == 8, 255, FLAT).T)
    assert volume.kind == "labels"


def png(depth: int, rows: bytes, width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_pngs_of_every_depth_are_what_itk_reads(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png(depth, b"".join(b"\0" + bytes(range(17 * r, 17 * r + depth)) for r in range(4)), 8, 4))
    (found,), _ = read(path)
    np.testing.assert_array_equal(found, sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T)


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    content = bytearray(png(8, bytes(36), 8, 4))
    content[-13] ^= 1  # of the voxels
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UnreadableFile, match="checksum"):
        read(tmp_path / "x.png")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png(8, bytes(10), 2**30, 2**30))
    with pytest.raises(UnreadableFile, match="cannot hold"):
        read(tmp_path / "x.png")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_colours_are_refused(mode: str, tmp_path: Path) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "x.png")
    with pytest.raises(UnreadableFile, match="palette"):
        read(tmp_path / "x.png")


def test_a_jpeg_is_refused_as_lossy(tmp_path: Path) -> None:
    Image.fromarray(FLAT.astype(np.uint8)).save(tmp_path / "x.jpg")
    with pytest.raises(UnreadableFile, match="changes labels"):
        read(tmp_path / "x.jpg")

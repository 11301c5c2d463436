"""Damaged TIFFs and pictures: what another library reads, or a line of words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image

from segeval.errors import SegevalError
from segeval.readers import ReadOptions, open_volume
from segeval.readers.colours import ColourTable

Array = np.ndarray[Any, Any]
LABELS: Array = (np.arange(60).reshape(3, 4, 5) % 3).astype(np.uint8)
IDS = ColourTable("ids", {}, ids=True)
WIDE: Array = (np.arange(32 * 40).reshape(32, 40) % 5).astype(np.uint8)


def tiffs() -> dict[str, bytes]:
    found = {}
    for name, options in (
        ("stored", {}), ("zlib", {"compression": "zlib"}), ("lzw", {"compression": "lzw"}),
        ("packbits", {"compression": "packbits"}), ("zstd", {"compression": "zstd"}), ("big", {"bigtiff": True}),
        ("tiled", {"tile": (16, 16)}), ("predicted", {"compression": "zlib", "predictor": True}),
        ("ome", {"ome": True, "metadata": {"UUID": "urn:uuid:1"}}), ("imagej", {"imagej": True}),
    ):  # fmt: skip
        target = io.BytesIO()
        array = WIDE if name in ("tiled", "predicted") else LABELS
        tifffile.imwrite(target, array, photometric="minisblack", **options)  # type: ignore[arg-type]
        found[f"{name}.tif"] = target.getvalue()
    for name, layout in (("strips", {"rowsperstrip": 5, "compression": "lzw"}), ("tiles", {"tile": (16, 16)})):
        target = io.BytesIO()
        tifffile.imwrite(target, coloured(WIDE), photometric="rgb", **layout)  # type: ignore[arg-type]
        found[f"colours, {name}.tif"] = target.getvalue()
    return found


def coloured(ids: Array) -> Array:
    """Red, green and blue of ids of COCO panoptic."""
    return np.dstack([ids * 7, ids * 3, ids])


def id_of(label: Any) -> Any:
    return 7 * label + 256 * 3 * label + 65536 * label


def pictures() -> dict[str, bytes]:
    found = {}
    palette = Image.fromarray(WIDE).convert("P")
    palette.putpalette([7 * n % 256 for n in range(768)])
    for name, image in (
        ("grey.png", Image.fromarray(WIDE)), ("deep.png", Image.fromarray(WIDE.astype(np.uint16) * 1000)),
        ("palette.png", palette), ("colours.png", Image.fromarray(coloured(WIDE))),
        ("colours.bmp", Image.fromarray(coloured(WIDE))), ("grey.bmp", Image.fromarray(WIDE)), ("palette.bmp", palette),
    ):  # fmt: skip
        target = io.BytesIO()
        image.save(target, format=name[-3:])
        found[name] = target.getvalue()
    return found


def voxels(path: Path) -> Array:
    with open_volume(path, ReadOptions(colours=IDS if "colours" in path.name else None)) as volume:
        pieces = [np.array(piece) for piece in volume.source.pieces(0)]
        volume.finish()
    return np.concatenate(pieces)


def fuzzed(judge: Any, tmp_path: Path, files: dict[str, bytes], count: int, seed: int) -> int:
    """How many of the damaged files were read; each twice, with the same voxels, none that is memory."""
    read = 0
    for number, random in enumerate(judge.inputs(seed, count)):
        name = list(files)[number % len(files)]
        path = tmp_path / f"x.{name}"
        judge.write(path, judge.damaged(files[name], random))
        try:
            found = voxels(path)
        except SegevalError as problem:
            assert str(problem).startswith(str(path)), problem
            assert "\n" not in str(problem)
            continue
        read += 1
        np.testing.assert_array_equal(voxels(path), found)
        if path.suffix == ".png":  # checksums: what is read is what was written
            np.testing.assert_array_equal(found, voxels_of(files[name], path))
        elif name in ("stored.tif", "zlib.tif", "lzw.tif"):
            agree_with_itk(path, found)
    return read


def voxels_of(content: bytes, path: Path) -> Array:
    path.write_bytes(content)
    return voxels(path)


def agree_with_itk(path: Path, found: Array) -> None:
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        return
    array = sitk.GetArrayFromImage(image).ravel()
    if array.dtype == found.dtype and array.size == found.size:
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("files", [tiffs(), pictures()], ids=["tiff", "pictures"])
def test_the_files_undamaged_are_read(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in files.items():
        wide = name.startswith(("tiled", "predicted", "grey", "palette", "deep", "colours"))
        expected = (WIDE if wide else LABELS).ravel().astype(int)
        found = voxels_of(content, tmp_path / name)
        if "colours" in name:
            expected = id_of(expected)
        np.testing.assert_array_equal(found, expected * (1000 if name == "deep.png" else 1))


def test_damaged_tiffs(judge: Any, tmp_path: Path) -> None:
    assert 0 < fuzzed(judge, tmp_path, tiffs(), 1500, 41) < 1500


def test_damaged_pictures(judge: Any, tmp_path: Path) -> None:
    assert fuzzed(judge, tmp_path, pictures(), 1500, 43) < 1500

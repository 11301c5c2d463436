"""PNG, TIFF, .npy and BMP that others wrote, of photographs and of nuclei, against Pillow, tifffile and NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image
from real_files import PHOTOGRAPHS, VOID, Array, Segeval, agrees, counts, inspected, opened, package_file


def mode_of(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


@pytest.fixture
def voc(real_packages: Path) -> Path:
    """labelme's export of outlines as VOC has them."""
    return real_packages / "labelme" / "examples" / "instance_segmentation" / "data_dataset_voc"


@pytest.fixture
def nuclei(real_packages: Path) -> Path:
    """Nuclei as a PNG of 16 bits; beside it, regions as one of 8."""
    (path,) = (real_packages / "ngio").rglob("nuclei.png")
    return path


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize("kind", ["SegmentationClass", "SegmentationObject"])
def test_a_png_of_indices_and_the_array_that_was_written_with_it(
    kind: str, photograph: str, voc: Path, segeval: Segeval
) -> None:
    png, npy = voc / kind / f"{photograph}.png", voc / f"{kind}Npy" / f"{photograph}.npy"
    indices, array = opened(png), np.load(npy)
    assert mode_of(png) == "P"
    assert inspected(segeval, png) == counts(indices)
    assert inspected(segeval, npy) == counts(array)
    assert len(counts(array)) > 1
    agrees(segeval, npy, png, (array, indices.astype(int)))  # -1 in the one is 255 in the other
    judged = np.where(indices == VOID, 0, array), np.where(indices == VOID, 0, indices)
    agrees(segeval, npy, png, judged, "--ignore-label", VOID)
    np.testing.assert_array_equal(*judged)


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif"])
def test_colours_of_voc(ending: str, photograph: str, voc: Path, tmp_path: Path, segeval: Segeval) -> None:
    source, path = voc / "SegmentationClass" / f"{photograph}.png", tmp_path / f"{photograph}{ending}"
    with Image.open(source) as image:
        image.convert("RGB").save(path)
    indices = opened(source)
    assert inspected(segeval, path, "--palette", "voc") == counts(indices)
    judged = np.where(indices == VOID, 0, indices)  # as the palette has it
    agrees(segeval, path, source, (judged, judged), "--palette", "voc")


def test_grey_png_of_8_and_16_bits(nuclei: Path, segeval: Segeval) -> None:
    regions = nuclei.with_name("mask.png")
    assert (mode_of(nuclei), mode_of(regions)) == ("I;16", "L")
    assert inspected(segeval, nuclei) == counts(opened(nuclei))
    assert len(counts(opened(nuclei))) == 168
    assert inspected(segeval, regions) == counts(opened(regions))
    agrees(segeval, nuclei, regions, (opened(nuclei).astype(int), opened(regions).astype(int)))


def test_bmp_by_itk(voc: Path, nuclei: Path, tmp_path: Path, segeval: Segeval) -> None:
    for source in (voc / "SegmentationObject" / f"{PHOTOGRAPHS[1]}.png", nuclei.with_name("mask.png")):
        pixels, path = opened(source), tmp_path / f"{source.stem}.bmp"
        sitk.WriteImage(sitk.GetImageFromArray(pixels), str(path))
        assert inspected(segeval, path) == counts(pixels)
        agrees(segeval, path, source, (pixels, pixels))


@pytest.mark.parametrize("name", ["mask2d.tif", "mask3d.tif"])
def test_nuclei_as_tiff(name: str, real_packages: Path, tmp_path: Path, segeval: Segeval) -> None:
    path = real_packages / "stardist" / "stardist" / "data" / "images" / name
    stored = tifffile.imread(path)
    pages = [np.asarray(page) for page in _pages(path)]
    np.testing.assert_array_equal(stored, pages if stored.ndim == 3 else pages[0])
    assert inspected(segeval, path) == counts(stored)
    assert len(counts(stored)) > 50
    moved = np.roll(stored, 1, axis=-1).astype(np.int64)
    np.save(tmp_path / "moved.npy", moved)
    agrees(segeval, tmp_path / "moved.npy", path, (moved, stored.astype(np.int64)))


def _pages(path: Path) -> list[Array]:
    """Pillow's, which has a decoder of its own."""
    found = []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(np.asarray(image))
    return found


def test_pages_of_a_tiff_that_scikit_image_brings(segeval: Segeval) -> None:
    path = package_file("skimage", "data", "multipage.tif")
    assert inspected(segeval, path) == counts(tifffile.imread(path))
    np.testing.assert_array_equal(tifffile.imread(path), _pages(path))

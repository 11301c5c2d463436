"""HDF5, OME-Zarr and .npz that others wrote, on other machines and years ago, against h5py, zarr and NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from formats import assert_refused
from real_files import Array, Segeval, agrees, counts, inspected, package_file, run_package

TWINS = [("smpl_i32be.h5", "smpl_i32le.h5"), ("smpl_i64be.h5", "smpl_i64le.h5"), ("smpl_f64be.h5", "smpl_f64le.h5")]


def stored(path: Path, name: str = "") -> Array:
    with h5py.File(path) as file:
        return file[name or next(iter(file))][...]


@pytest.fixture
def tables(real_packages: Path) -> Path:
    """HDF5 that PyTables is tested with."""
    return real_packages / "tables" / "tables" / "tests"


def mask_of(real_packages: Path) -> Path:
    """Nuclei in three dimensions."""
    return real_packages / "stardist" / "stardist" / "data" / "images" / "mask3d.tif"


@pytest.mark.parametrize(("big", "little"), TWINS)
def test_hdf5_of_two_machines(big: str, little: str, tables: Path, segeval: Segeval) -> None:
    arrays = stored(tables / big), stored(tables / little)
    assert (arrays[0].dtype.byteorder, arrays[1].dtype.byteorder) == (">", "=")
    for name, array in zip((big, little), arrays, strict=True):
        assert inspected(segeval, tables / name) == counts(array)
    agrees(segeval, tables / big, tables / little, arrays, "--kind", "labels")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("smpl_SDSextendible.h5", "ExtendibleArray"),  # big-endian, of an axis that grows
        ("test_szip.h5", "dset_szip"),
        ("attr-u16.h5", "wfm_group0/axes/axis1/data_vector/data"),  # of an oscilloscope
        ("oldflavor_numeric.h5", "carray1"),  # of 2005
        ("idx-std-1.x.h5", "_i_table/col2/indices"),
    ],
)
def test_hdf5_of_other_writers(file: str, name: str, tables: Path, tmp_path: Path, segeval: Segeval) -> None:
    array = stored(tables / file, name)
    assert inspected(segeval, f"{tables / file}:/{name}") == counts(array)
    np.save(tmp_path / "x.npy", np.roll(array, 1, axis=0))
    agrees(segeval, tmp_path / "x.npy", f"{tables / file}:/{name}", (np.roll(array, 1, axis=0), array))


def datasets(path: Path) -> dict[str, Any]:
    """The datasets of a file that lie in itself; None for one whose type h5py cannot say."""
    found: dict[str, Any] = {}

    def note(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            try:
                found[name] = (entry.shape, entry.dtype)
            except (TypeError, ValueError):
                found[name] = None

    with h5py.File(path) as file:
        file.visititems(note)
    return found


def test_every_hdf5_of_pytables_is_read_as_h5py_reads_it_or_refused_in_a_line(tables: Path, segeval: Segeval) -> None:
    read = refused = 0
    for path in sorted(tables.glob("*.h5")):
        for name in datasets(path) or [""]:
            run = segeval("inspect", f"{path}:/{name}" if name else path, "--format", "json")
            if run.code:
                assert_refused(run, path)
                assert "Error: list index" not in run.err
                refused += 1
                continue
            read += 1
            array = stored(path, name)
            if run.json["kind"] == "labels":
                assert {row["label"]: row["voxels"] for row in run.json["labels"] if row["voxels"]} == counts(array)
            else:
                assert np.issubdtype(array.dtype, np.floating)
    assert (read, refused) >= (20, 50)


def test_a_filter_of_pytables_is_named(tables: Path, segeval: Segeval) -> None:
    path = tables / "b2nd-no-chunkshape.h5"
    assert_refused(segeval("inspect", path), path, "lacks the filter 32026 (blosc2)")


@pytest.mark.parametrize("name", ["minc2_1_scale.mnc", "minc2-no-att.mnc", "minc2_baddim.mnc", "small.mnc"])
def test_hdf5_by_libminc(name: str, tmp_path: Path, segeval: Segeval) -> None:
    path = (tmp_path / name).with_suffix(".h5")
    path.write_bytes(package_file("nibabel", "tests", "data", name).read_bytes())
    dataset = "minc-2.0/image/0/image"
    array = stored(path, dataset)
    assert inspected(segeval, f"{path}:/{dataset}") == counts(array)
    np.save(tmp_path / "x.npy", array)
    agrees(segeval, tmp_path / "x.npy", f"{path}:/{dataset}", (array, array), "--kind", "labels")


def test_an_array_of_an_npz_among_numbers(tmp_path: Path, segeval: Segeval) -> None:
    """Heights of a mountain in metres, as matplotlib brings them: an int16 of 2 axes among numbers without any."""
    path = package_file("matplotlib", "mpl-data", "sample_data", "jacksboro_fault_dem.npz")
    with np.load(path) as archive:
        heights = archive["elevation"]
    assert inspected(segeval, path, "--key", "elevation") == counts(heights)
    np.save(tmp_path / "x.npy", heights)
    agrees(segeval, tmp_path / "x.npy", path, (heights, heights), "--key", "elevation,elevation")
    assert_refused(segeval("inspect", path), path, "elevation")


def test_an_npy_that_python_2_wrote_on_windows(segeval: Segeval) -> None:
    path = package_file("numpy", "lib", "tests", "data", "win64python2.npy")
    assert_refused(segeval("inspect", path), path, "has the shape 2")  # which its header states as 2L


def test_an_npz_with_infinities_is_refused(tmp_path: Path, segeval: Segeval) -> None:
    path = package_file("skimage", "data", "motorcycle_disp.npz")
    with np.load(path) as archive:
        distances = archive["arr_0"]
    assert np.isinf(distances).any()
    np.save(tmp_path / "x.npy", (distances > 50).astype(np.uint8))
    assert_refused(segeval("score", path, tmp_path / "x.npy"), path)


# What the format's authors write of nuclei: two versions, with a pyramid and names

WRITE = """
import sys
import numpy as np, tifffile, zarr
from ome_zarr.format import FormatV04, FormatV05
from ome_zarr.writer import write_image, write_labels
labels = tifffile.imread(sys.argv[1])
for version in (FormatV04(), FormatV05()):
    group = zarr.open_group(f"{sys.argv[2]}/{version.version}.zarr", mode="w", zarr_format=version.zarr_format)
    write_image(labels.astype("f4"), group, axes="zyx", fmt=version)
    scales = [[{"type": "scale", "scale": [2.0, 0.5 * 2**level, 0.5 * 2**level]}] for level in range(5)]
    named = {"properties": [{"label-value": 5, "name": "five"}]}
    write_labels(
        labels, group, "nuclei", axes="zyx", fmt=version, label_metadata=named, coordinate_transformations=scales
    )
"""


@pytest.fixture(scope="module")
def pyramids(real_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pyramids")
    run_package(real_packages / "ome-zarr", "-c", WRITE, mask_of(real_packages), folder)
    return folder


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_by_its_authors(
    version: str, pyramids: Path, real_packages: Path, tmp_path: Path, segeval: Segeval
) -> None:
    nuclei = mask_of(real_packages)
    array = tifffile.imread(nuclei)
    path = pyramids / f"{version}.zarr" / "labels" / "nuclei"
    for level in range(5):
        held = np.asarray(zarr.open_array(str(path / str(level)), mode="r"))
        assert inspected(segeval, path, "--level", level) == counts(held)
        assert inspected(segeval, path / str(level)) == counts(held)
        if level == 0:
            np.testing.assert_array_equal(held, array)
    told = segeval("inspect", path, "--format", "json").json
    assert told["spacing_mm"] == [0.5, 0.5, 2.0]
    assert {row["label"]: row["name"] for row in told["labels"] if row["name"]} == {5: "five"}
    agrees(segeval, path, nuclei, (array, array))
    moved = np.roll(array, 2, axis=1)
    with h5py.File(tmp_path / "moved.h5", "w") as file:
        file["nuclei"] = moved
    agrees(segeval, tmp_path / "moved.h5", path, (moved, array))

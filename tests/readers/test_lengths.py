"""Units of length: one voxel of 0.7 × 1.3 × 2.9 mm, as each format may state it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
import zarr
from formats import nrrd
from reading import read

from segeval.errors import UnreadableFile

SPACING = np.array([0.7, 1.3, 2.9])
VOXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)  # (x, y, z)
UNITS = {
    "angstrom": 1e7, "picometer": 1e9, "nanometer": 1e6, "micrometer": 1e3, "um": 1e3, "millimeter": 1.0, "mm": 1.0,
    "centimeter": 0.1, "decimeter": 0.01, "meter": 1e-3, "inch": 1 / 25.4, "foot": 1 / 304.8, "": 1.0,
}  # fmt: skip
"""What a millimetre is in them."""


def ome_zarr(path: Path, unit: str, scale: np.ndarray) -> Path:
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group.create_array("0", shape=VOXELS.T.shape, dtype="u1")[...] = VOXELS.T
    axes = [{"name": name, "type": "space", "unit": unit} for name in "zyx"]
    transforms = [{"type": "scale", "scale": scale[::-1].tolist()}]
    levels = [{"path": "0", "coordinateTransformations": transforms}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
    return path


@pytest.mark.parametrize("unit", UNITS)
def test_units_of_ome_zarr(unit: str, tmp_path: Path) -> None:
    _, volume = read(ome_zarr(tmp_path / "x.zarr", unit, SPACING * UNITS[unit]))
    assert volume.geometry.spacing_mm == pytest.approx(SPACING)
    assert volume.remarks == []


def test_a_unit_that_is_no_length_is_a_remark(tmp_path: Path) -> None:
    _, volume = read(ome_zarr(tmp_path / "x.zarr", "pixel", SPACING))
    assert volume.geometry.spacing_mm == pytest.approx(SPACING)
    assert "'pixel'" in volume.remarks[0]


def test_voxels_of_nanometres_are_no_singular_grid(tmp_path: Path) -> None:
    """As electron microscopes see them: 2.6e-17 mm³."""
    _, volume = read(ome_zarr(tmp_path / "x.zarr", "nanometer", SPACING * 10))
    assert volume.geometry.spacing_mm == pytest.approx(SPACING * 1e-5)
    assert volume.geometry.voxel_volume_mm3 == pytest.approx(2.639e-15)


@pytest.mark.parametrize(
    "transform",
    [
        {"type": "affine", "affine": [[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]},
        {"type": "scale", "path": "scales"},
        {"type": "scale", "scale": [2.0, 2.0]},
    ],
)
def test_transformations_that_are_not_read_are_refused(transform: dict[str, Any], tmp_path: Path) -> None:
    """They were passed over, as if the voxels were of 1 mm."""
    path = ome_zarr(tmp_path / "x.zarr", "millimeter", SPACING)
    group = zarr.open_group(str(path))
    image = group.attrs["multiscales"][0]
    group.attrs["multiscales"] = [image | {"coordinateTransformations": [transform]}]
    with pytest.raises(UnreadableFile, match="states the transformation"):
        read(path)


@pytest.mark.parametrize(
    ("unit", "per_mm"), [("microns", 1e3), ("µm", 1e3), ("nm", 1e6), ("Å", 1e7), ("mm", 1.0), ("", 1.0)]
)
@pytest.mark.parametrize("space", [True, False])
def test_units_of_nrrd(space: bool, unit: str, per_mm: float, tmp_path: Path) -> None:
    x, y, z = (f"{mm * per_mm:.12g}" for mm in SPACING)
    units = " ".join([f'"{unit}"'] * 3)
    fields = (
        ["space: LPS", f"space directions: ({x},0,0) (0,{y},0) (0,0,{z})", f"space origin: ({10 * per_mm},0,0)",
         f"space units: {units}"] if space else [f"spacings: {x} {y} {z}", f"units: {units}"]
    )  # fmt: skip
    (tmp_path / "x.nrrd").write_bytes(nrrd(VOXELS, *fields))
    _, volume = read(tmp_path / "x.nrrd")
    assert volume.geometry.spacing_mm == pytest.approx(SPACING)
    assert volume.geometry.origin_mm == pytest.approx((-10.0 if space else 0.0, 0, 0))


@pytest.mark.parametrize(("unit", "per_mm"), [("um", 1e3), ("mm", 1.0), ("cm", 0.1)])
def test_units_of_metaimage(unit: str, per_mm: float, tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(VOXELS.T)
    image.SetSpacing((SPACING * per_mm).tolist())
    sitk.WriteImage(image, tmp_path / "x.mha")
    content = (tmp_path / "x.mha").read_bytes()
    (tmp_path / "x.mha").write_bytes(content.replace(b"DimSize", f"DistanceUnits = {unit}\nDimSize".encode()))
    _, volume = read(tmp_path / "x.mha")
    assert volume.geometry.spacing_mm == pytest.approx(SPACING)


def test_axes_of_imagej_may_have_units_of_their_own(tmp_path: Path) -> None:
    units = {"unit": "um", "yunit": "mm", "zunit": "cm"}
    metadata = {"axes": "ZYX", "spacing": 0.29, **units}
    tifffile.imwrite(tmp_path / "x.tif", VOXELS.T, imagej=True, resolution=(1 / 700, 1 / 1.3), metadata=metadata)
    _, volume = read(tmp_path / "x.tif")
    assert volume.geometry.spacing_mm == pytest.approx(SPACING)

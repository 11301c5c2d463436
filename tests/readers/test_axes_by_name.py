"""Arrays in Zarr and HDF5 that name their axes: read by these names, or refused where they are in another order."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from reading import read_channels

from segeval.errors import UnreadableFile

CUBE = np.random.default_rng(8).integers(0, 3, (5, 5, 5), dtype=np.uint8)  # of one length, so that no shape tells
MAPS = np.random.default_rng(9).random((5, 5, 5, 2)).astype(np.float32)


def zarr_3(path: Path, array: np.ndarray, names: str) -> Path:
    made = zarr.create_array(str(path), shape=array.shape, dtype=array.dtype, dimension_names=list(names))
    made[...] = array
    return path


def xarrays(path: Path, array: np.ndarray, names: str) -> Path:
    made = zarr.create_array(str(path), shape=array.shape, dtype=array.dtype, zarr_format=2)
    made[...] = array
    made.attrs["_ARRAY_DIMENSIONS"] = list(names)
    return path


def labelled(path: Path, array: np.ndarray, names: str) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        dataset = file.create_dataset("x", data=array)
        for dimension, name in zip(dataset.dims, names, strict=True):
            dimension.label = name
    return path.with_suffix(".h5")


def ilastiks(path: Path, array: np.ndarray, names: str) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        dataset = file.create_dataset("exported_data", data=array)
        dataset.attrs["axistags"] = json.dumps({"axes": [{"key": name, "typeFlags": 2} for name in names]})
    return path.with_suffix(".h5")


WRITERS = (zarr_3, xarrays, labelled, ilastiks)


@pytest.mark.parametrize("write", WRITERS)
def test_axes_in_another_order_are_refused(write: object, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="has the axes x, y, z of 5×5×5"):
        read_channels(write(tmp_path / "x.zarr", CUBE, "xyz"))  # type: ignore[operator]


@pytest.mark.parametrize("write", WRITERS)
def test_classes_lie_where_the_names_say(write: object, tmp_path: Path) -> None:
    found, volume = read_channels(write(tmp_path / "x.zarr", MAPS, "zyxc"))  # type: ignore[operator]
    np.testing.assert_array_equal(found, MAPS.transpose(3, 2, 1, 0))
    assert volume.kind == "probabilities"
    found, _ = read_channels(write(tmp_path / "y.zarr", CUBE[..., np.newaxis], "zyxc"))  # type: ignore[operator]
    np.testing.assert_array_equal(found[0], CUBE.T)


@pytest.mark.parametrize("write", WRITERS)
def test_other_names_say_nothing(write: object, tmp_path: Path) -> None:
    found, _ = read_channels(write(tmp_path / "x.zarr", CUBE, "abc"))  # type: ignore[operator]
    np.testing.assert_array_equal(found[0], CUBE.T)

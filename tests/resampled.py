"""Volumes to resample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from segeval.volumes.alignment import align
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import ArraySource, Volume, gather

Array = NDArray[Any]


def oblique(degrees: tuple[float, float, float], spacing: tuple[float, float, float], origin: Any) -> Array:
    """An affine without shear."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() * np.array(spacing)
    affine[:3, 3] = origin
    return affine


GRIDS = {
    "shifted": (oblique((0, 0, 0), (1, 1, 1), (0.3, -0.2, 0.6)), (9, 8, 7)),
    "finer": (oblique((0, 0, 0), (0.45, 0.62, 0.71), (0.1, 0.2, 0.3)), (19, 14, 13)),
    "coarser": (oblique((0, 0, 0), (2.1, 1.7, 3.3), (-1, 0.2, 0.3)), (6, 7, 5)),
    "turned": (oblique((10, -20, 30), (1.1, 0.9, 1.3), (-2, 1, 0.5)), (12, 11, 10)),
    "flipped and shifted": (oblique((0, 0, 180), (1, 1, 1), (8.3, 7.2, 0.1)), (9, 8, 7)),
    "of one slice": (oblique((5, 0, 0), (1, 1, 1), (0.1, 0.1, 2.2)), (9, 8, 1)),
}


SOURCE_AFFINE = oblique((3, 2, -7), (1.0, 1.2, 0.9), (0.2, -0.4, 0.3))


def volume(array: Array, affine: Array, channels: bool = False) -> Volume:
    """channels: the first axis of the array holds them."""
    source = ArraySource(array if channels else array[np.newaxis])
    return Volume("p", Geometry(source.shape, affine, True), source)


def resampled(
    array: Array,
    affine: Array,
    grid: tuple[Array, tuple[int, ...]],
    *,
    linear: bool = False,
    channels: bool = False,
    outside: float = 0,
) -> Array:
    """All channels on the grid, through ``align``."""
    reference = Volume("r", Geometry(grid[1], grid[0], True), ArraySource(np.zeros((1, *grid[1]), np.uint8)))
    aligned, target, remarks = align(
        volume(array, affine, channels), reference, "resample", 1e-2, labels=not linear, outside=outside
    )
    assert aligned.shape == target.shape == grid[1]
    assert len(remarks) == 1
    assert "resampled" in remarks[0]
    assert ("linear" if linear else "nearest") in remarks[0]
    whole = np.stack([gather(aligned.source, channel) for channel in range(aligned.source.channels)])
    assert whole.dtype == aligned.source.dtype
    return whole if channels else whole[0]


def scores(run: Any) -> Any:
    assert run.code == 0, run.err
    (case,) = run.json["cases"]
    return case["rows"]


def assert_same_rows(ours: Any, theirs: Any, relative: float = 1e-9) -> None:
    assert [row["label"] for row in ours] == [row["label"] for row in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert our.keys() == their.keys()
        for key, value in their.items():
            close = pytest.approx(value, rel=relative, abs=1e-12) if isinstance(value, float) else value
            assert our[key] == close, (our["label"], key)

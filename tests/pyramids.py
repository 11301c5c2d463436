"""Label maps as Zarr, as zarr writes them: of several levels, in chunks, of many chunks that hold nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

Array = np.ndarray[Any, Any]


def pyramid(path: Path, array: Array, levels: int = 3) -> Path:
    """An OME-Zarr label image whose levels halve y and x; voxels of 2 × 0.5 × 0.5 mm at the finest."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    datasets = []
    for number in range(levels):
        level = array[:, :: 2**number, :: 2**number]
        group.create_array(f"s{number}", shape=level.shape, dtype=level.dtype)[...] = level
        scale = [2.0, 0.5 * 2**number, 0.5 * 2**number]
        datasets.append(
            {"path": f"s{number}", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        )  # fmt: skip
    axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return path


def stored(path: Path, array: Array, chunks: tuple[int, ...] | None, **more: Any) -> Path:
    """An array, over what is there."""
    made = zarr.create_array(str(path), shape=array.shape, chunks=chunks, dtype=array.dtype, overwrite=True, **more)
    made[:] = array
    return path


def with_blocks(path: Path, block: Array, *corners: tuple[int, ...]) -> Path:
    """520³ voxels, two parts, empty but for the block at each corner: few chunks of 130³ are stored."""
    made = zarr.create_array(str(path), shape=(520,) * 3, chunks=(130,) * 3, dtype=block.dtype)
    for corner in corners:
        made[tuple(slice(first, first + size) for first, size in zip(corner, block.shape, strict=True))] = block
    return path

"""Which stored axes are space, and which one holds the classes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from segeval.errors import UnreadableFile, UsageError
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import ArraySource, VoxelSource, gather


def split_axes(path: Path, dims: tuple[int, ...], class_axis: int | None) -> tuple[tuple[int, ...], int, int | None]:
    """(spatial shape, channels, class axis) of stored dimensions, the first fastest.

    The class axis is the only longer one after the third, unless ``class_axis`` names another; it is never guessed
    from sizes. The returned class axis is None where the channels lie one after the other in the file anyway.
    Raises UnreadableFile for two candidates, UsageError for an axis that the volume lacks.
    """
    if class_axis is not None:
        if not -len(dims) <= class_axis < len(dims):
            raise UsageError(f"--class-axis {class_axis}: {path} has {len(dims)} axes, numbered 0 to {len(dims) - 1}")
        axis = class_axis % len(dims)
    else:
        longer = [a for a in range(3, len(dims)) if dims[a] > 1]
        if len(longer) > 1:
            raise UnreadableFile(
                f"{path}: has the shape {'×'.join(map(str, dims))}, with more than one axis after the third; "
                "name the one that holds the classes with --class-axis, and split the others into files"
            )
        if not longer:
            return dims[:3], 1, None
        axis = longer[0]
    space = tuple(n for a, n in enumerate(dims) if a != axis)
    while len(space) > 3 and space[-1] == 1:
        space = space[:-1]
    if len(space) > 3:
        raise UnreadableFile(
            f"{path}: has the shape {'×'.join(map(str, dims))}; without the class axis {axis} more than three axes "
            "remain, so split the volume into files"
        )
    slowest = all(n == 1 for n in dims[axis + 1 :])
    return space, dims[axis], None if slowest else axis


def with_class_axis(path: Path, source: VoxelSource, axis: int) -> VoxelSource:
    """The single-channel source with one of its axes turned into channels; the whole volume is held."""
    size = math.prod(source.shape) * source.dtype.itemsize
    require_memory(str(path), Need(size, "a class axis that is not the slowest", "store the classes last"))
    array = np.moveaxis(gather(source, 0), axis, 0)
    while array.ndim > 4 and array.shape[-1] == 1:
        array = array[..., 0]
    return ArraySource(array)

"""A reference whose voxels near a border between two labels, within a slice, are background.

What annotators draw between two objects is uncertain by some voxels: CREMI leaves that out of its comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Mask
from segeval.errors import GeometryError
from segeval.settings import Settings
from segeval.volumes.geometry import Geometry
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import ArraySource, VoxelSource, whole_channel, whole_channel_bytes

_IN_PLANE = 2
_PER_VOXEL = 20  # bytes of a slice: marks, distances and what SciPy makes of them
_ROUNDING = 1e-9


def without_borders(reference: VoxelSource, geometry: Geometry | None, settings: Settings, name: str) -> VoxelSource:
    """The reference, as ``border_mm`` has it; name: what messages call it. Raises GeometryError, NotEnoughMemory."""
    reach = settings.border_mm
    if reach is None:
        return reference
    if len(reference.shape) < _IN_PLANE:
        raise GeometryError(f"{name}: has one axis, and borders lie within slices; leave --border-mm out")
    if geometry is None or geometry.affine is None:
        raise GeometryError(
            f"{name}: states no spacing, and --border-mm is a distance; give the spacing, or leave it out"
        )
    if geometry.sheared(_IN_PLANE):
        raise GeometryError(
            f"{name}: its slices are sheared, and distances in them do not follow from the spacing; resample it to a "
            "rectangular grid, or leave --border-mm out"
        )
    plane = int(np.prod(reference.shape[:_IN_PLANE]))
    size = 2 * whole_channel_bytes(reference) + _PER_VOXEL * plane
    require_memory(name, Need(size, "finding the borders of its labels", "leave --border-mm out"))
    labels = whole_channel(reference, 0).copy()
    for image in _slices(labels):
        image[_near_a_border(image, geometry.spacing_mm[:_IN_PLANE], reach)] = 0
    return ArraySource(labels[np.newaxis])


def _slices(labels: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Views, across the third axis and those behind it."""
    for index in np.ndindex(labels.shape[_IN_PLANE:]):
        yield labels[(slice(None), slice(None), *index)]


def _near_a_border(image: NDArray[Any], spacing_mm: Sequence[float], reach_mm: float) -> Mask:
    """Voxels at most this far from border: from one that has another value beside it."""
    from scipy.ndimage import distance_transform_edt

    inside = np.ones(image.shape, bool)
    for axis in range(_IN_PLANE):
        one, other = (
            np.take(image, range(*ends), axis) for ends in ((0, image.shape[axis] - 1), (1, image.shape[axis]))
        )
        differ = one != other
        inside &= ~np.pad(differ, [(0, k == axis) for k in range(_IN_PLANE)])
        inside &= ~np.pad(differ, [(k == axis, 0) for k in range(_IN_PLANE)])
    if inside.all():
        return ~inside
    return np.asarray(distance_transform_edt(inside, sampling=spacing_mm) <= reach_mm * (1 + _ROUNDING))

"""How the slices of a volume are shown: which stored axis lies across, which way the others run, what the sides are."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.results.pictures import Plane
from segeval.volumes.geometry import Geometry

_NAMES: tuple[Plane, ...] = ("sagittal", "coronal", "axial")  # by the axis of RAS that lies across
_INSIDE = ((1, 2), (0, 2), (0, 1))  # the axes of RAS from left to right, and from bottom to top
_ORDER = (2, 1, 0)
_ENDS = ("RL", "AP", "SI")  # of the axes of RAS: what stands left or on top, what right or at the bottom


class View(Struct, frozen=True):
    """A way to show the slices across a stored axis.

    across, columns, rows: stored axes. flipped: whether columns and rows run against the stored axis.
    anatomical: the axis of RAS that lies closest to ``across``; None where the orientation is unknown.
    marks: the letters left, right, on top and at the bottom; empty where unknown.
    pixel_mm: width and height of a voxel.
    """

    plane: Plane
    across: int
    columns: int
    rows: int
    flipped: tuple[bool, bool]
    anatomical: int | None
    marks: str
    pixel_mm: tuple[float, float]

    def shown(self, slice_of: NDArray[Any]) -> NDArray[Any]:
        """A slice, its two stored axes in their order, as rows from top to bottom of columns from left to right."""
        turned = slice_of.T if self.columns < self.rows else slice_of
        across, down = (slice(None, None, -1 if flip else 1) for flip in self.flipped)
        return turned[down, across]


def views_of(geometry: Geometry | None, shape: tuple[int, ...]) -> tuple[View, ...]:
    """Axial, coronal, sagittal; of a volume with an axis of one voxel, as of a picture, the one across it.

    shape: of two or three axes; a picture's third axis is number 2, of one voxel. Volumes of other shapes have none.
    """
    if len(shape) not in (2, 3):
        return ()
    solid = (*shape, 1)[:3]
    axes = [axis for axis in range(3) if min(n for other, n in enumerate(solid) if other != axis) > 1]
    spacing = (*((1.0,) * 3 if geometry is None else geometry.spacing_mm), 1.0)[:3]
    nearest = _anatomy(geometry)
    if nearest is None:
        return tuple(_as_stored(axis, spacing) for axis in axes)
    found = []
    for anatomical in _ORDER:
        stored = [axis for axis, _ in nearest]
        across = stored.index(anatomical)
        if across in axes:
            found.append(_oriented(anatomical, nearest, spacing, picture=len(shape) == 2))
    return tuple(found)


def _anatomy(geometry: Geometry | None) -> list[tuple[int, bool]] | None:
    """Of each stored axis: the axis of RAS that is closest, and whether it points the same way; None where unknown."""
    if geometry is None or geometry.affine is None or not geometry.oriented:
        return None
    from nibabel.orientations import io_orientation

    found = io_orientation(geometry.affine)
    if np.isnan(found).any():
        return None
    return [(int(axis), direction > 0) for axis, direction in found]


def _oriented(anatomical: int, nearest: list[tuple[int, bool]], spacing: tuple[float, ...], *, picture: bool) -> View:
    """The patient's right on the left, his front on the left where right and left lie across, the head on top."""
    stored = [axis for axis, _ in nearest]
    horizontal, vertical = _INSIDE[anatomical]
    columns, rows = stored.index(horizontal), stored.index(vertical)
    return View(
        plane="picture" if picture else _NAMES[anatomical],
        across=stored.index(anatomical),
        columns=columns,
        rows=rows,
        flipped=(nearest[columns][1], nearest[rows][1]),
        anatomical=anatomical,
        marks=_ENDS[horizontal] + _ENDS[vertical],
        pixel_mm=(spacing[columns], spacing[rows]),
    )


def _as_stored(across: int, spacing: tuple[float, ...]) -> View:
    columns, rows = (axis for axis in range(3) if axis != across)
    return View("picture", across, columns, rows, (False, False), None, "", (spacing[columns], spacing[rows]))

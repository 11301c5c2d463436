"""A voxel grid in physical space: millimetres, RAS+ (x to the right, y to the front, z to the head)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.errors import GeometryError

_SHEAR = 1e-3
LEAST_MM, MOST_MM = 1e-12, 1e12
"""Of a voxel: squares, cubes and inverses of what lies between are far from the limits of float64."""


def measurable(spacing_mm: Iterable[float]) -> bool:
    """Whether distances and volumes can be computed of voxels of this size."""
    return all(LEAST_MM <= mm <= MOST_MM for mm in spacing_mm)


class Geometry(Struct, frozen=True, eq=False):
    """The grid of a volume.

    shape: voxels along each stored axis, fastest first.
    affine: 4×4, from voxel indices to millimetres in RAS+; None for a file that knows no spacing at all.
    oriented: whether the file states where its axes point; if not, the affine holds the spacing alone.
    """

    shape: tuple[int, ...]
    affine: Floats | None
    oriented: bool

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Distance of neighbouring voxel centres along each stored axis."""
        if self.affine is None:
            return (1.0,) * len(self.shape)
        return tuple(float(v) for v in np.linalg.norm(self.affine[:3, : len(self.shape)], axis=0))

    @property
    def smallest_spacing_mm(self) -> float:
        """What tolerances are fractions of."""
        return min(self.spacing_mm)

    @property
    def origin_mm(self) -> tuple[float, ...]:
        """Position of the centre of voxel (0, 0, 0)."""
        return (0.0,) * 3 if self.affine is None else tuple(float(v) for v in self.affine[:3, 3])

    @property
    def axes(self) -> str:
        """The anatomical direction that each stored axis points to, like ``RAS`` or ``LPI``."""
        if self.affine is None:
            return "?"
        letters = ("LR", "PA", "IS")
        columns = self.affine[:3, : len(self.shape)]
        cosines = columns / np.linalg.norm(columns, axis=0)
        left, found = np.abs(cosines), {}
        for axis in np.argsort(-left.max(axis=0), kind="stable").tolist():  # no two axes point along the same direction
            row = int(left[:, axis].argmax())
            found[axis] = letters[row][int(cosines[row, axis] > 0)]
            left[row] = -1.0
        return "".join(found[axis] for axis in range(len(self.shape)))

    @property
    def voxel_volume_mm3(self) -> float | None:
        """|det| of the affine, or None without a spacing."""
        return None if self.affine is None else float(abs(np.linalg.det(self.affine[:3, :3])))

    def sheared(self, axes: int = 3) -> bool:
        """Whether some of so many first axes are not at right angles: distances do not follow from a spacing then."""
        if self.affine is None:
            return False
        columns = self.affine[:3, :axes] / np.linalg.norm(self.affine[:3, :axes], axis=0)
        return bool(np.abs(columns.T @ columns - np.eye(axes)).max() > _SHEAR)

    def require_right_angles(self, concerned: str) -> None:
        """Raises GeometryError for a sheared grid. concerned: what cannot be had of one."""
        if self.sheared():
            raise GeometryError(
                "the grid is sheared, and distances between its voxels do not follow from its spacing; resample the "
                f"files to a rectangular grid, or leave {concerned} out"
            )

    def to_mm(self, indices: NDArray[Any]) -> Floats:
        """Positions in mm, shape (points, 3), of voxel indices of shape (points, 3)."""
        affine = np.eye(4) if self.affine is None else self.affine
        return np.asarray(indices @ affine[:3, :3].T + affine[:3, 3], dtype=np.float64)

    def with_shape(self, shape: tuple[int, ...]) -> Geometry:
        """The same affine over another number of voxels."""
        return Geometry(shape, self.affine, self.oriented)


def corners(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Indices of the corner voxels of a grid of up to three axes, shape (8, 3)."""
    last = [n - 1 for n in shape] + [0] * (3 - len(shape))
    return np.array(list(product(*((0, n) for n in last))), dtype=np.int64)


def displacement_mm(a: Geometry, b: Geometry, to_b: NDArray[np.int64] | None = None) -> float:
    """Largest distance between a corner voxel of ``a`` and its partner in ``b``.

    to_b: the partner's index in b for each of ``corners(a.shape)``; the same index where None.
    """
    indices = corners(a.shape)
    offsets = a.to_mm(indices) - b.to_mm(indices if to_b is None else to_b)
    return float(np.linalg.norm(offsets, axis=1).max())

"""Where the frames of a DICOM file lie: parallel planes, in any order, some of them perhaps left out.

Source: DICOM PS3.3, C.7.6.2 (Image Plane) and C.7.6.16.2 (functional groups of multi-frame images).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from segeval.array_types import Floats, Integers
from segeval.errors import GeometryError
from segeval.readers.affines import require_usable_affine
from segeval.volumes.geometry import Geometry
from segeval.volumes.placing import reindexed

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
_SAME_PLANE = 1e-2  # of the smallest spacing within a plane
_UNEVEN = 2e-2  # of the distance of neighbouring planes
_MOST_PLANES = 1 << 20
_FINEST = 20  # the smallest gap is this many distances of planes at most


class Planes(Struct, frozen=True, eq=False):
    """Parallel planes.

    affine: of the stack of all planes between the first and the last one, in RAS+. depth: how many those are.
    heights: (frames,), along the normal from the first plane, in mm.
    """

    affine: Floats
    depth: int
    heights: Floats

    @property
    def numbers(self) -> Integers:
        """Which plane of the stack each frame lies in."""
        return np.rint(self.heights / np.linalg.norm(self.affine[:3, 2])).astype(np.int64)

    def geometry(self, size: tuple[int, int]) -> Geometry:
        """Of the stack; size: columns and rows."""
        return Geometry((*size, self.depth), self.affine, oriented=True)

    def on(self, name: str, size: tuple[int, int], grid: Geometry, tolerance: float) -> tuple[Geometry, Integers]:
        """The stack of the planes of another grid, and which of them each frame lies in.

        Raises GeometryError for a frame between the planes, or beyond them.
        """
        own = self.geometry(size)
        target = reindexed(grid, own)
        if target is None or target.affine is None:
            return own, self.numbers
        step = target.affine[:3, 2]
        spacing = float(np.linalg.norm(step))
        base = float((self.affine[:3, 3] - target.affine[:3, 3]) @ step) / spacing
        places = (base + self.heights) / spacing
        numbers = np.rint(places).astype(np.int64)
        off = float(np.abs(places - numbers).max()) * spacing
        if off > tolerance * target.smallest_spacing_mm or numbers.min() < 0 or numbers.max() >= target.shape[2]:
            where = (
                f"up to {off:.4g} mm off them"
                if 0 <= numbers.min() <= numbers.max() < target.shape[2]
                else "beyond them"
            )
            raise GeometryError(
                f"{name}: its frames lie not in the planes of the other volume's grid but {where}; give the volume "
                "that it was made on"
            )
        affine = self.affine.copy()
        affine[:3, 2] = step
        affine[:3, 3] -= step * int(numbers[self.heights.argmin()])
        return Geometry((*size, target.shape[2]), affine, oriented=True), numbers


def planes_of(
    path: Path,
    orientation: Sequence[float],
    spacing: Sequence[float],
    positions: Floats,
    between: float,
    thickness: float,
) -> Planes:
    """The planes of frames.

    orientation: six direction cosines. spacing: of rows, of columns. positions: (frames, 3) of the first voxels, LPS+.
    between: the distance of planes as stated, 0 where nothing states it. thickness: of a single plane, or 0.
    Raises GeometryError.
    """
    along, down = np.array(orientation[:3], float), np.array(orientation[3:], float)
    if (
        not np.isfinite([*along, *down, *spacing, between, thickness]).all()
        or not np.isfinite(positions).all()
        or min(spacing) <= 0
    ):
        raise GeometryError(f"{path}: states no usable orientation, spacing or position; export it again")
    lengths = np.linalg.norm(along), np.linalg.norm(down)
    if np.abs(np.array(lengths) - 1).max() > 1e-2 or abs(along @ down) > 1e-2:
        raise GeometryError(f"{path}: the axes of its frames are not perpendicular unit vectors; export it again")
    normal = np.cross(along, down)
    normal /= np.linalg.norm(normal)
    heights = positions @ normal
    first = positions[heights.argmin()]
    heights = heights - heights.min()
    off = positions - first - np.outer(heights, normal)
    if np.linalg.norm(off, axis=1).max() > _SAME_PLANE * min(spacing):
        raise GeometryError(f"{path}: its frames do not lie one above the other; export it as a stack of slices")
    step, depth = _step(path, heights, between, _SAME_PLANE * min(spacing)) or (between or thickness or 1.0, 1)
    affine = np.eye(4)
    affine[:3, :3] = _LPS_TO_RAS @ np.column_stack([along * spacing[1], down * spacing[0], normal * step])
    affine[:3, 3] = _LPS_TO_RAS @ first
    require_usable_affine(path, affine, "geometry")
    return Planes(affine, depth, heights)


def _step(path: Path, heights: Floats, between: float, same: float) -> tuple[float, int] | None:
    """The distance of neighbouring planes of which all heights are multiples, and how many planes there are; None for
    a single one."""
    gaps = np.diff(np.unique(heights))
    gaps = gaps[gaps > same]
    if not gaps.size:
        return None
    highest = float(heights.max())
    for guess in [*([between] if between else []), *(float(gaps.min()) / part for part in range(1, _FINEST + 1))]:
        last = max(round(highest / guess), 1)
        if last >= _MOST_PLANES:
            break
        counts = heights * (last / highest)
        if np.abs(counts - np.rint(counts)).max() <= _UNEVEN and abs(highest / last - guess) <= _UNEVEN * guess:
            return highest / last, last + 1
    raise GeometryError(
        f"{path}: its planes lie {gaps.min():.4g} to {gaps.max():.4g} mm apart, which is no grid; export it resampled"
    )

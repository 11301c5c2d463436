"""A volume that is part of a larger grid, and background elsewhere: crops, and stacks with slices left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segeval.array_types import Floats
from segeval.errors import GeometryError
from segeval.volumes.geometry import Geometry, corners
from segeval.volumes.volume import DerivedSource, Piece, VoxelSource


class Placed(DerivedSource, frozen=True):
    """A source amid zeros; a plane of the larger grid is held.

    new_shape: of the larger grid, three axes. first: where in it the first voxel lies.
    """

    new_shape: tuple[int, ...]
    first: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.new_shape

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The planes of the larger grid, one after the other."""
        x, y, z = self.first
        width, height, depth = _three(self.source.shape)
        stream = _Stretches(self.source.pieces(channel))
        empty = np.zeros(self.new_shape[0] * self.new_shape[1], dtype=self.dtype)
        for number in range(self.new_shape[2]):
            if not z <= number < z + depth:
                yield empty
                continue
            plane = np.zeros(self.new_shape[:2], dtype=self.dtype, order="F")
            plane[x : x + width, y : y + height] = stream.take(width * height).reshape((width, height), order="F")
            yield plane.reshape(-1, order="F")
        stream.drain()


class _Stretches:
    """Pieces of any length, taken as stretches of the length that is asked for."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces = pieces
        self._rest: Piece | None = None

    def take(self, size: int) -> Piece:
        """The next so many values."""
        parts, found = [], 0
        while found < size:
            piece = next(self._pieces) if self._rest is None else self._rest
            part, rest = piece[: size - found], piece[size - found :]
            self._rest = rest if rest.size else None
            parts.append(part)
            found += part.size
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def drain(self) -> None:
        """Let the source come to its end."""
        for _ in self._pieces:
            pass


def place(name: str, source: VoxelSource, own: Geometry, other: Geometry, tolerance: float) -> tuple[Placed, Geometry]:
    """The source of the grid ``own`` on the grid ``other``, whose axes are put in the order of the source's own.

    tolerance: a fraction of the smallest spacing. Raises GeometryError where the voxels of the one are not voxels of
    the other, or some lie outside it.
    """
    target = reindexed(other, own)
    if own.affine is None or target is None or target.affine is None:
        raise GeometryError(f"{name}: its axes are not those of the other volume's grid; --geometry resample may help")
    indices = corners(own.shape)
    found = np.rint(np.linalg.solve(target.affine, _homogeneous(own.to_mm(indices)))[:3].T).astype(np.int64)
    apart = float(np.linalg.norm(target.to_mm(found) - own.to_mm(indices), axis=1).max())
    limit = tolerance * target.smallest_spacing_mm
    if apart > limit or (found - found[0] != indices).any():
        raise GeometryError(
            f"{name}: its voxels are not voxels of the other volume's grid: corners lie up to {apart:.4g} mm from the "
            f"nearest (tolerance {limit:.4g} mm), spacing {_mm(own)} and {_mm(target)} mm; --geometry resample may help"
        )
    if (found < 0).any() or (found >= target.shape).any():
        raise GeometryError(
            f"{name}: reaches beyond the other volume's grid: its voxels would be {found[0].tolist()} to "
            f"{found[-1].tolist()} of {'×'.join(map(str, target.shape))}; give the volume that it was drawn on"
        )
    return Placed(source, target.shape, tuple(found[0].tolist())), target


def reindexed(other: Geometry, own: Geometry) -> Geometry | None:
    """The other grid, its axes permuted and turned to run as ``own``'s do; None where none runs like one of them."""
    if other.affine is None or own.affine is None:
        return None
    cosines = _directions(own.affine).T @ _directions(other.affine)
    axes = [int(axis) for axis in np.abs(cosines).argmax(axis=1)]
    if sorted(axes) != [0, 1, 2] or np.abs(cosines).max(axis=1).min() < _PARALLEL:
        return None
    shape = _three(other.shape)
    affine = np.eye(4)
    affine[:3, 3] = other.affine[:3, 3]
    for new, axis in enumerate(axes):
        column = other.affine[:3, axis]
        turned = cosines[new, axis] < 0
        affine[:3, new] = -column if turned else column
        if turned:
            affine[:3, 3] += column * (shape[axis] - 1)
    return Geometry(tuple(shape[axis] for axis in axes), affine, other.oriented)


def union(own: Geometry, other: Geometry) -> Geometry | None:
    """The smallest grid of ``own``'s voxels that holds the corners of both; None where they have no grid in common."""
    if own.affine is None or reindexed(other, own) is None:
        return None
    found = np.linalg.solve(own.affine, _homogeneous(other.to_mm(corners(other.shape))))[:3].T
    low = np.minimum(np.rint(found).min(axis=0), 0)
    high = np.maximum(np.rint(found).max(axis=0), np.array(_three(own.shape)) - 1)
    affine = own.affine.copy()
    affine[:3, 3] = own.to_mm(low[np.newaxis])[0]
    return Geometry(tuple(int(n) for n in high - low + 1), affine, own.oriented)


_PARALLEL = 0.999
"""Cosine of the angle between axes of one grid, as two writers round them; what they miss by is judged in mm."""


def _directions(affine: Floats) -> Floats:
    columns = affine[:3, :3]
    return np.asarray(columns / np.linalg.norm(columns, axis=0))


def _three(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape, *(1,) * (3 - len(shape)))


def _homogeneous(points: Floats) -> Floats:
    return np.vstack([points.T, np.ones(len(points))])


def _mm(geometry: Geometry) -> str:
    return "×".join(f"{n:.5g}" for n in geometry.spacing_mm)

"""The exact distance from each point of a voxel grid to the nearest of a set of others, at anisotropic spacing.

What is near was found before (``neighbourhood``): these are queries of which nearly all are far, in groups, as of a
body that the other volume lacks. Such queries share the search (``narrowing``). What resists it goes to SciPy's
cKDTree, unless that is in its own bad case: a surface that surrounds the points at a distance, so that most of it is
almost equally near. There an exact distance transform wins, and it is needed in the query points alone: the transform
of each plane by SciPy, and the lower envelope over the planes in those points. Memory is one plane, and the cost does
not depend on the shapes.

All ways find a nearest point; the distance is computed from the integer offset, so that 2 voxels of 0.8 mm are
1.6 mm and not 1.6000000000000003: a tolerance decides on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.shapes.elements import Points
from segeval.shapes.narrowing import narrow
from segeval.shapes.neighbourhood import squared

# Its steps are short: two threads would wait for each other at most of them, and be no faster for more work.
_NARROWING = Lock()

_NEAR_VOXELS = 4.0  # in voxel diagonals: what a kd-tree finds fast whatever the shapes
_SAMPLE = 32  # far points that tell how dear the others are
# Measured on spheres, shells and planes in 200³ voxels, seconds on one core. They choose the way, never the result.
_SHELL_VOXELS = 6.0
_QUERY = 1e-6
# A tree's cost at its best, per point and per query, and how much more narrowing may take before it is given up.
_TREE_POINT, _TREE_QUERY, _PATIENCE = 1.2e-7, 2e-6, 3.0
_SHELL_POINT = 3e-8
_PLANE_VOXEL = 3e-8
_PLANE_POINT = 5e-9


def nearest_mm(queries: Points, points: Points, spacing_mm: Sequence[float], workers: int = 1) -> Floats:
    """Distances in mm, shape (queries,), from each query to the nearest point.

    queries, points: voxel indices, shape (n, axes); at least one point.
    workers: threads that query the tree.
    """
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if not len(queries):
        return np.empty(0)
    patience = _PATIENCE * (_TREE_POINT * len(points) + _TREE_QUERY * len(queries))
    with _NARROWING:
        nearest = narrow(queries, points, spacing, patience)
    result = np.asarray(np.sqrt(squared((queries - points[nearest]).T, spacing)))
    rest = np.flatnonzero(nearest < 0)
    if rest.size:
        result[rest] = _one_by_one(queries[rest], points, spacing, workers)
    return result


def _one_by_one(queries: Points, points: Points, spacing: Floats, workers: int) -> Floats:
    """The distances by a tree, or by planes."""
    from scipy.spatial import cKDTree

    # Splitting at the middle instead of the median builds twice as fast and queries as fast: the points lie on a grid.
    tree = cKDTree(points * spacing, balanced_tree=False)
    near = _NEAR_VOXELS * float(np.linalg.norm(spacing))
    result, found = _query(tree, queries, points, spacing, near, workers)
    far = np.flatnonzero(~found)
    if not far.size:
        return result
    if _tree_is_cheaper(tree, queries[far], points, spacing):
        result[far], _ = _query(tree, queries[far], points, spacing, np.inf, workers)
    else:
        result[far] = by_planes_mm(queries[far], points, spacing)
    return result


def by_planes_mm(queries: Points, points: Points, spacing: Floats) -> Floats:
    """The same distances by an exact distance transform of each plane (a line in 2-D) that holds a point."""
    from scipy.ndimage import distance_transform_edt

    low = np.minimum(queries.min(axis=0), points.min(axis=0))[1:]
    sides = np.maximum(queries.max(axis=0), points.max(axis=0))[1:] - low + 1
    column = np.ravel_multi_index(tuple((queries[:, 1:] - low).T), tuple(sides))
    points = points[np.argsort(points[:, 0], kind="stable")]
    planes, starts = np.unique(points[:, 0], return_index=True)
    groups = np.split(points, starts[1:])
    best = np.full(len(queries), np.inf)
    # The planes in the midst of the queries first: what they find rules out planes that are farther away.
    for index in np.argsort(np.abs(planes - np.median(queries[:, 0])), kind="stable").tolist():
        plane, members = planes[index], groups[index]
        across = ((queries[:, 0] - plane) * spacing[0]) ** 2
        if not (across < best).any():
            continue
        free = np.ones(sides, dtype=np.bool_)
        free[tuple((members[:, 1:] - low).T)] = False
        nearest = distance_transform_edt(free, spacing[1:], return_distances=False, return_indices=True)
        offsets = [index - own for index, own in zip(nearest, np.indices(sides, sparse=True), strict=True)]
        found = squared(offsets, spacing[1:]).reshape(-1)[column]
        found += across
        np.minimum(best, found, out=best)
    return np.asarray(np.sqrt(best))


def _query(
    tree: object, queries: Points, points: Points, spacing: Floats, within: float, workers: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """(Distances, whether one was found within this many mm)."""
    _, nearest = tree.query(queries * spacing, distance_upper_bound=within, workers=workers)  # type: ignore[attr-defined]
    found = nearest < len(points)
    offsets = queries - points[np.where(found, nearest, 0)]
    return np.sqrt(squared(offsets.T, spacing)), found


def _tree_is_cheaper(tree: object, far: Points, points: Points, spacing: Floats) -> bool:
    """Whether the tree answers these queries faster than planes would, as a sample of them tells.

    What a query costs grows with the points that are little farther than the nearest, whose boxes it must open.
    """
    every = max(1, len(far) // _SAMPLE)
    sample = far[::every] * spacing
    distances, _ = tree.query(sample)  # type: ignore[attr-defined]
    shell = distances + _SHELL_VOXELS * float(np.linalg.norm(spacing))
    almost = tree.query_ball_point(sample, shell, return_length=True).mean()  # type: ignore[attr-defined]
    by_tree = len(far) * (_QUERY + _SHELL_POINT * float(almost))
    sides = np.maximum(far.max(axis=0), points.max(axis=0)) - np.minimum(far.min(axis=0), points.min(axis=0)) + 1
    planes = len(np.unique(points[:, 0]))
    by_planes = planes * (_PLANE_VOXEL * float(np.prod(sides[1:])) + _PLANE_POINT * len(far))
    return by_tree < by_planes

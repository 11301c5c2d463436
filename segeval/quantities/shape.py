"""Place and shape: functions of moments and of bands along the border. The definitions are in docs/quantities.md.

Every formula gives one value per target, float64, shape (targets,): NaN where undefined.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from segeval.array_types import Floats
from segeval.quantities.arithmetic import ratio
from segeval.quantities.quantity import also, measure
from segeval.tallies.shape import Shapes, TargetShape

_FLAT = 1e-12
"""The determinant of the coordinates' correlations that rounding can make of voxels in a plane."""


@measure(
    "shape",
    "shapes",
    "|B_P ∩ B_R| / |B_P ∪ B_R|, B the voxels of a mask within d diagonals of its border",
    undefined="both empty, or there is no label map",
    source="Cheng et al. 2021",
    best=1.0,
    worst=0.0,
    synonyms=also("biou boundary_jaccard boundary_intersection_over_union"),
    title="boundary IoU",
)
def boundary_iou(shapes: Shapes, *, d: float = 0.02) -> Floats:
    """IoU of the bands along the inside of both borders, ``d`` of the image's diagonal wide, at least one voxel."""
    counts = np.array([t.bands.get(d, (0, 0)) for t in shapes.targets], dtype=np.float64).reshape(-1, 2)
    return ratio(counts[:, 0], counts[:, 1])


@measure(
    "shape",
    "shapes",
    "‖centroid of P − centroid of R‖, mm",
    undefined="both empty, or there is no label map",
    source="distance between centres of gravity",
    best=0.0,
    worst=np.inf,
    synonyms=also("center_distance centre_distance centroid_distance center_of_mass_distance com_distance"),
    title="centroid, mm",
)
def centroid_distance_mm(shapes: Shapes) -> Floats:
    """Distance between the centroids of both masks, mm."""

    def distance(target: TargetShape) -> float:
        return float(np.linalg.norm(target.prediction.centroid_mm - target.reference.centroid_mm))

    return _per_target(shapes, distance, shapes.missed_mm)


@measure(
    "shape",
    "shapes",
    "√(δᵀ C⁻¹ δ), δ between the centroids, C = (P C_P + R C_R) / (P + R) the covariance of their voxels",
    undefined="either is empty, all voxels of both lie in parallel planes, or there is no label map",
    source="Mahalanobis 1936; Taha and Hanbury 2015",
    best=0.0,
    worst=np.inf,
    needs_every_value=True,
    synonyms=also("mahalanobis_distance mhd mahlnbs"),
    title="Mahalanobis",
)
def mahalanobis(shapes: Shapes) -> Floats:
    """Mahalanobis distance between the centroids, in units of the spread of the voxels."""

    def distance(target: TargetShape) -> float:
        p, r = target.prediction, target.reference
        common = (p.voxels * p.covariance_mm2 + r.voxels * r.covariance_mm2) / (p.voxels + r.voxels)
        spread = np.sqrt(np.diag(common))
        if not spread.all():
            return math.nan
        correlation = common / np.outer(spread, spread)
        if np.linalg.det(correlation) < _FLAT:
            return math.nan
        offset = (p.centroid_mm - r.centroid_mm) / spread
        return math.sqrt(max(float(offset @ np.linalg.solve(correlation, offset)), 0.0))

    return _per_target(shapes, distance, math.nan)


def _per_target(shapes: Shapes, formula: Callable[[TargetShape], float], missed: float) -> Floats:
    """The formula where both volumes have the target; what is settled for the others."""
    return np.array(
        [formula(target) if target.comparable else missed if target.missed else math.nan for target in shapes.targets],
        dtype=np.float64,
    )

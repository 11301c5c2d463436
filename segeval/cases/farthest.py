"""Where the Hausdorff distance lies: the boundary voxel that is farthest from the other boundary, and its nearest."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from msgspec import Struct

from segeval.array_types import Integers, Mask
from segeval.cases.measuring import maps_of, spacing_of
from segeval.errors import GeometryError, LabelError
from segeval.kernels import HeldPair
from segeval.tallies.tally import Tally
from segeval.targets import LabelChoice, TargetKey
from segeval.volumes.geometry import Geometry

_MOST_POINTS = 500_000  # of both boundaries: a tree of so many answers within a second


class Farthest(Struct, frozen=True):
    """The two ends of the largest distance between the boundaries of a target, voxels from 0, and its length in mm."""

    start: tuple[int, ...]
    end: tuple[int, ...]
    distance_mm: float


def farthest_places(
    held: HeldPair, tally: Tally, choice: LabelChoice, geometry: Geometry | None, targets: Collection[TargetKey]
) -> dict[TargetKey, Farthest]:
    """Of those of these targets that both volumes have, the first of several voxels that are equally far.

    None where the boundaries agree or have too many voxels, or where the grid has no distances.
    """
    try:
        spacing, _ = spacing_of(geometry, len(held.reference.shape))
        maps = maps_of(held, tally, choice, spacing)
    except (GeometryError, LabelError):
        return {}
    if maps.shape != held.reference.shape:  # an axis of one voxel was left out
        return {}
    found = {}
    for target in maps.targets:
        if target.key in targets and target.box is not None:
            corner = np.array([side.start for side in target.box])
            place = _farthest(*maps.masks_in(target, target.box), corner, np.array(maps.spacing_mm))
            if place is not None:
                found[target.key] = place
    return found


def _farthest(prediction: Mask, reference: Mask, corner: Integers, spacing: np.ndarray) -> Farthest | None:
    from scipy.spatial import cKDTree

    ours, theirs = (_boundary(mask) for mask in (prediction, reference))
    if not (len(ours) and len(theirs)) or len(ours) + len(theirs) > _MOST_POINTS:
        return None
    best: tuple[float, Integers, Integers] | None = None
    for of, to in ((ours, theirs), (theirs, ours)):
        distances, nearest = cKDTree(to * spacing).query(of * spacing)
        at = int(distances.argmax())
        if best is None or distances[at] > best[0]:
            best = float(distances[at]), of[at], to[nearest[at]]
    if best is None or best[0] == 0:
        return None
    start, end = (tuple((place + corner).tolist()) for place in best[1:])
    return Farthest(start, end, best[0])


def _boundary(mask: Mask) -> Integers:
    """(points, axes): voxels with a background face neighbour; outside the image is background."""
    from scipy.ndimage import binary_erosion

    return np.argwhere(mask & ~binary_erosion(mask))

"""What matches are measured by beside the HD95: all distances between the boundaries of each, by trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from msgspec import Struct

from segeval.array_types import Floats, Integers
from segeval.shapes.counting import Points
from segeval.shapes.towers import Matches
from segeval.volumes.memory import Need, require_memory

_PERCENTILE = 95
_PER_VOXEL = 100  # bytes: position, place in mm, both sorted, a tree and distances


class MatchSurface(Struct, frozen=True):
    """pooled_hd95: the 95th percentile of the distances in both directions together, mm.

    nsd: by tolerance in mm, the mean of the shares of both boundaries within it.
    """

    pooled_hd95: float | None = None
    nsd: Mapping[float, float] = {}

    @classmethod
    def of(cls, there: Floats, back: Floats, tolerances: Sequence[float]) -> MatchSurface:
        """there, back: the distances from one boundary to the other, and the other way, mm; neither is empty."""
        shares = {tau: float((there <= tau).mean() + (back <= tau).mean()) / 2 for tau in tolerances}
        return cls(float(np.percentile(np.concatenate((there, back)), _PERCENTILE)), shares)


def match_surfaces(
    points: tuple[list[Points], list[Points]],
    matches: Matches,
    spacing_mm: Sequence[float],
    tolerances: Sequence[float],
) -> list[MatchSurface]:
    """Of each match. points: the boundary voxels of prediction and reference. Raises NotEnoughMemory."""
    from scipy.spatial import cKDTree

    voxels = sum(len(part.positions) for side in points for part in side)
    words = f"measuring the distances of {len(matches)} matches"
    require_memory("instances", Need(_PER_VOXEL * voxels, words, "leave instance_nsd and instance_hd95:pooled out"))
    order = np.argsort(matches.owners, kind="stable")
    starts = np.searchsorted(matches.owners[order], np.arange(len(matches) + 1)).tolist()
    predictions = [matches.predictions[order[a:b]] for a, b in pairwise(starts)]
    sides = [_Boundaries(side, matches.shape, spacing_mm) for side in points]

    def measured() -> Iterator[MatchSurface]:
        for own, reference in zip(predictions, matches.reference, strict=True):
            p, r = sides[0].of(own), sides[1].of(np.array([reference]))
            yield MatchSurface.of(cKDTree(r).query(p)[0], cKDTree(p).query(r)[0], tolerances)

    return list(measured())


class _Boundaries:
    """The boundary voxels of one side in mm, by instance."""

    def __init__(self, parts: Sequence[Points], shape: tuple[int, ...], spacing_mm: Sequence[float]) -> None:
        nothing = np.zeros(0, np.int64)
        positions = np.concatenate([nothing, *(part.positions.astype(np.int64) for part in parts)])
        instances = np.concatenate([nothing, *(part.instances() for part in parts)])
        order = np.argsort(instances, kind="stable")
        self._instances = instances[order]
        indices = np.stack(np.unravel_index(positions[order], shape, order="F"), axis=1)
        self._mm = indices * np.asarray(spacing_mm, np.float64)

    def of(self, instances: Integers) -> Floats:
        """Shape (voxels, axes)."""
        starts = np.searchsorted(self._instances, instances)
        ends = np.searchsorted(self._instances, instances, side="right")
        return np.concatenate([self._mm[a:b] for a, b in zip(starts, ends, strict=True)])

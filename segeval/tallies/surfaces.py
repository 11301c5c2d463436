"""What surface distances are computed from: per target, how far every boundary element is from the other boundary.

The definitions are in docs/surface_distances.md. Records are frozen; unlike tallies they do not add: a nearest
neighbour is known only once both volumes are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from segeval.array_types import Floats

DEFAULT_TAU_MM = 1.0
VOLUME, SLICES, SURFELS = "volume", "slices", "surfels"
"""The forms of a boundary: voxels, those of each slice by itself, pieces of surface."""


def form_of(surfel: bool, boundary: str) -> str:
    """Which form these two settings of a quantity ask for."""
    return SURFELS if surfel else boundary


def diagonal_mm(shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """√Σ((n_i − 1)·spacing_i)²: the largest distance that two voxel centres of an image can have."""
    return math.hypot(*((n - 1) * mm for n, mm in zip(shape, spacing_mm, strict=True)))


def _no_elements() -> Floats:
    return np.empty(0)


class TargetSurface(Struct, frozen=True, eq=False):
    """The boundary distances of one label or region. A target that is empty in a volume has no distances at all.

    to_reference: from each boundary element of the prediction to the nearest of the reference, mm, ascending.
    to_prediction: from each boundary element of the reference to the nearest of the prediction, mm, ascending.
    prediction_areas, reference_areas: the elements' areas (mm²; lengths in mm in 2-D), in the order of
        ``to_reference`` and ``to_prediction``; None where every element counts alike (boundary voxels).
    in_prediction, in_reference: whether the target has a voxel in the volume.
    tau_mm: the distance that ``nsd`` tolerates.
    """

    to_reference: Floats = field(default_factory=_no_elements)
    to_prediction: Floats = field(default_factory=_no_elements)
    prediction_areas: Floats | None = None
    reference_areas: Floats | None = None
    in_prediction: bool = True
    in_reference: bool = True
    tau_mm: float = DEFAULT_TAU_MM

    @property
    def missed(self) -> bool:
        """Whether the target is empty in exactly one of the volumes."""
        return self.in_prediction != self.in_reference

    @property
    def comparable(self) -> bool:
        """Whether both volumes have the target, so that there are distances."""
        return self.in_prediction and self.in_reference


class Surfaces(Struct, frozen=True, eq=False):
    """Every target of a pair of volumes, in the order of the rows.

    voxels: the targets with boundary voxels as elements; None if not measured.
    surfels: the targets with elements weighted by their area; None if not measured.
    slices: the same as voxels, the boundary of each slice by itself; None if not measured.
    diagonal_mm: of the image, see :func:`diagonal_mm`.
    missed_mm: the distance of a target that is empty in exactly one volume, or NaN; None means the diagonal.
    """

    voxels: tuple[TargetSurface, ...] | None
    surfels: tuple[TargetSurface, ...] | None
    diagonal_mm: float
    missed_mm: float | None = None
    slices: tuple[TargetSurface, ...] | None = None

    @property
    def missed(self) -> float:
        """The distance, mm or NaN, of a target that is empty in exactly one volume."""
        return self.diagonal_mm if self.missed_mm is None else self.missed_mm

    def targets(self, surfel: bool, boundary: str = VOLUME) -> tuple[TargetSurface, ...]:
        """The targets in one of the three forms. Raises ValueError if that form was not measured."""
        forms = {SURFELS: self.surfels, VOLUME: self.voxels, SLICES: self.slices}
        name = form_of(surfel, boundary)
        form = forms[name]
        if form is None:
            words = {SURFELS: "surfels", VOLUME: "boundary voxels", SLICES: "boundary voxels of slices"}
            raise ValueError(f"the {words[name]} of these volumes were not measured")
        return form

    def __getitem__(self, rows: slice | list[int]) -> Surfaces:
        """Some of the targets."""
        return replace(
            self, voxels=_pick(self.voxels, rows), surfels=_pick(self.surfels, rows), slices=_pick(self.slices, rows)
        )


def _pick(targets: tuple[TargetSurface, ...] | None, rows: slice | list[int]) -> tuple[TargetSurface, ...] | None:
    if targets is None:
        return None
    return targets[rows] if isinstance(rows, slice) else tuple(targets[row] for row in rows)

"""What surface distances are computed from: per target, how far every boundary element is from the other boundary.

The definitions are in docs/surface_distances.md. Records are frozen; unlike tallies they do not add: a nearest
neighbour is known only once both volumes are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from segeval.array_types import Floats

DEFAULT_TAU_MM = 1.0
VOLUME, SLICES, EDGES, CORNERS, SURFELS = "volume", "slices", "edges", "corners", "surfels"
"""The forms of a boundary: voxels at a face, of each slice by itself, at an edge, at a corner; pieces of surface."""
BACKGROUND, MASK = "background", "mask"
"""What lies outside the image: with the mask a boundary does not run along the image's border."""


def form_of(surfel: bool, boundary: str, outside: str = BACKGROUND) -> str:
    """Which form these settings of a quantity ask for: ``corners``, or ``corners, mask outside``."""
    name = SURFELS if surfel else boundary
    return name if outside == BACKGROUND else f"{name}, {outside} outside"


def diagonal_mm(shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """√Σ((n_i − 1)·spacing_i)²: the largest distance that two voxel centres of an image can have."""
    return math.hypot(*((n - 1) * mm for n, mm in zip(shape, spacing_mm, strict=True)))


def box_mm(shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """√Σ(n_i·spacing_i)²: the diagonal of the box that the voxels fill."""
    return math.hypot(*(n * mm for n, mm in zip(shape, spacing_mm, strict=True)))


def missed_distance(missed: float | str | None, shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """mm, or NaN, of a target that one volume lacks: ``box``, None for the diagonal, or as given."""
    if missed is None:
        return diagonal_mm(shape, spacing_mm)
    return box_mm(shape, spacing_mm) if isinstance(missed, str) else missed


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
    others: the same in further forms, by the names that :func:`form_of` gives.
    diagonal_mm: of the image, see :func:`diagonal_mm`.
    missed_mm: the distance of a target that is empty in exactly one volume, or NaN; None means the diagonal.
    """

    voxels: tuple[TargetSurface, ...] | None
    surfels: tuple[TargetSurface, ...] | None
    diagonal_mm: float
    missed_mm: float | None = None
    slices: tuple[TargetSurface, ...] | None = None
    others: Mapping[str, tuple[TargetSurface, ...]] = {}

    @property
    def missed(self) -> float:
        """The distance, mm or NaN, of a target that is empty in exactly one volume."""
        return self.diagonal_mm if self.missed_mm is None else self.missed_mm

    def targets(self, surfel: bool, boundary: str = VOLUME, outside: str = BACKGROUND) -> tuple[TargetSurface, ...]:
        """The targets in one of the forms. Raises ValueError if that form was not measured."""
        name = form_of(surfel, boundary, outside)
        form = self._forms.get(name)
        if form is None:
            words = {SURFELS: "surfels", VOLUME: "boundary voxels", SLICES: "boundary voxels of slices"}
            raise ValueError(f"the {words.get(name, f'boundary voxels ({name})')} of these volumes were not measured")
        return form

    @property
    def any_form(self) -> tuple[TargetSurface, ...]:
        """The targets in one of the forms that were measured; none where none was."""
        return next((form for form in self._forms.values() if form is not None), ())

    @property
    def _forms(self) -> Mapping[str, tuple[TargetSurface, ...] | None]:
        return {VOLUME: self.voxels, SURFELS: self.surfels, SLICES: self.slices, **self.others}

    def __getitem__(self, rows: slice | list[int]) -> Surfaces:
        """Some of the targets."""
        return replace(
            self,
            voxels=_pick(self.voxels, rows),
            surfels=_pick(self.surfels, rows),
            slices=_pick(self.slices, rows),
            others={name: _pick(form, rows) for name, form in self.others.items()},
        )


@overload
def _pick(targets: tuple[TargetSurface, ...], rows: slice | list[int]) -> tuple[TargetSurface, ...]: ...
@overload
def _pick(targets: None, rows: slice | list[int]) -> None: ...
@overload
def _pick(targets: tuple[TargetSurface, ...] | None, rows: slice | list[int]) -> tuple[TargetSurface, ...] | None: ...
def _pick(targets: tuple[TargetSurface, ...] | None, rows: slice | list[int]) -> tuple[TargetSurface, ...] | None:
    if targets is None:
        return None
    return targets[rows] if isinstance(rows, slice) else tuple(targets[row] for row in rows)

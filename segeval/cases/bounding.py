"""The boundary distances of every target of two label maps, in the forms that the quantities ask for."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from segeval.cases.reach import limited, require_reach
from segeval.machine import usable_cores
from segeval.quantities import parts_of
from segeval.settings import Settings
from segeval.settings.labels import require_tolerances, tolerance_of
from segeval.shapes.elements import CORNER, EDGE, BoundaryVoxels, Form, slices_of
from segeval.shapes.surface_distances import measure_all
from segeval.shapes.surfels import SURFELS
from segeval.shapes.target_masks import TargetMasks
from segeval.tallies import surfaces
from segeval.tallies.surfaces import Surfaces, TargetSurface, diagonal_mm, form_of, missed_distance
from segeval.targets import TargetKey

if TYPE_CHECKING:
    from segeval.cases.measuring import HeldMaps

_MOST_THREADS = 4


def surfaces_of(maps: HeldMaps, settings: Settings) -> Surfaces:
    """Of the maps' targets, in their order. Raises NotEnoughMemory, UsageError."""
    require_reach(settings)
    spacing = measures(settings, maps.spacing_mm, maps.reversed_spacing_mm)
    asked = [part.settings for part in parts_of(settings.selections) if part.quantity.record == "surfaces"]
    names = {form_of(bool(part["surfel"]), str(part["boundary"]), str(part["outside"])) for part in asked}
    forms: dict[str, Form] = {surfaces.SURFELS: SURFELS}
    for outside in (surfaces.BACKGROUND, surfaces.MASK):
        ends = outside == surfaces.MASK
        forms |= {
            form_of(False, surfaces.VOLUME, outside): BoundaryVoxels(open=ends),
            form_of(False, surfaces.EDGES, outside): BoundaryVoxels(EDGE, open=ends),
            form_of(False, surfaces.CORNERS, outside): BoundaryVoxels(CORNER, open=ends),
            form_of(False, surfaces.SLICES, outside): slices_of(maps.spacing_mm, open=ends),
        }
    found = {name: _form(maps, spacing, form, settings) for name, form in forms.items() if name in names}
    return Surfaces(
        found.pop(surfaces.VOLUME, None),
        found.pop(surfaces.SURFELS, None),
        diagonal_mm(maps.shape, spacing),
        missed_distance(settings.missed, maps.shape, spacing),
        found.pop(surfaces.SLICES, None),
        found,
    )


def _form(maps: HeldMaps, spacing_mm: tuple[float, ...], form: Form, settings: Settings) -> tuple[TargetSurface, ...]:
    prediction, reference = maps.prediction, maps.reference  # the same two arrays for all: one pass over them
    boxed = {
        index: TargetMasks(
            prediction,
            reference,
            target.prediction_values,
            target.reference_values,
            target.box,
            spacing_mm,
            maps.ignore,
        )
        for index, target in enumerate(maps.targets)
        if target.box
    }
    found = measure_all(list(boxed.values()), threads(), form)
    measured = [TargetSurface(in_prediction=False, in_reference=False)] * len(maps.targets)
    for index, surface in zip(boxed, found, strict=True):
        measured[index] = surface
    if settings.max_distance is not None:
        measured = [limited(surface, settings.max_distance) for surface in measured]
    return with_tolerances(measured, [target.key for target in maps.targets], settings)


def with_tolerances(
    measured: Sequence[TargetSurface], keys: Sequence[TargetKey], settings: Settings
) -> tuple[TargetSurface, ...]:
    """What nsd tolerates of each target, by its key."""
    if settings.tau is None:
        return tuple(measured)
    require_tolerances(settings.tau, settings.labels, named=True)
    tolerances = [tolerance_of(key, settings.tau, settings.labels) for key in keys]
    return tuple(
        surface if tau is None else replace(surface, tau_mm=tau)
        for surface, tau in zip(measured, tolerances, strict=True)
    )


def measures(settings: Settings, stored: tuple[float, ...], turned: tuple[float, ...]) -> tuple[float, ...]:
    """What voxels measure in distances. turned: had all of the file's axes come in reverse order."""
    return {"stored": stored, "voxels": (1.0,) * len(stored), "reversed": turned}[settings.distance_spacing]


def threads() -> int:
    """Workers of a batch keep to one core each."""
    if multiprocessing.parent_process() is not None:
        return 1
    return min(usable_cores(), _MOST_THREADS)

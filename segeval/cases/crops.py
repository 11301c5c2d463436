"""Volumes that say nothing of what lies beyond their own grid, or have none, put on the grid of the other one."""

from __future__ import annotations

from contextlib import suppress

from segeval.choices import GeometryPolicy
from segeval.errors import GeometryError
from segeval.volumes.geometry import Geometry, displacement_mm
from segeval.volumes.placing import union
from segeval.volumes.volume import Volume


def without_crops(
    prediction: Volume, reference: Volume, policy: GeometryPolicy, tolerance: float
) -> tuple[Volume, Volume, list[str]]:
    """Both volumes, those that were cropped on a grid that holds both, and remarks. Raises GeometryError."""
    prediction, reference = _with_grids(prediction, reference, policy, tolerance)
    a, b = prediction.geometry, reference.geometry
    if (prediction.on is None and reference.on is None) or policy == "ignore" or a is None or b is None:
        return prediction, reference, []
    if _same(a, b, tolerance):
        return prediction, reference, []
    try:
        if prediction.on is not None and reference.on is not None:
            return _on_their_union(prediction, reference, a, b, tolerance)
        if reference.on is not None:
            placed = reference.on(a, tolerance)
            return prediction, placed, _remark(reference, placed)
        if prediction.on is not None:
            placed = prediction.on(b, tolerance)
            return placed, reference, _remark(prediction, placed)
    except GeometryError:
        if policy != "resample":  # which needs no common grid
            raise
    return prediction, reference, []


def _with_grids(
    prediction: Volume, reference: Volume, policy: GeometryPolicy, tolerance: float
) -> tuple[Volume, Volume]:
    """Contours on the other volume's grid, else on that of the images that they were drawn on. Raises GeometryError."""
    if prediction.drawn_on is not None and reference.drawn_on is not None:
        try:
            reference = reference.drawn_on(tolerance)
        except GeometryError:
            prediction = prediction.drawn_on(tolerance)
    return _drawn(prediction, reference, policy, tolerance), _drawn(reference, prediction, policy, tolerance)


def _drawn(contours: Volume, other: Volume, policy: GeometryPolicy, tolerance: float) -> Volume:
    """Contours with voxels; any other volume as it is.

    They get the grid of their images where the other volume has none, may end before they do, or may be resampled and
    does not fit.
    """
    if contours.on is None or contours.drawn_on is None:
        return contours
    if other.geometry is None:
        return contours.drawn_on(tolerance)
    if other.on is not None:
        with suppress(GeometryError):
            return contours.drawn_on(tolerance)
    try:
        return contours.on(other.geometry, tolerance)
    except GeometryError:
        if policy == "resample":
            with suppress(GeometryError):
                return contours.drawn_on(tolerance)
        raise


def _on_their_union(
    prediction: Volume, reference: Volume, a: Geometry, b: Geometry, tolerance: float
) -> tuple[Volume, Volume, list[str]]:
    grid = union(b, a)
    if grid is None or prediction.on is None or reference.on is None:
        return prediction, reference, []
    ours, theirs = prediction.on(grid, tolerance), reference.on(grid, tolerance)
    return ours, theirs, [*_remark(prediction, ours), *_remark(reference, theirs)]


def _same(a: Geometry, b: Geometry, tolerance: float) -> bool:
    return a.shape == b.shape and displacement_mm(a, b) <= tolerance * b.smallest_spacing_mm


def _remark(before: Volume, after: Volume) -> list[str]:
    if sorted(before.shape) == sorted(after.shape):
        return []
    shapes = ("×".join(map(str, volume.shape)) for volume in (before, after))
    return [
        "{}: states {} of {} voxels of the other volume's grid; the rest is background".format(before.name, *shapes)
    ]

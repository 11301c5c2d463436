"""Where a label is wrong: the worst slice of each view, and the profile along each axis, in words."""

from __future__ import annotations

import numpy as np

from segeval.array_types import Integers
from segeval.pictures.planes import View
from segeval.results.pictures import ErrorProfile
from segeval.tallies.profiles import AxisProfile, TargetProfile
from segeval.volumes.geometry import Geometry


def worst_slice(target: TargetProfile, view: View) -> int | None:
    """The slice with the largest FP + FN, the first of several; without any error the one with most of the target.

    None where the target is in neither volume.
    """
    if view.across >= len(target.axes):
        return 0 if any(axis.tp.any() or axis.errors.any() for axis in target.axes) else None
    axis = target.axes[view.across]
    counts = axis.errors if axis.errors.any() else axis.tp
    return int(counts.argmax()) if counts.any() else None


def error_profile(axis: AxisProfile, view: View) -> ErrorProfile:
    """Along the axis that lies across the view's slices."""
    return ErrorProfile(view.plane, tuple(axis.fp.tolist()), tuple(axis.fn.tolist()), _sentence(axis.errors))


def place_of(index: int, view: View, shape: tuple[int, ...], geometry: Geometry | None) -> str:
    """``slice 42 of 155, 31.5 mm``: counted from 1, as stored; where its centre lies along the axis of RAS."""
    solid = (*shape, 1)[:3]
    if len(shape) == 2:
        return f"{solid[view.columns]} × {solid[view.rows]} pixels"
    words = f"slice {index + 1} of {solid[view.across]}"
    if geometry is None or view.anatomical is None:
        return words
    centre = np.array([(n - 1) / 2 for n in solid])
    centre[view.across] = index
    mm = round(float(geometry.to_mm(centre[np.newaxis])[0, view.anatomical]), 1) + 0.0
    return f"{words}, {mm:.1f} mm"


def _sentence(errors: Integers) -> str:
    """The fewest neighbouring slices that hold at least four fifths of the error, the first of several."""
    total = int(errors.sum())
    if not total:
        return "no error"
    before = np.concatenate(([0], np.cumsum(errors)))
    needed = -(-total * 4 // 5)
    ends = np.searchsorted(before, before[:-1] + needed)  # the first end at which a window holds enough
    lengths = np.where(ends < before.size, ends - np.arange(errors.size), errors.size + 1)
    first = int(lengths.argmin())
    last = first + int(lengths[first])
    share = 100 * int(before[last] - before[first]) // total
    if last == first + 1:
        return f"slice {last} of {errors.size} holds {share} % of the error"
    return f"slices {first + 1}–{last} of {errors.size} hold {share} % of the error"

"""Along which axes of a volume anything is measured."""

from __future__ import annotations

from collections.abc import Sequence

from segeval.errors import LabelError


def measured_axes(shape: Sequence[int]) -> list[int]:
    """Those not of one voxel, and others where these are fewer than two. Raises LabelError for more than three."""
    axes = [axis for axis, n in enumerate(shape) if n != 1]
    axes = sorted({*axes, *[axis for axis in range(len(shape)) if axis not in axes][: max(0, 2 - len(axes))]})
    if len(axes) not in (2, 3):
        raise LabelError(
            f"distances, instances and topology need two or three axes, the volumes have {'×'.join(map(str, shape))}"
        )
    return axes

"""Where the errors are: functions of how many voxels of each slice are wrong. The page is docs/pictures.md."""

from __future__ import annotations

import numpy as np

from segeval.array_types import Integers
from segeval.quantities.quantity import measure
from segeval.tallies.profiles import Profile


@measure(
    "profile",
    "profile",
    "the largest FP + FN of one slice, over the slices of every stored axis",
    undefined="so many pairs of labels meet that they were not counted",
    source="a convention of segeval: the place that a report's pictures show",
    is_count=True,
    title="worst slice",
)
def worst_slice_error(p: Profile) -> Integers:
    """Voxels of the target that are wrong in the slice that holds most of them, whichever axis it is across."""
    return np.array(
        [max(int(axis.errors.max(initial=0)) for axis in target.axes) for target in p.targets], dtype=np.int64
    )

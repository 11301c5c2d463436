"""eval_utils, which takes what panoptica's evaluate gave up to 1.0: results in pairs."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np

FAMILY = "lesions"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import eval_utils as e

    voxel = np.float64(np.prod(case.spacing) / 1000)
    with contextlib.redirect_stdout(io.StringIO()):
        f1, difference, dice = e.compute_dice_f1_instance_difference(case.y, case.h)
    return {
        "dice_score": dice,
        "absolute_volume_difference": e.compute_absolute_volume_difference(case.y, case.h, voxel),
        "instance_count_difference": difference,
        "f1_score": f1,
    }

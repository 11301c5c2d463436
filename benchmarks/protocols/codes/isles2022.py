"""eval_utils; it speaks of np.bool and np.float, which NumPy has dropped."""

from __future__ import annotations

from typing import Any

import numpy as np

FAMILY = "lesions"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    vars(np).update(bool=bool, float=float)
    import eval_utils as e

    voxel = np.float64(np.prod(case.spacing) / 1000)
    return {
        "dice": e.compute_dice(case.y, case.h),
        "absolute_volume_difference": e.compute_absolute_volume_difference(case.y, case.h, voxel),
        "absolute_lesion_difference": e.compute_absolute_lesion_difference(case.y, case.h),
        "lesion_f1_score": e.compute_lesion_f1_score(case.y, case.h),
    }

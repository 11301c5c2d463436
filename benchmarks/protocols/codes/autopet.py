"""val_script, of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

FAMILY = "lesions"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import val_script as v

    voxel = float(np.prod(case.spacing) / 1000)
    with np.errstate(invalid="ignore"):
        dice = v.dice_score(case.y.astype(float), case.h.astype(float))
    return {
        "dice_sc": dice,
        "false_pos_vol": v.false_pos_pix(case.y, case.h) * voxel,
        "false_neg_vol": v.false_neg_pix(case.y, case.h) * voxel,
    }

"""evaluation_metrics, of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

FAMILY = "lesions"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import evaluation_metrics as e

    voxel = float(np.prod(case.spacing) / 1000)
    sides = {"prediction": case.h.astype(float), "ground_truth": case.y.astype(float)}
    return {
        "dice_sc": e.calc_dice_score(**sides),
        "false_pos_vol": e.count_false_positives(**sides) * voxel,
        "false_neg_vol": e.count_false_negatives(**sides) * voxel,
    }

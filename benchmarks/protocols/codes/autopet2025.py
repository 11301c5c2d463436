"""evaluation_metrics, a program that reads its arguments when it is imported; of arrays, after the last click."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

FAMILY = "lesions"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    arguments, sys.argv = sys.argv, ["evaluation_metrics.py", "-g", "."]
    try:
        import evaluation_metrics as e
    finally:
        sys.argv = arguments
    voxel = float(np.prod(case.spacing) / 1000)
    sides = {"prediction": case.h.astype(float), "ground_truth": case.y.astype(float)}
    return {
        "dice_final": e.dice_score(**sides),
        "fpv_final": e.false_pos_pix(**sides) * voxel,
        "fnv_final": e.false_neg_pix(**sides) * voxel,
    }

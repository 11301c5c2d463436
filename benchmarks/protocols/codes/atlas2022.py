"""isles.scoring, of a batch of one image with one channel, which it clips in place."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

FAMILY = "lesions"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from isles import scoring

    functions = {
        "Dice": scoring.dice_coef,
        "Volume Difference": scoring.volume_difference,
        "Simple Lesion Count": scoring.simple_lesion_count_difference,
        "Lesionwise F1-Score": scoring.lesion_f1_score,
    }
    truth, prediction = (labels[np.newaxis, np.newaxis].astype(np.int64) for labels in (case.y, case.h))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return {name: of(truth=truth, prediction=prediction, batchwise=True)[0] for name, of in functions.items()}

"""rand.py and voi.py as NeuronIds calls them: what the border mask, or the reference's 0, leaves out is 0 there."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

FAMILY = "neurites"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one volume; the code is of a NumPy that had np.bool, and divides by 0 where nothing counts."""
    np.bool = bool
    import rand
    import voi

    truth = np.where(case.y == 0, 0, case.y.astype(np.int64) + 1)
    found = case.h.astype(np.int64)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        split, merge = voi.voi(found, truth, ignore_groundtruth=[0]) if truth.any() else (np.nan, np.nan)
        return {"voi split": split, "voi merge": merge, "adapted RAND": rand.adapted_rand(found, truth)}

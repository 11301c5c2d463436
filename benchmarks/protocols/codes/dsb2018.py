"""matching of StarDist at ten thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

FAMILY = "objects"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from stardist_matching import matching

    thresholds = [round(0.5 + 0.05 * step, 2) for step in range(10)]
    return {
        "score": float(np.mean([matching(case.y, case.h, t).accuracy for t in thresholds])),
        "accuracy_at_half": matching(case.y, case.h, 0.5).accuracy,
    }

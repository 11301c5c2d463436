"""compute_segmentation_scores, of the arrays and the spacing that evaluator.py hands it.

surface-distance speaks of np.bool and np.Inf.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FAMILY = "lesions"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    vars(np).update(bool=bool, Inf=np.inf)
    from segmentation_metrics import compute_segmentation_scores

    y, h = (labels.transpose(2, 1, 0) for labels in (case.y, case.h))
    with np.errstate(all="ignore"):
        return dict(compute_segmentation_scores(y, h, case.spacing))

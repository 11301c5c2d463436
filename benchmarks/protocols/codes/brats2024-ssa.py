"""metrics_SSA.get_LesionWiseResults, of files; it takes NumPy 1. Of regions whose lesions touch no others there."""

from __future__ import annotations

from typing import Any

from codes.brats import lesion_wise

FAMILY = "resected brain tumours"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from metrics_SSA import get_LesionWiseResults

    return lesion_wise(case, get_LesionWiseResults, "BraTS-SSA", ("WT_", "TC_"))

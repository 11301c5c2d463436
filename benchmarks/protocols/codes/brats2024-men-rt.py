"""metrics_MEN_RT.get_LesionWiseResults, of files; it takes NumPy 1. What depends on other steps of its is left out."""

from __future__ import annotations

from typing import Any

from codes.brats import lesion_wise

FAMILY = "gross brain tumours"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from metrics_MEN_RT import get_LesionWiseResults

    return lesion_wise(case, get_LesionWiseResults, "BraTS-MEN-RT", left_out=("Score_HD95",))

"""metrics_PED.get_LesionWiseResults, of files; it takes NumPy 1. What depends on other steps of its is left out."""

from __future__ import annotations

from typing import Any

from codes.brats import lesion_wise

FAMILY = "paediatric brain tumours"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from metrics_PED import get_LesionWiseResults

    return lesion_wise(case, get_LesionWiseResults, "BraTS-PED")

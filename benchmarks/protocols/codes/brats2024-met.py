"""metrics_MET.get_LesionWiseResults, of files; it takes NumPy 1. Of regions whose lesions touch no others there."""

from __future__ import annotations

from typing import Any

from codes.brats import lesion_wise

FAMILY = "brain metastases of 1 mm³"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from metrics_MET import get_LesionWiseResults

    return lesion_wise(case, get_LesionWiseResults, "BraTS-MET", ("WT_", "TC_", "RC_"))

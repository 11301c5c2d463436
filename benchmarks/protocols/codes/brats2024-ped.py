"""metrics_PED.get_LesionWiseResults, of files; it takes NumPy 1. What depends on other steps of its is left out."""

from __future__ import annotations

from typing import Any

from codes.brats import numbers_of_files

FAMILY = "paediatric brain tumours"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from metrics_PED import get_LesionWiseResults

    found = numbers_of_files(case, lambda *files: get_LesionWiseResults(*files, "BraTS-PED")[0])
    left_out = ("Legacy", "Sensitivity", "Specificity")
    return {name: number for name, number in found.items() if not any(word in name for word in left_out)}

"""metrics_GLI.get_LesionWiseResults, of files; it takes NumPy 1. Of regions whose lesions touch no others there."""

from __future__ import annotations

from typing import Any

from codes.brats import numbers_of_files

FAMILY = "resected brain tumours"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from metrics_GLI import get_LesionWiseResults

    found = numbers_of_files(case, lambda *files: get_LesionWiseResults(*files, "BraTS-GLI")[0])
    left_out = ("Legacy", "Sensitivity", "Specificity")
    kept = ("WT_", "TC_")
    return {
        name: number
        for name, number in found.items()
        if name.startswith(kept) and not any(word in name for word in left_out)
    }

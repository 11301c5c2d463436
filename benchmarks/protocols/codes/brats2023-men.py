"""metrics.get_LesionWiseResults, of files; it takes pandas 1.3, as its requirements say."""

from __future__ import annotations

from typing import Any

from codes.brats import numbers_of_files

FAMILY = "brain tumours"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from metrics import get_LesionWiseResults

    return numbers_of_files(case, lambda *files: get_LesionWiseResults(*files, "BraTS-MEN"))

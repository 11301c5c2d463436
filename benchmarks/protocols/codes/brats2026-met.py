"""evaluate_single_exam with a bundled config, and the parser's `mets` with its defaults, of one case."""

from __future__ import annotations

from typing import Any

from codes.brats_evaluation_code import numbers_of

FAMILY = "brain metastases of 1 mm³"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    return numbers_of(case, "mets", by_volume=True)

"""evaluate_single_exam with a bundled config, and the parser's `seg`, of one case."""

from __future__ import annotations

from typing import Any

from codes.brats_evaluation_code import numbers_of

FAMILY = "paediatric brain tumours of 1 mm³"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    return numbers_of(case, "ped")

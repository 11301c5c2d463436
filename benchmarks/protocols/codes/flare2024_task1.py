"""T1_FLARE24_DSC_NSD_Eval.py, a program like that of 2022."""

from __future__ import annotations

from typing import Any

from codes.flare2022 import run

FAMILY = "one lesion"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    return run("T1_FLARE24_DSC_NSD_Eval.py", case)

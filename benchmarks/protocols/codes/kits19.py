"""starter_code.evaluation.evaluate, of arrays: its reference is what it would have loaded by the case's number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

FAMILY = "organs with and without tumours"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from starter_code import evaluation

    evaluation.load_segmentation = lambda _: SimpleNamespace(get_data=lambda: case.y)
    with np.errstate(invalid="ignore"):
        tk_dice, tu_dice = evaluation.evaluate(0, case.h)
    return {"tk_dice": tk_dice, "tu_dice": tu_dice}

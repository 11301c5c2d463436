"""compute_multiclass_dice_and_hd95 of the segmentation of all structures."""

from __future__ import annotations

from typing import Any

FAMILY = "jaws"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    import evaluation as e

    dice, hd95 = e.compute_multiclass_dice_and_hd95(case.h.transpose(2, 1, 0), case.y.transpose(2, 1, 0))
    return {"Dice Average": dice["average"], "HD95 Average": hd95["average"]}

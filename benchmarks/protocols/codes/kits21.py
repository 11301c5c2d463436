"""kits21.evaluation.metrics.compute_metrics_for_label, of each region."""

from __future__ import annotations

from typing import Any

FAMILY = "kidneys"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one case."""
    from kits21.configuration.labels import HEC_NAME_LIST, HEC_SD_TOLERANCES_MM, KITS_HEC_LABEL_MAPPING
    from kits21.evaluation.metrics import compute_metrics_for_label

    found = {}
    for name, short in zip(HEC_NAME_LIST, ("kidney", "masses", "tumor"), strict=True):
        tolerance = HEC_SD_TOLERANCES_MM[name]
        dice, distance = compute_metrics_for_label(
            case.h, case.y, KITS_HEC_LABEL_MAPPING[name], case.spacing, sd_tolerance_mm=tolerance
        )
        found |= {f"Dice_{short}": dice, f"SD_{short}": distance}
    return found

"""What a case's JSON holds beside its rows."""

from __future__ import annotations

import math
from typing import Any

from segeval.quantities import auroc_error, average_precision_error, threshold_curve
from segeval.tallies import SoftTally, Tally


def details_of(tally: Tally) -> dict[str, Any]:
    """The parts that there are, by the names of ``report.DETAILS``."""
    curves = None if tally.soft is None else threshold_curves(tally.soft)
    return {"curves": curves} if curves else {}


def threshold_curves(soft: SoftTally) -> dict[str, Any]:
    """Per target, what thresholds make of its probabilities; and how far the ranking may be off for want of cells."""
    if soft.histogram is None:
        return {}
    curve = threshold_curve(soft.histogram)
    errors = auroc_error(soft.histogram), average_precision_error(soft.histogram)
    return {
        "thresholds": curve.thresholds.tolist(),
        "targets": [
            {
                "target": target,
                "n": int(curve.n[index]),
                "reference": int(curve.reference[index]),
                "tp": curve.tp[index].tolist(),
                "fp": curve.fp[index].tolist(),
                "auroc_error": _or_null(errors[0][index]),
                "average_precision_error": _or_null(errors[1][index]),
            }
            for index, target in enumerate(soft.targets)
        ],
    }


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)

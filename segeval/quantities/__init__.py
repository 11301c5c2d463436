"""Tallies to numbers: the quantities of the definitions page, their selection and the rows made of them."""

from segeval.quantities import calibration, losses, metrics  # noqa: F401  (importing registers every quantity)
from segeval.quantities.calibration import auroc_error, average_precision_error, threshold_curve
from segeval.quantities.quantity import Quantity, all_quantities, default_quantities
from segeval.quantities.scoring import ScoringSettings, evaluated_labels, score
from segeval.quantities.selection import Selection, log_settings, records_needed, select
from segeval.quantities.summary import summarise, worst_cases

__all__ = [
    "Quantity",
    "ScoringSettings",
    "Selection",
    "all_quantities",
    "auroc_error",
    "average_precision_error",
    "default_quantities",
    "evaluated_labels",
    "log_settings",
    "records_needed",
    "score",
    "select",
    "summarise",
    "threshold_curve",
    "worst_cases",
]

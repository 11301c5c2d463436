"""Tallies to numbers: the quantities of the definitions page, their selection and the rows made of them."""

from segeval.quantities import losses, metrics  # noqa: F401  (importing registers every quantity)
from segeval.quantities.quantity import Quantity, all_quantities
from segeval.quantities.scoring import ScoringSettings, evaluated_labels, score
from segeval.quantities.selection import Selection, log_settings, select
from segeval.quantities.summary import summarise, worst_cases

__all__ = [
    "Quantity",
    "ScoringSettings",
    "Selection",
    "all_quantities",
    "evaluated_labels",
    "log_settings",
    "score",
    "select",
    "summarise",
    "worst_cases",
]

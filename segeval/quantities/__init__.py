"""Tallies to numbers: the quantities of the definitions page, their selection and the rows made of them."""

from segeval.quantities.membership import evaluated_labels, membership, targets_of
from segeval.quantities.quantity import Quantity, RecordName, all_quantities
from segeval.quantities.scoring import ScoringSettings, score
from segeval.quantities.selected import Selection, log_settings, parts_of, power_sums, records_needed
from segeval.quantities.selection import keys_named, select

__all__ = [
    "Quantity",
    "RecordName",
    "ScoringSettings",
    "Selection",
    "all_quantities",
    "evaluated_labels",
    "keys_named",
    "log_settings",
    "membership",
    "parts_of",
    "power_sums",
    "records_needed",
    "score",
    "select",
    "targets_of",
]

"""Tallies to numbers: the quantities of the definitions page, their selection and the rows made of them."""

from segeval.quantities import (  # noqa: F401  (importing registers every quantity)
    calibration,
    candidates,
    detection,
    instance,
    lesions_found,
    lesionwise,
    losses,
    map_losses,
    metrics,
    more_losses,
    partitions,
    profile,
    rates,
    reliability,
    shape,
    surface,
    topology,
)
from segeval.quantities.calibration import auroc_error, average_precision_error, threshold_curve
from segeval.quantities.membership import evaluated_labels, membership, targets_of
from segeval.quantities.quantity import Quantity, RecordName, all_quantities
from segeval.quantities.scoring import ScoringSettings, score
from segeval.quantities.selected import Selection, log_settings, parts_of, power_sums, records_needed
from segeval.quantities.selection import keys_named, select
from segeval.quantities.summary import summarise, worst_cases
from segeval.quantities.surface import hd95, nsd

__all__ = [
    "Quantity",
    "RecordName",
    "ScoringSettings",
    "Selection",
    "all_quantities",
    "auroc_error",
    "average_precision_error",
    "evaluated_labels",
    "hd95",
    "keys_named",
    "log_settings",
    "membership",
    "nsd",
    "parts_of",
    "power_sums",
    "records_needed",
    "score",
    "select",
    "summarise",
    "targets_of",
    "threshold_curve",
    "worst_cases",
]

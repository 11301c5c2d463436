"""nnU-Net v2's ``summary.json``: the same keys and the same means, for the tools that read it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from segeval.errors import UsageError
from segeval.results.report import ALL, MEAN, CaseResult, Report, Value

_QUANTITIES = {
    "Dice": "dice",
    "FN": "fn",
    "FP": "fp",
    "IoU": "iou",
    "TN": "tn",
    "TP": "tp",
    "n_pred": "pred_voxels",
    "n_ref": "ref_voxels",
}
_BACKGROUND = 0
_Metrics = dict[str, Value]


def require_nnunet_quantities(keys: Sequence[str]) -> None:
    """Raises UsageError where the report lacks what the file holds."""
    needed = list(_QUANTITIES.values())
    lacking = [key for key in needed if key not in keys]
    if lacking:
        raise UsageError(
            f"--format nnunet needs {', '.join(lacking)} too; leave --metrics out or add {','.join(needed)}"
        )


def render_nnunet(report: Report) -> str:
    """As ``compute_metrics_on_folder`` writes it: keys sorted, NaN for undefined. Raises UsageError.

    Failed cases are left out. A label that a case lacks counts as nnU-Net counts it: no voxel on either side.
    """
    require_nnunet_quantities([column.key for column in report.columns])
    cases = [case for case in report.cases if case.status != "error" and case.rows]
    found = dict.fromkeys(row.label for case in cases for row in case.rows if row.label not in (MEAN, ALL))
    per_case = [_metrics_of(case, list(found)) for case in cases]
    mean = {
        label: {name: _nanmean([metrics[label][name] for metrics in per_case]) for name in _QUANTITIES}
        for label in found
    }
    foreground = [metrics for label, metrics in mean.items() if label != _BACKGROUND]
    keys = {label: _key(label, report.settings, list(found)) for label in found}
    document = {
        "foreground_mean": {name: _mean([metrics[name] for metrics in foreground]) for name in _QUANTITIES},
        "mean": {keys[label]: metrics for label, metrics in mean.items()},
        "metric_per_case": [
            {
                "metrics": {keys[label]: values for label, values in metrics.items()},
                "prediction_file": case.prediction,
                "reference_file": case.reference,
            }
            for case, metrics in zip(cases, per_case, strict=True)
        ],
    }
    return json.dumps(document, indent=4, sort_keys=True) + "\n"


def _metrics_of(case: CaseResult, labels: Sequence[int | str]) -> dict[int | str, _Metrics]:
    rows = {row.label: row.values for row in case.rows}
    absent = _of_absent_label(case)
    return {
        label: {name: rows[label].get(key, math.nan) for name, key in _QUANTITIES.items()} if label in rows else absent
        for label in labels
    }


def _of_absent_label(case: CaseResult) -> _Metrics:
    voxels: Value = sum(count for _, _, count in case.confusion)
    for row in case.rows:
        if row.label not in (MEAN, ALL):
            voxels = sum(row.values.get(key, 0) for key in ("tp", "fp", "fn", "tn"))
            break
    return {name: math.nan if name in ("Dice", "IoU") else voxels if name == "TN" else 0 for name in _QUANTITIES}


def _nanmean(values: Sequence[Value]) -> float:
    return _mean([value for value in values if not math.isnan(value)])


def _mean(values: Sequence[Value]) -> float:
    return fmean(values) if values else math.nan


def _key(label: int | str, settings: Mapping[str, Any], labels: Sequence[int | str]) -> str:
    """A region is the tuple of its labels, in Python's words; of one label, the label."""
    if isinstance(label, int):
        return str(label)
    members = settings.get("regions", {}).get(label, "*")
    if members == "*":
        listed = settings.get("labels", "auto")
        members = [value for value in (labels if listed == "auto" else listed) if isinstance(value, int) and value]
    if not members:
        raise UsageError(f"--format nnunet: the labels of region {label!r} are not known; write {label}=1+2+3")
    return str(members[0]) if len(members) == 1 else str(tuple(sorted(members)))

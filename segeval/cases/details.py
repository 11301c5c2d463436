"""What a case's JSON holds beside its rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from segeval.quantities import RecordName, targets_of
from segeval.results.report import ERROR_PROFILE, MISSED
from segeval.tallies.detections import CaseDetections
from segeval.tallies.instances import Instance, Match, TargetInstances
from segeval.tallies.surfaces import Surfaces
from segeval.tallies.tally import SoftTally, Tally
from segeval.targets import LabelChoice, TargetKey

if TYPE_CHECKING:
    from segeval.results.documents import (
        CandidatesDocument,
        CurvesDocument,
        InstanceDocument,
        MatchDocument,
        TargetInstancesDocument,
    )


def details_of(tally: Tally, measured: Mapping[RecordName, Any], choice: LabelChoice) -> dict[str, Any]:
    """The parts that there are, by the names of ``report.DETAILS``."""
    curves = None if tally.soft is None else threshold_curves(tally.soft)
    found: dict[str, Any] = {"curves": curves} if curves else {}
    if "surfaces" in measured:
        surfaces: Surfaces = measured["surfaces"]
        each = zip(targets_of(tally, choice), surfaces.any_form, strict=True)
        found[MISSED] = [key for key, surface in each if surface.missed]
    if measured.get("profile") is not None:
        from segeval.cases.profiles import profile_document

        found[ERROR_PROFILE] = profile_document(measured["profile"])
    if tally.detections is not None:
        found["candidates"] = [_candidates(target, *cases) for target, cases in tally.detections.targets.items()]
    for name in ("instances", "lesions"):
        if name in measured:
            found[name] = [_target(target) for target in measured[name].targets if _any(target)]
    return found


def _candidates(target: TargetKey, case: CaseDetections) -> CandidatesDocument:
    pairs = [[*pair, iou] for pair, iou in zip(case.pairs.T.tolist(), case.iou.tolist(), strict=True)]
    return {"target": target, "lesions": case.lesions, "confidences": case.confidences.tolist(), "overlaps": pairs}


def threshold_curves(soft: SoftTally) -> CurvesDocument | None:
    """Per target, what thresholds make of its probabilities; and how far the ranking may be off for want of cells."""
    if soft.histogram is None:
        return None
    from segeval.quantities.calibration import auroc_error, average_precision_error, threshold_curve

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


def _any(target: TargetInstances) -> bool:
    return bool(target.matches or target.missed or target.invented or target.left_out)


def _target(target: TargetInstances) -> TargetInstancesDocument:
    found: TargetInstancesDocument = {
        "target": target.target,
        "matches": [_match(match) for match in target.matches],
        "missed": [_instance(instance) for instance in target.missed],
        "invented": [_instance(instance) for instance in target.invented],
    }
    if target.left_out:
        found["left_out"] = [_match(match) for match in target.left_out]
    return found


def _match(match: Match) -> MatchDocument:
    found: MatchDocument = {
        "reference": _instance(match.reference),
        "predictions": [_instance(instance) for instance in match.predictions],
        "iou": match.iou,
        "dice": match.dice,
    }
    if match.hd95 is not None:
        found["hd95"] = match.hd95
    return found


def _instance(instance: Instance) -> InstanceDocument:
    return {
        "id": instance.id,
        "voxels": instance.voxels,
        "box": [list(side) for side in instance.box],
        "centroid": list(instance.centroid),
    }


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)

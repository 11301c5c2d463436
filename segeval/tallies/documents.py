"""Tallies as JSON, for journals and files: what is read back adds up to the same numbers, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray

from segeval.tallies.detections import CaseDetections, Detections
from segeval.tallies.histogram import ProbabilityHistogram
from segeval.tallies.power_sums import PowerSum, Sides
from segeval.tallies.tally import Confusion, Counts, LogSums, SoftSums, SoftTally, Tally, TallyOptions
from segeval.targets import Region

_MOMENTS = ("n", "r", "p", "i", "p2", "i2")
_LOGS = ("l1", "l0", "f1", "f0")
_COUNTS = ("tp", "fp", "fn", "tn")


def tally_document(tally: Tally) -> dict[str, Any]:
    """The tally as plain dicts and lists."""
    options = asdict(tally.options)
    options["regions"] = [[region.name, _sorted(region.labels)] for region in tally.options.regions]
    return {
        "options": options,
        "confusion": None if tally.confusion is None else _confusion_document(tally.confusion),
        "soft": None if tally.soft is None else _soft_document(tally.soft),
        "detections": None if tally.detections is None else _detections_document(tally.detections),
    }


def tally_of(document: Mapping[str, Any]) -> Tally:
    """The tally that wrote this document."""
    options = dict(document["options"])
    for name in ("channels", "labels"):
        options[name] = tuple(options[name])
    options["logs"] = tuple((gamma, eta) for gamma, eta in options["logs"])
    options["powers"] = tuple((name, gamma, eta) for name, gamma, eta in options.get("powers", ()))
    options["regions"] = tuple(
        Region(name, None if labels is None else frozenset(labels)) for name, labels in options["regions"]
    )
    confusion, soft = document["confusion"], document["soft"]
    return Tally(
        TallyOptions(**options),
        None if confusion is None else _confusion_of(confusion),
        None if soft is None else _soft_of(soft),
        None if document.get("detections") is None else _detections_of(document["detections"]),
    )


def _detections_document(detections: Detections) -> dict[str, Any]:
    return {
        "count": detections.count,
        "targets": [
            [key, [[c.lesions, c.confidences.tolist(), c.pairs.tolist(), c.iou.tolist()] for c in cases]]
            for key, cases in detections.targets.items()
        ],
    }


def _detections_of(document: Mapping[str, Any]) -> Detections:
    return Detections(
        document["count"],
        {
            key: tuple(
                CaseDetections(
                    lesions,
                    np.array(confidences, dtype=np.float64),
                    np.array(pairs, dtype=np.int64).reshape(2, -1),
                    np.array(iou, dtype=np.float64),
                )
                for lesions, confidences, pairs, iou in cases
            )
            for key, cases in document["targets"]
        },
    )


def _sorted(labels: frozenset[int] | None) -> list[int] | None:
    return None if labels is None else sorted(labels)


def _confusion_document(confusion: Confusion) -> dict[str, Any]:
    return {
        "pairs": [[r, p, count] for (r, p), count in confusion.pairs.items()],
        "weights": None if confusion.weights is None else [[r, p, w] for (r, p), w in confusion.weights.items()],
        "sets": [[code, sorted(members)] for code, members in confusion.sets.items()],
    }


def _confusion_of(document: Mapping[str, Any]) -> Confusion:
    return Confusion(
        {(r, p): count for r, p, count in document["pairs"]},
        {code: frozenset(members) for code, members in document["sets"]},
        None if document.get("weights") is None else {(r, p): weight for r, p, weight in document["weights"]},
    )


def _soft_document(soft: SoftTally) -> dict[str, Any]:
    return {
        "targets": list(soft.targets),
        "counts": [getattr(soft.counts, name).tolist() for name in _COUNTS],
        "moments": [getattr(soft.sums, name).tolist() for name in _MOMENTS],
        "logs": [
            [list(setting), [getattr(sums, name).tolist() for name in _LOGS]]
            for setting, sums in soft.sums.logs.items()
        ],
        "powers": [
            [list(what), [sides.inside.tolist(), sides.outside.tolist()]] for what, sides in soft.sums.powers.items()
        ],
        "histogram": None if soft.histogram is None else _histogram_document(soft.histogram),
    }


def _soft_of(document: Mapping[str, Any]) -> SoftTally:
    tp, fp, fn, tn = (np.array(values, dtype=np.int64) for values in document["counts"])
    n, r, p, i, p2, i2 = (np.array(values, dtype=np.float64) for values in document["moments"])
    logs = {
        (gamma, eta): LogSums(*(np.array(values, dtype=np.float64) for values in sums))
        for (gamma, eta), sums in document["logs"]
    }
    powers: dict[PowerSum, Sides] = {
        (name, gamma, eta): Sides(*(np.array(values, dtype=np.float64) for values in sides))
        for (name, gamma, eta), sides in document.get("powers", ())
    }
    targets = tuple(document["targets"])
    cells = document["histogram"]
    histogram = None if cells is None else _histogram_of(cells, len(targets))
    return SoftTally(targets, Counts(tp, fp, fn, tn), SoftSums(n, r, p, i, p2, i2, logs, powers=powers), histogram)


def _histogram_document(histogram: ProbabilityHistogram) -> list[list[float]]:
    """The cells that hold something: target, cell, voxels, inside, probability."""
    return [
        [target, cell, *(array[target, cell].item() for array in _arrays(histogram))]
        for target, cell in np.argwhere(histogram.voxels).tolist()
    ]


def _histogram_of(document: Sequence[Sequence[float]], targets: int) -> ProbabilityHistogram:
    histogram = ProbabilityHistogram.empty(targets)
    for target, cell, *values in document:
        for array, value in zip(_arrays(histogram), values, strict=True):
            array[int(target), int(cell)] = value
    return histogram


def _arrays(histogram: ProbabilityHistogram) -> tuple[NDArray[Any], ...]:
    return histogram.voxels, histogram.inside, histogram.probability

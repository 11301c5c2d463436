"""Tallies as JSON, for journals and files: what is read back adds up to the same numbers, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct
from msgspec.structs import asdict
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.tallies.detections import CaseDetections, Detections
from segeval.tallies.histogram import CELLS, ProbabilityHistogram
from segeval.tallies.power_sums import PowerSum, Sides
from segeval.tallies.tally import Confusion, Counts, LogSetting, LogSums, SoftSums, SoftTally, Tally, TallyOptions
from segeval.targets import Region, TargetKey

_MOST = 2**53
"""Voxels: as many as a sum in float64 counts one by one."""

_Label = Annotated[int, Meta(ge=-(2**63))]  # msgspec states no more than 2^63 - 1, and ids without a sign reach beyond
_BEHIND_LABELS = 2**64
_Count = Annotated[int, Meta(ge=0, le=_MOST)]


class _Confusion(Struct):
    """pairs: reference value, prediction value, voxels. sets: code, its labels. weights: as pairs."""

    pairs: list[tuple[_Label, _Label, _Count]]
    sets: list[tuple[_Label, list[_Label]]]
    weights: list[tuple[_Label, _Label, float]] | None = None


class _Soft(Struct):
    """By target: counts, moments, the logarithmic and the other sums of each setting. histogram: its cells."""

    targets: list[TargetKey]
    counts: tuple[list[_Count], list[_Count], list[_Count], list[_Count]]
    moments: tuple[list[float], list[float], list[float], list[float], list[float], list[float]]
    logs: list[tuple[LogSetting, tuple[list[float], list[float], list[float], list[float]]]]
    histogram: list[tuple[_Count, _Count, _Count, _Count, float]] | None
    powers: list[tuple[PowerSum, tuple[list[float], list[float]]]] = []


class _Detections(Struct):
    """By target and case: lesions, confidences, pairs, their IoU."""

    count: _Count
    targets: list[tuple[TargetKey, list[tuple[_Count, list[float], tuple[list[_Count], list[_Count]], list[float]]]]]


class _Options(TallyOptions, frozen=True):
    """regions: name and labels, None for all."""

    regions: tuple[tuple[str, list[_Label] | None], ...] = ()  # type: ignore[assignment]


class _Document(Struct):
    """What `tally_document` writes."""

    options: _Options
    confusion: _Confusion | None
    soft: _Soft | None
    detections: _Detections | None = None


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
    """The tally that wrote this document. Raises ValueError for what none has written: types, ranges, lengths."""
    read = msgspec.convert(document, _Document)
    regions = tuple(
        Region(name, None if labels is None else frozenset(labels)) for name, labels in read.options.regions
    )
    options = TallyOptions(**{**asdict(read.options), "regions": regions})
    return Tally(
        options,
        None if read.confusion is None else _confusion_of(read.confusion),
        None if read.soft is None else _soft_of(read.soft, options),
        None if read.detections is None else _detections_of(read.detections),
    )


def _detections_document(detections: Detections) -> dict[str, Any]:
    return {
        "count": detections.count,
        "targets": [
            [key, [[c.lesions, c.confidences.tolist(), c.pairs.tolist(), c.iou.tolist()] for c in cases]]
            for key, cases in detections.targets.items()
        ],
    }


def _detections_of(read: _Detections) -> Detections:
    return Detections(read.count, {key: tuple(_case_of(*case) for case in cases) for key, cases in read.targets})


def _case_of(
    lesions: int, confidences: list[float], pairs: tuple[list[int], list[int]], iou: list[float]
) -> CaseDetections:
    return CaseDetections(
        lesions,
        _floats(confidences, len(confidences)),
        np.stack([_integers(side, len(iou)) for side in pairs]),
        _floats(iou, len(iou)),
    )


def _sorted(labels: frozenset[int] | None) -> list[int] | None:
    return None if labels is None else sorted(labels)


def _confusion_document(confusion: Confusion) -> dict[str, Any]:
    return {
        "pairs": [[r, p, count] for (r, p), count in confusion.pairs.items()],
        "weights": None if confusion.weights is None else [[r, p, w] for (r, p), w in confusion.weights.items()],
        "sets": [[code, sorted(members)] for code, members in confusion.sets.items()],
    }


def _confusion_of(read: _Confusion) -> Confusion:
    if sum(count for _, _, count in read.pairs) > _MOST:
        raise ValueError(f"more than {_MOST} voxels")
    labels = {value for pair in (*read.pairs, *(read.weights or ())) for value in pair[:2]}
    labels |= {value for code, members in read.sets for value in (code, *members)}
    if max(labels, default=0) >= _BEHIND_LABELS:
        raise ValueError("a label of more than 64 bits")
    return Confusion(
        {(r, p): count for r, p, count in read.pairs},
        {code: frozenset(members) for code, members in read.sets},
        None if read.weights is None else {(r, p): weight for r, p, weight in read.weights},
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


def _soft_of(read: _Soft, options: TallyOptions) -> SoftTally:
    size = len(read.targets)
    tp, fp, fn, tn = (_integers(values, size) for values in read.counts)
    n, r, p, i, p2, i2 = (_floats(values, size) for values in read.moments)
    logs = {setting: LogSums(*(_floats(values, size) for values in sums)) for setting, sums in read.logs}
    powers = {what: Sides(*(_floats(values, size) for values in sides)) for what, sides in read.powers}
    histogram = None if read.histogram is None else _histogram_of(read.histogram, size)
    if (set(logs), set(powers), histogram is not None) != (set(options.logs), set(options.powers), options.histogram):
        raise ValueError("sums of other options than the tally's")
    sums = SoftSums(n, r, p, i, p2, i2, logs, powers=powers)
    return SoftTally(tuple(read.targets), Counts(tp, fp, fn, tn), sums, histogram)


def _integers(values: Sequence[int], size: int) -> Integers:
    return _of_size(np.array(values, dtype=np.int64), size)


def _floats(values: Sequence[float], size: int) -> Floats:
    return _of_size(np.array(values, dtype=np.float64), size)


def _of_size(values: NDArray[Any], size: int) -> NDArray[Any]:
    if len(values) != size:
        raise ValueError(f"{len(values)} values where {size} belong")
    return values


def _histogram_document(histogram: ProbabilityHistogram) -> list[list[float]]:
    """The cells that hold something: target, cell, voxels, inside, probability."""
    return [
        [target, cell, *(array[target, cell].item() for array in _arrays(histogram))]
        for target, cell in np.argwhere(histogram.voxels).tolist()
    ]


def _histogram_of(cells: Sequence[tuple[int, int, int, int, float]], targets: int) -> ProbabilityHistogram:
    histogram = ProbabilityHistogram.empty(targets)
    for target, cell, *values in cells:
        if target >= targets or cell >= CELLS:
            raise ValueError(f"cell {cell} of target {target}, of {targets} targets with {CELLS} cells each")
        for array, value in zip(_arrays(histogram), values, strict=True):
            array[target, cell] = value
    return histogram


def _arrays(histogram: ProbabilityHistogram) -> tuple[NDArray[Any], ...]:
    return histogram.voxels, histogram.inside, histogram.probability

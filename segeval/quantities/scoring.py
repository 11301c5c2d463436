"""Tallies to rows: targets × quantities, then the rows ``mean`` and ``all``, under one rule for undefined values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.choices import EmptyPolicy
from segeval.errors import LabelError
from segeval.quantities.arithmetic import ratio
from segeval.quantities.membership import membership, one_vs_rest, targets_of
from segeval.quantities.quantity import RecordName
from segeval.quantities.selected import Selection, Sum, log_settings, parts_of, power_sums, records_needed
from segeval.quantities.weighted import weighted_counts
from segeval.results.report import ALL, MEAN, Row, Value
from segeval.tallies.partition import Partition
from segeval.tallies.tally import Confusion, Counts, SoftSums, Tally, label_map_sums
from segeval.targets import BACKGROUND, LabelChoice, TargetKey

_FILL: Mapping[str, float] = {"zero": 0.0, "one": 1.0}


class ScoringSettings(Struct, frozen=True):
    """What may change after the last voxel.

    empty: the value of the undefined overlap of a label that is absent from both volumes.
    class_weights: by label or region, for ``weighted_ce``; None means w = N / (C R).
    """

    selections: tuple[Selection, ...]
    empty: EmptyPolicy = "nan"
    class_weights: Mapping[TargetKey, float] | None = None


class _Evidence(Struct, frozen=True):
    """What was measured of every target: the classes of ``all`` (background first), then the regions.

    others: what was measured besides counts and sums, by the name that a quantity knows it by.
    """

    classes: tuple[TargetKey, ...]
    regions: tuple[TargetKey, ...]
    counts: Counts
    sums: SoftSums
    present: NDArray[np.bool_]
    label_map: bool
    others: Mapping[RecordName, Any]

    @property
    def targets(self) -> tuple[TargetKey, ...]:
        return self.classes + self.regions

    def record(self, name: RecordName) -> Any:
        """What a formula is a function of; None where it could not be measured."""
        known: Mapping[RecordName, Any] = {"counts": self.counts, "sums": self.sums}
        return known[name] if name in known else self.others.get(name)


class Scored(Struct, frozen=True):
    """rows: labels ascending, regions as given, ``mean``, ``all``. needless: quantities whose own ``empty`` replaced
    nothing, as they have a value of every label that both volumes lack.
    """

    rows: tuple[Row, ...]
    needless: tuple[str, ...]


def score(
    tally: Tally,
    choice: LabelChoice,
    settings: ScoringSettings,
    voxel_volume_mm3: float | None,
) -> tuple[Row, ...]:
    """The rows of what follows from a tally."""
    return score_measured(tally, choice, settings, voxel_volume_mm3, {}).rows


def score_measured(
    tally: Tally,
    choice: LabelChoice,
    settings: ScoringSettings,
    voxel_volume_mm3: float | None,
    measured: Mapping[RecordName, Any],
) -> Scored:
    """One case. measured: records that do not follow from the tally, of ``targets_of`` in their order."""
    evidence = _gather(tally, choice, settings, voxel_volume_mm3, measured)
    averaged = [i for i, target in enumerate(evidence.targets) if _is_averaged(target, choice)]
    of_targets = replace(settings, selections=tuple(s for s in settings.selections if not s.quantity.of_all_alone))
    with np.errstate(over="ignore", invalid="ignore"):  # a value that no float64 can hold is undefined
        parts = parts_of(of_targets.selections)
        values = {part.key: _values(part, evidence) for part in parts}
        of_parts, filled = _table(values, parts, settings, evidence)
        table = _summed(of_parts, of_targets.selections)
        beyond = {p.key: np.isinf(values[p.key]) for p in parts if p.quantity.record == "surfaces"}
        mean = _mean_row(table, filled, beyond, of_targets, evidence, averaged)
        over_all = Row(ALL, None, _over_all(evidence, settings))
    columns = {
        selection.key: (values[selection.key] if selection.quantity.is_count else column).tolist()
        for selection, column in zip(of_targets.selections, table, strict=True)
    }
    rows = [
        Row(
            target,
            choice.names.get(target) if isinstance(target, int) else None,
            {key: column[index] for key, column in columns.items()},
        )
        for index, target in enumerate(evidence.targets)
        if _has_row(target, choice)
    ]
    lacked = zip(evidence.targets, _lacked(evidence.counts), strict=True)
    absent = [index for index, (target, is_lacked) in enumerate(lacked) if is_lacked and _has_row(target, choice)]
    own = [part for part in parts if part.empty is not None and absent]
    needless = [p.key for p in own if not np.isnan(of_parts[p.key][absent]).any() and not filled[p.key][absent].any()]
    return Scored((*rows, mean, over_all), tuple(needless))


def _lacked(counts: Counts) -> NDArray[np.bool_]:
    """Which targets neither the reference has nor the prediction's label map, which of a probability map is its hard
    decision."""
    return np.asarray((counts.reference == 0) & (counts.prediction == 0))


def _gather(
    tally: Tally,
    choice: LabelChoice,
    settings: ScoringSettings,
    voxel_volume_mm3: float | None,
    others: Mapping[RecordName, Any],
) -> _Evidence:
    targets = targets_of(tally, choice)
    classes = tuple(t for t in targets if isinstance(t, int))
    regions = tuple(t for t in targets if not isinstance(t, int))
    if tally.soft is not None:
        counts, sums = tally.soft.counts, tally.soft.sums
        if tally.confusion is not None:
            counts = one_vs_rest(tally.confusion, tally.options.labels, choice.regions)
        present = np.ones(len(targets), dtype=bool)
        label_map = tally.confusion is not None and not tally.confusion.overlapping
        others = {**others, "histogram": tally.soft.histogram}
    else:
        confusion = tally.confusion or Confusion()
        counts = one_vs_rest(confusion, classes[1:], choice.regions)
        weighted = counts
        if confusion.weights is not None:
            belongs = membership(confusion, classes[1:], choice.regions)
            weighted = weighted_counts(confusion.weights, belongs, len(targets))
        sums = label_map_sums(weighted, log_settings(settings.selections), power_sums(settings.selections))
        present = ~_lacked(counts)
        label_map = not confusion.overlapping
    if tally.confusion is not None and "partition" in records_needed(settings.selections):
        others = {**others, "partition": Partition.of(tally.confusion)}
    if tally.detections is not None:
        detected = tuple(None if target == BACKGROUND else tally.detections.cases(target) for target in targets)
        others = {**others, "detections": detected}
    volume = math.nan if voxel_volume_mm3 is None else voxel_volume_mm3 / 1000
    counts = replace(counts, voxel_volume_ml=volume)
    sums = replace(sums, classes=len(classes), class_weights=_weights(settings, classes + regions))
    return _Evidence(classes, regions, counts, sums, present, label_map, others)


def _weights(settings: ScoringSettings, targets: Sequence[TargetKey]) -> NDArray[np.float64] | None:
    if settings.class_weights is None:
        return None
    missing = [target for target in targets if isinstance(target, int) and target not in settings.class_weights]
    if missing and any(part.quantity.name == "weighted_ce" for part in parts_of(settings.selections)):
        raise LabelError(
            f"--class-weights: there is none for label {', '.join(map(str, missing[:10]))}; give every label a weight, "
            "the background (0) included"
        )
    return np.array([settings.class_weights.get(target, math.nan) for target in targets])


def _has_row(target: TargetKey, choice: LabelChoice) -> bool:
    if isinstance(target, str):
        return True
    return not choice.regions_only and (target != BACKGROUND or choice.background)


def _is_averaged(target: TargetKey, choice: LabelChoice) -> bool:
    if choice.regions_only:
        return isinstance(target, str)
    return isinstance(target, int) and target != BACKGROUND


def _values(selection: Selection, evidence: _Evidence) -> NDArray[Any]:
    """One quantity of every target, as its formula gives it."""
    record = evidence.record(selection.quantity.record)
    if record is None:
        return np.full(len(evidence.targets), np.nan)
    return selection.quantity.formula(record, **selection.settings)


def _table(
    values: Mapping[str, NDArray[Any]], parts: Sequence[Selection], settings: ScoringSettings, evidence: _Evidence
) -> tuple[dict[str, Floats], dict[str, NDArray[np.bool_]]]:
    """Each quantity of every target, float64 (targets,): NaN where undefined, or what ``--empty`` says; and where."""
    quantities = [part.quantity for part in parts]
    table = np.array([values[part.key] for part in parts], dtype=np.float64)
    table = table.reshape(len(quantities), len(evidence.targets))
    is_count = np.array([quantity.is_count for quantity in quantities], dtype=bool)[:, np.newaxis]
    weightless = np.array([q.record == "sums" for q in quantities], dtype=bool)[:, np.newaxis] & (evidence.sums.n == 0)
    table[~(is_count | (np.isfinite(table) & (evidence.counts.n != 0) & ~weightless))] = np.nan
    table += 0.0  # turns -0.0 into 0.0
    fills = [None if evidence.record(p.quantity.record) is None else _fill(p, settings) for p in parts]
    filled = np.array([fill is not None for fill in fills], dtype=bool)[:, np.newaxis] & _lacked(evidence.counts)
    filled = filled & np.isnan(table)
    for fill, row, where in zip(fills, table, filled, strict=True):
        row[where] = fill
    keys = [part.key for part in parts]
    return dict(zip(keys, table, strict=True)), dict(zip(keys, filled, strict=True))


def _fill(part: Selection, settings: ScoringSettings) -> float | None:
    """What stands for its undefined value of a label that both volumes lack: what it says of itself comes first."""
    if part.empty is not None:
        return part.empty
    return _FILL.get(settings.empty) if part.quantity.fills_empty else None


def _summed(table: Mapping[str, Floats], selections: Sequence[Selection]) -> list[Floats]:
    """The rows of the selections; a sum is undefined where a term is."""
    return [
        _sum(selection, {part.key: table[part.key] for part in selection.parts})
        if isinstance(selection, Sum)
        else table[selection.key]
        for selection in selections
    ]


def _sum(of: Sum, values: Mapping[str, Any]) -> Any:
    return of.constant + sum(factor * values[term.key] for factor, term in of.terms) + 0.0


def _mean_row(
    rows: Sequence[Floats],
    filled: Mapping[str, NDArray[np.bool_]],
    beyond: Mapping[str, NDArray[np.bool_]],
    settings: ScoringSettings,
    evidence: _Evidence,
    averaged: list[int],
) -> Row:
    """Means over the labels present in at least one volume, of the values that are defined, and what was filled in for
    the absent ones. beyond: where a distance is larger than was measured, which no mean may leave out."""
    quantities = [selection.quantity for selection in settings.selections]
    table = np.array(rows).reshape(len(quantities), len(evidence.targets))
    keys = [selection.key for selection in settings.selections]
    occurring = np.array([i for i in averaged if evidence.present[i]], dtype=np.intp)
    in_reference = occurring[evidence.counts.reference[occurring] > 0]
    undefined = np.isnan(table)
    taken = np.zeros(table.shape, dtype=bool)
    taken[:, occurring] = True
    for selection, row in zip(settings.selections, taken, strict=True):
        for part in selection.parts:
            row[averaged] |= filled[part.key][averaged]
    taken &= ~undefined
    n = taken.sum(axis=1)
    needs_every_value = np.array([quantity.needs_every_value for quantity in quantities], dtype=bool)
    hides_a_miss = needs_every_value & undefined[:, in_reference].any(axis=1)
    too_far = [
        any(beyond[part.key][averaged].any() for part in selection.parts if part.key in beyond)
        for selection in settings.selections
    ]
    hides_a_miss |= np.array(too_far, dtype=bool)
    means = ratio(np.where(taken, table, 0.0).sum(axis=1), np.where(hides_a_miss, 0, n))
    values: dict[str, Value] = dict(zip(keys, means.tolist(), strict=True))
    return Row(MEAN, None, values, dict(zip(keys, n.tolist(), strict=True)), len(occurring))


def _over_all(evidence: _Evidence, settings: ScoringSettings) -> dict[str, Value]:
    """The labels taken together, background included, for the quantities that are defined so."""
    classes = list(range(len(evidence.classes)))
    if not classes:  # a region-trained map knows no plain label
        return {}
    counts, sums = evidence.counts[classes], evidence.sums[classes]
    if evidence.classes[0] != BACKGROUND:  # independent channels without one for the background
        counts = counts.with_empty_background()
    nothing = {"sums": not evidence.sums.n[0]}
    values: dict[str, Value] = {}
    for selection in settings.selections:
        quantity = selection.quantity
        if quantity.over_all is None or not (evidence.label_map or quantity.without_label_map):
            continue
        of_parts: dict[str, float] = {}
        for part in selection.parts:
            record = {"counts": counts, "sums": sums}.get(part.quantity.record) or evidence.record(part.quantity.record)
            if part.quantity.over_all is not None:  # as of every part, where the sum has it
                empty = record is None or nothing.get(part.quantity.record, not evidence.counts.n[0])
                of_parts[part.key] = math.nan if empty else part.quantity.over_all(record, **part.settings)
        value = _sum(selection, of_parts) if isinstance(selection, Sum) else of_parts[selection.key]
        values[selection.key] = value + 0.0 if math.isfinite(value) else math.nan
    return values

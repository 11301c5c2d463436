"""Two open volumes on one grid to a tally: which kind the prediction is of, and what that asks of its values."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from segeval.cases.channels import tally_options
from segeval.cases.counting import LabelResult, SoftResult, count_labels, count_probabilities, count_undecided
from segeval.cases.needs import channel_state, held_maps, require_room
from segeval.cases.pair import Evaluated, Pair
from segeval.cases.parts import PartResult, Parts, count_label_parts, count_soft_parts
from segeval.cases.remarks import label_remarks, require_known_reference_labels
from segeval.choices import Kind
from segeval.errors import LabelError, UsageError
from segeval.kernels import ValuesSeen
from segeval.quantities import log_settings, power_sums
from segeval.tallies.tally import Confusion, Sets, Tally, TallyOptions
from segeval.targets import BACKGROUND
from segeval.volumes.values import LabelSource, Rounding
from segeval.volumes.volume import VoxelSource

_OVERSHOOT = 1e-3  # outside [0, 1]; clipped
_SILENT_OVERSHOOT = 1e-6
_SUM_ERROR = 1e-2
NO_LABELS = "export it as integers; the prediction alone may be a probability map, by --kind probabilities"


def evaluate_pair(pair: Pair, kind: Kind | None) -> Evaluated:
    """Count a pair. ``kind``: what the option or the header settled. Raises LabelError."""
    kind = settled_kind(pair, kind)
    if "topology" in pair.settings.records:
        from segeval.cases.boxed import require_library

        require_library(pair.settings.selections)
    if pair.settings.records & {"maps", "detections"} and pair.kept is None:
        return _evaluate_and_keep(pair, kind)
    if kind == "labels":
        return _evaluate_labels(pair)
    if kind == "probabilities":
        return _evaluate_probabilities(pair)
    return _evaluate_undecided(pair)


def settled_kind(pair: Pair, kind: Kind | None) -> Kind | None:
    """The kind, as far as it is known before the values are."""
    if kind is None and pair.prediction.dtype.kind in "biu":
        return "labels"
    if kind is None and "detections" in pair.settings.records and pair.prediction.channels == 1:
        return "probabilities"  # one without a candidate holds zeros, as a label map does
    return kind


def one_part(pair: Pair, kind: Kind | None, number: int) -> PartResult:
    """What counting this part gives. Raises LabelError."""
    if pair.parts is None or number >= len(pair.parts.groups):
        raise LabelError(f"{pair.prediction_name} and {pair.reference_name}: changed while they were read; score again")
    alone = Parts(pair.parts.groups[number : number + 1])
    return count_label_parts(pair, alone) if kind == "labels" else count_soft_parts(pair, alone, _options(pair))


def _evaluate_and_keep(pair: Pair, kind: Kind | None) -> Evaluated:
    from segeval.cases.kept import KeptPair

    if pair.weights is not None and "maps" in pair.settings.records:
        raise UsageError("--weights: weighs sums over the voxels; leave map_losses out of --metrics")
    kept = KeptPair.of(pair.prediction, pair.reference, pair.sets)
    evaluated = evaluate_pair(replace(pair, prediction=kept.prediction, reference=kept.reference, kept=kept), kind)
    if "detections" in pair.settings.records:
        from segeval.cases.detecting import detections_of

        found = detections_of(pair.prediction_name, kept, evaluated.tally, pair.settings)
        evaluated.tally = replace(evaluated.tally, detections=found)
    if "maps" in pair.settings.records:
        evaluated.kept = kept
    return evaluated


def integral(source: VoxelSource) -> tuple[VoxelSource, Rounding | None]:
    """The source as labels, and the rounding to ask afterwards where it holds floats."""
    if source.dtype.kind in "biu":
        return source, None
    rounding = Rounding(source.shape)
    return LabelSource(source, rounding), rounding


def inferred_kind(name: str, source: VoxelSource) -> tuple[Kind, list[str]]:
    """The kind of a volume that is in memory, by its values: labels where all are integers."""
    rounding = Rounding(source.shape)
    for piece in source.pieces(0):
        rounding.round(piece)
    kind: Kind = "probabilities" if rounding.fractional else "labels"
    return kind, [_inferred_remark(name, kind)]


def _evaluate_labels(pair: Pair) -> Evaluated:
    if pair.prediction.channels > 1:
        raise LabelError(pair.advice.words(pair.prediction_name, pair.prediction.channels))
    prediction, rounding = integral(pair.prediction)
    if pair.parts is not None and rounding is None:
        require_room(pair)
        return _judge_labels(pair, count_label_parts(pair, pair.parts), None)
    require_room(pair, held_maps(pair))
    counted = count_labels(pair.backend, prediction, pair.reference, pair.settings.labels.ignore, pair.weights)
    return _judge_labels(pair, counted, rounding)


def _evaluate_probabilities(pair: Pair) -> Evaluated:
    try:
        options = _options(pair)
    except LabelError as problem:
        raise (_series_error(pair, problem) if pair.may_be_a_series else problem) from None
    if pair.settings.holds_label_maps and not pair.may_be_a_series:  # whose values say more
        from segeval.cases.measuring import require_label_map

        require_label_map(options, pair.prediction_name)
    require_room(pair, *([held_maps(pair)] if pair.parts is None else []), channel_state(pair, options))
    if pair.parts is not None:
        return _judge_probabilities(pair, count_soft_parts(pair, pair.parts, options))
    result = count_probabilities(pair.backend, pair.prediction, pair.reference, options, pair.sets, pair.weights)
    return _judge_probabilities(pair, result)


def _series_error(pair: Pair, problem: LabelError | None = None) -> LabelError:
    """Of several channels of integers that are no probabilities. problem: why not, where the values do not say it."""
    why_not = "" if problem is None else f" (as a probability map: {problem})"
    words = pair.advice.words(pair.prediction_name, pair.prediction.channels)
    return LabelError(f"{words}; {pair.advice.otherwise}{why_not}")


def _evaluate_undecided(pair: Pair) -> Evaluated:
    """A single map of floats: the values decide."""
    try:
        options = _options(pair)
    except LabelError as no_map:  # the labels asked for cannot be those of a single probability map
        try:
            return _inferred(pair, _evaluate_labels(pair))
        except LabelError as no_labels:
            raise LabelError(f"{no_labels} (as a probability map: {no_map})") from None
    require_room(pair, held_maps(pair, 2))  # as labels and as probabilities
    labels, soft, rounding = count_undecided(
        pair.backend, pair.prediction, pair.reference, options, pair.sets, pair.weights
    )
    name = pair.prediction_name
    if labels is not None:
        return _inferred(pair, _judge_labels(pair, labels, rounding))
    if soft is None:
        rounding.require_labels(name, NO_LABELS)
        raise AssertionError("a map that is no label map has a first fractional voxel")
    if not soft.seen.not_finite and _overshoot(soft.seen) > _OVERSHOOT and rounding.first is not None:
        value, place = rounding.first
        raise LabelError(
            f"{name}: is no label map (the voxel at {place} holds {value:.9g}) "
            f"and no probability map (its values reach from {soft.seen.low:.6g} to {soft.seen.high:.6g}); say "
            "which with --kind, and for probabilities --activation, --scale or --clip"
        )
    return _inferred(pair, _judge_probabilities(pair, soft))


def _inferred(pair: Pair, evaluated: Evaluated) -> Evaluated:
    evaluated.remarks.insert(0, _inferred_remark(pair.prediction_name, evaluated.kind))
    return evaluated


def _inferred_remark(name: str, kind: Kind) -> str:
    words = {"labels": "a label map", "probabilities": "a probability map"}[kind]
    return f"{name}: taken for {words}, by its values; --kind settles it"


def _options(pair: Pair) -> TallyOptions:
    settings = pair.settings
    options = tally_options(
        pair.prediction_name,
        pair.prediction.channels,
        settings.labels,
        independent=settings.channels == "independent",
        threshold=settings.threshold,
        logs=log_settings(settings.selections),
        powers=power_sums(settings.selections),
        histogram="histogram" in settings.records,
    )
    return replace(options, weighted=pair.weights is not None)


def _judge_labels(pair: Pair, counted: LabelResult, rounding: Rounding | None) -> Evaluated:
    """Raises LabelError where the prediction's floats were no labels."""
    name, choice = pair.prediction_name, pair.settings.labels
    remarks = [] if rounding is None else rounding.require_labels(name, NO_LABELS)
    confusion = _with_sets(counted.confusion, pair.sets)
    remarks += label_remarks(confusion, choice, name, pair.reference_name)
    tally = Tally(TallyOptions(ignore=choice.ignore, weighted=pair.weights is not None), confusion)
    return Evaluated(tally, "labels", remarks, counted.held, profile=counted.profile, regions=counted.regions)


def _with_sets(confusion: Confusion, sets: Sets) -> Confusion:
    """The confusion, knowing the labels behind the codes that occur in it."""
    met = {value for pair in confusion.pairs for value in pair}
    return replace(confusion, sets={code: members for code, members in sets.items() if code in met})


def _of_reference(counts: Mapping[int, int], sets: Sets) -> Confusion:
    """The reference's voxels as a confusion against nothing."""
    return _with_sets(Confusion({(label, BACKGROUND): count for label, count in counts.items()}), sets)


def _judge_probabilities(pair: Pair, result: SoftResult) -> Evaluated:
    """Whether the values were probabilities at all, and what they say about the labels. Raises LabelError."""
    settings, name = pair.settings, pair.prediction_name
    options, tally = result.tally.options, result.tally
    off = result.seen.sum_error if len(options.channels) > 1 and not options.independent else 0.0
    if pair.may_be_a_series and (_overshoot(result.seen) > _OVERSHOOT or off > _SUM_ERROR):
        raise _series_error(pair)
    remarks = _value_remarks(pair, result.seen)
    if tally.confusion is not None:
        tally = replace(tally, confusion=_with_sets(tally.confusion, pair.sets))
    if off > _SUM_ERROR:
        raise LabelError(
            f"{name}: the channels of a voxel do not sum to 1 (off by up to {off:.4g}); give --activation softmax for "
            "logits, --channels independent for separate sigmoid maps, or, of a series of label maps, "
            f"{pair.advice.pick}"
        )
    if options.any_foreground:
        tally = tally.with_foreground(_only_label(pair, result.reference_counts))
    elif settings.labels.values is None:
        plain = [key for key in options.channels if isinstance(key, int)]
        require_known_reference_labels(result.reference_counts, plain, name, pair.reference_name)
    in_reference = _of_reference(result.reference_counts, pair.sets)
    remarks += label_remarks(in_reference, settings.labels, name, pair.reference_name, sides=(False, True))
    return Evaluated(tally, "probabilities", remarks, result.held, profile=result.profile, regions=result.regions)


def _value_remarks(pair: Pair, seen: ValuesSeen) -> list[str]:
    """Raises LabelError for values that are no probabilities."""
    name = pair.prediction_name
    span = f"{seen.low:.6g} to {seen.high:.6g}"
    if seen.not_finite:
        raise LabelError(
            f"{name}: {seen.not_finite} value(s) are NaN or infinite (the others reach from {span}); "
            "replace them before scoring"
        )
    overshoot = _overshoot(seen)
    if overshoot > _OVERSHOOT and not pair.settings.clip:
        series = f", of a series of label maps, {pair.advice.pick}"
        labels = " --kind labels" if pair.prediction.channels == 1 else series
        raise LabelError(
            f"{name}: values reach from {span}, probabilities lie in 0 to 1; give --activation softmax or sigmoid for "
            f"logits, --scale 255 for stored integers, --clip for a map that overshoots, or{labels}"
        )
    if overshoot > _SILENT_OVERSHOOT:
        return [f"{name}: values from {span} were clipped to 0 to 1"]
    return []


def _overshoot(seen: ValuesSeen) -> float:
    return max(-seen.low, seen.high - 1, 0.0)


def _only_label(pair: Pair, counts: Mapping[int, int]) -> int:
    """The label of a single foreground map: the only non-zero value of the reference, else 1."""
    labels = sorted(label for label in counts if label != BACKGROUND)
    if len(labels) > 1:
        raise LabelError(
            f"{pair.prediction_name}: is a single foreground map, but the reference {pair.reference_name} holds "
            f"{len(labels)} labels ({', '.join(map(str, labels[:10]))}); say which one it shows with --labels"
        )
    return labels[0] if labels else 1

"""What the user should know about the labels of a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from segeval.errors import LabelError
from segeval.quantities import parts_of
from segeval.settings import Settings
from segeval.tallies.tally import Confusion
from segeval.targets import BACKGROUND, LabelChoice
from segeval.words.lists import named

_SHOWN = 10
_SUSPICIOUS = 100  # labels that the reference lacks
_BYTE = 255


def label_remarks(
    confusion: Confusion, choice: LabelChoice, prediction: str, reference: str, sides: tuple[bool, bool] = (True, True)
) -> list[str]:
    """Labels outside the list with their voxels; without a list, labels found in one volume only.

    sides: whether the prediction's and the reference's labels count (a probability map has channels instead).
    """
    in_reference, in_prediction = voxels_by_label(confusion, 0), voxels_by_label(confusion, 1)
    if not sum(confusion.pairs.values()):
        why = "it has none" if choice.ignore is None else f"every voxel has the ignore label {choice.ignore}"
        return [f"{reference}: no voxel was evaluated: {why}"]
    found = [
        (name, labels)
        for name, labels, counts in ((prediction, in_prediction, sides[0]), (reference, in_reference, sides[1]))
        if counts
    ]
    if choice.values is not None:
        listed = {BACKGROUND, choice.ignore, *choice.values}
        listed |= {label for region in choice.regions for label in region.labels or ()}
        return [remark for name, labels in found for remark in _unlisted(name, labels, listed)]
    if not all(sides):
        return []
    nothing = {BACKGROUND, choice.ignore}
    only_prediction = set(in_prediction) - set(in_reference) - nothing
    only_reference = set(in_reference) - set(in_prediction) - nothing
    remarks = [
        f"{name}: {len(labels)} label(s) only in the {side}: {named(sorted(labels))}"
        for name, side, labels in (
            (prediction, "prediction", only_prediction),
            (reference, "reference", only_reference),
        )
        if labels
    ]
    if len(only_prediction) > _SUSPICIOUS and max(in_prediction) <= _BYTE:
        remarks.append(f"{prediction}: is it a probability map stored as integers? --scale {_BYTE} reads it as one")
    return remarks


def voxels_by_label(confusion: Confusion, side: int) -> dict[int, int]:
    """Voxels of each label in the reference (side 0) or the prediction (side 1)."""
    voxels: dict[int, int] = {}
    for pair, count in confusion.pairs.items():
        for label in confusion.members(pair[side]):
            voxels[label] = voxels.get(label, 0) + count
    return voxels


def require_known_reference_labels(
    counts: Mapping[int, int], channels: Iterable[int], prediction: str, reference: str
) -> None:
    """Raises LabelError where the reference holds a label that has no channel, and no list of labels was given."""
    known = sorted(channels)
    unknown = {label: count for label, count in counts.items() if label not in known and label != BACKGROUND}
    if unknown:
        held = ", ".join(f"{label} ({count} voxels)" for label, count in sorted(unknown.items())[:_SHOWN])
        raise LabelError(
            f"{reference}: holds label {held}, but {prediction} has channels for {named(known)} only; give --labels "
            "to count other labels as background, or a label file that names the channels"
        )


def unweighted_regions(settings: Settings) -> list[str]:
    """Regions that ``--class-weights`` names no weight of, whose ``weighted_ce`` is undefined then."""
    weights = settings.class_weights
    if weights is None or not any(part.quantity.name == "weighted_ce" for part in parts_of(settings.selections)):
        return []
    without = [region.name for region in settings.labels.regions if region.name not in weights]
    if not without:
        return []
    return [
        f"--class-weights: there is none for region {named(without)}, so that its weighted_ce is undefined; "
        f"{without[0]}=1 would give it one"
    ]


def needless_empties(keys: Iterable[str]) -> list[str]:
    """What was said of labels that both volumes lack, of quantities that have a value there."""
    return [
        f"--metrics {key}: empty changes nothing here, as {key.partition(':')[0]} is defined where both volumes lack a "
        "label; leave it out"
        for key in keys
    ]


def _unlisted(name: str, labels: Mapping[int, int], listed: Iterable[int | None]) -> list[str]:
    known = set(listed)
    outside = [f"{label} ({count} voxels)" for label, count in sorted(labels.items()) if label not in known]
    if not outside:
        return []
    return [f"{name}: not in the list of labels, counted as background: {named(outside)}"]

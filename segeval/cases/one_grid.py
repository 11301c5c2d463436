"""Prediction and reference on the reference's grid, as labels or probabilities as far as that is known."""

from __future__ import annotations

from msgspec.structs import replace

from segeval.cases.evaluation import NO_LABELS, inferred_kind, integral
from segeval.choices import Kind
from segeval.errors import GeometryError
from segeval.settings import Settings
from segeval.volumes.alignment import align
from segeval.volumes.values import Rounding, held, probabilities
from segeval.volumes.volume import Volume
from segeval.words.printable import shortened


def on_one_grid(
    prediction: Volume, reference: Volume, settings: Settings, checks: list[tuple[str, Rounding]]
) -> tuple[Volume, Volume, Kind | None, list[str]]:
    """Both on the reference's grid, the prediction's kind as far as it is known before its values are, and remarks.

    checks: gets what rounds stored floats to labels. Raises GeometryError, NotEnoughMemory.
    """
    if prediction.grayordinates is not None or reference.grayordinates is not None:
        _require_the_same_grayordinates(prediction, reference, settings)
    placed: list[str] = []
    if prediction.on is not None or reference.on is not None:
        from segeval.cases.crops import without_crops

        prediction, reference, placed = without_crops(prediction, reference, settings.geometry, settings.tolerance)
    reference = _as_labels(reference, checks)
    prediction, kind, remarks = _as_its_kind(prediction, settings, checks)
    aligned, target, moved = align(
        prediction,
        reference,
        settings.geometry,
        settings.tolerance,
        labels=kind == "labels",
        outside=_outside(prediction, settings),
    )
    return aligned, target, kind, placed + remarks + moved


def _require_the_same_grayordinates(prediction: Volume, reference: Volume, settings: Settings) -> None:
    """Raises GeometryError where they differ, and where it matters which of them are neighbours, which nothing says."""
    ours, theirs = prediction.grayordinates, reference.grayordinates
    if settings.geometry != "ignore" and ours is not None and theirs is not None and ours != theirs:
        raise GeometryError(
            f"{prediction.name}: is of other grayordinates ({shortened(ours, 300)}) than the reference "
            f"{reference.name} ({shortened(theirs, 300)}); bring both to one set of brain models, as by wb_command "
            "-cifti-resample"
        )
    if settings.asks_for_places:
        name = reference.name if ours is None else prediction.name
        raise GeometryError(
            f"{name}: is CIFTI, whose grayordinates lie in no grid, so that distances, instances, topology, profiles "
            "and losses of whole maps are not known; leave these quantities out of --metrics"
        )


def _as_labels(volume: Volume, checks: list[tuple[str, Rounding]]) -> Volume:
    """The volume as a label map; whether its floats were labels is known once they were read."""
    source, rounding = integral(volume.source)
    if rounding is not None:
        checks.append((volume.name, rounding))
    return replace(volume, source=source)


def _as_its_kind(
    volume: Volume, settings: Settings, checks: list[tuple[str, Rounding]]
) -> tuple[Volume, Kind | None, list[str]]:
    """The prediction as labels or probabilities where option or header settle it; else as it is, for the values to
    decide on the way. Before resampling they must have decided, so the volume is then read first."""
    kind = settings.kind or ("probabilities" if settings.speaks_of_probabilities else volume.kind)
    remarks: list[str] = []
    if kind is None and settings.geometry == "resample":
        volume = replace(volume, source=held(volume.name, volume.source))
        kind, remarks = inferred_kind(volume.name, volume.source)
    if kind == "labels" and volume.source.channels == 1:
        volume = _as_labels(volume, checks)
    if kind == "probabilities":
        volume = replace(volume, source=probabilities(volume.name, volume.source, settings.scale, settings.activation))
    return volume, kind, remarks


def require_integers(checks: list[tuple[str, Rounding]]) -> list[str]:
    """Remarks on stored floats that were rounded, once they were read. Raises LabelError."""
    return [remark for name, rounding in checks for remark in rounding.require_labels(name, NO_LABELS)]


def _outside(prediction: Volume, settings: Settings) -> float:
    """The value of channel 0 outside the field of view: 1 where it is the background's."""
    count, choice = prediction.source.channels, settings.labels
    if count == 1 or (choice.regions_only and count == len(choice.regions)):
        return 0.0
    only_foreground = choice.from_file and settings.channels == "independent" and count == len(choice.values or ())
    return 0.0 if only_foreground else 1.0

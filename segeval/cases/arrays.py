"""One pair of arrays in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Unpack

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.cases.array_inputs import array_of, in_host_memory
from segeval.cases.case import confusion_entries, rows_and_details
from segeval.cases.evaluation import NO_LABELS, evaluate_pair, integral
from segeval.cases.label_borders import without_borders
from segeval.cases.labelled_slices import refuse_probabilities, sources_in_labelled_slices
from segeval.cases.pair import Evaluated, Pair
from segeval.cases.series import SeriesAdvice
from segeval.cases.voxels_that_count import IN_MEMORY, counted
from segeval.choices import Kind
from segeval.errors import GeometryError, LabelError, UsageError
from segeval.kernels import choose_backend
from segeval.results.report import CaseResult, Report
from segeval.settings import ArrayOptions, Settings, settings_of
from segeval.settings.asking import spelt_out
from segeval.settings.typed import typed
from segeval.volumes.geometry import LEAST_MM, MOST_MM, Geometry, measurable
from segeval.volumes.values import probabilities
from segeval.volumes.volume import ArraySource, VoxelSource
from segeval.words.printable import shortened

_ADVICE = SeriesAdvice("give one of them", "class probabilities are floats, or take kind='probabilities'")


@spelt_out(files=False)
def evaluate_arrays(
    prediction: Any,
    reference: Any,
    *,
    class_axis: int = 0,
    voxel_volume_mm3: float | None = None,
    spacing: Sequence[float] | None = None,
    mask: Any = None,
    weights: Any = None,
    **options: Unpack[ArrayOptions],
) -> Report:
    """Score a prediction that is in memory against a reference of integer labels.

    prediction: a label map of the reference's shape; a single foreground probability map of that shape; or class
        probabilities with one more axis, ``class_axis``.
    labels: label values, or name → value. regions: name → label values, or ``"*"`` for every non-zero label.
    metrics: as on the command line, ``"dice,focal:gamma=3"``, or a list of such; ``"all"``; None for the default.
    spacing: distance of neighbouring voxels along each axis of the reference, in mm, for distances and volumes.
    voxel_volume_mm3: for the volumes in ml, where there is no spacing.
    mask: an array of the reference's shape; only voxels where it is not 0 count.
    weights: an array of that shape: what each voxel's terms in the sums of losses are multiplied by, at least 0.
    Every other option is the command line's. backend: arrays on a CUDA device (CuPy's, and whatever else has a
        ``__cuda_array_interface__``) are counted there in any case and never copied to the host; where only one of the
        two lies there, the other one is copied to it piece by piece.
    Raises LabelError, GeometryError (shapes that differ), NotEnoughMemory, UsageError.
    """
    counted = count_arrays(
        prediction,
        reference,
        options,
        class_axis=class_axis,
        voxel_volume_mm3=voxel_volume_mm3,
        spacing=spacing,
        mask=mask,
        weights=weights,
    )
    evaluated, settings = counted.evaluated, counted.settings
    rows, details, measured = rows_and_details(
        evaluated, counted.geometry, counted.voxel_volume_mm3, settings, "the prediction"
    )
    remarks = counted.chosen + measured + evaluated.remarks + counted.rounded
    case = CaseResult(
        case="arrays",
        prediction=None,
        reference=None,
        rows=rows,
        confusion=confusion_entries(evaluated.tally.confusion),
        remarks=tuple(remarks),
        kind=evaluated.kind,
        details=details,
    )
    columns = tuple(selection.column for selection in settings.selections)
    return Report(settings.signature(evaluated.kind), settings.document(), columns, (case,))


class CountedArrays(Struct, frozen=True):
    """What counting a pair of arrays gave. chosen: remarks on the backend; rounded: on labels that are floats."""

    evaluated: Evaluated
    settings: Settings
    geometry: Geometry | None
    voxel_volume_mm3: float | None
    chosen: list[str]
    rounded: list[str]


def count_arrays(
    prediction: Any,
    reference: Any,
    options: Mapping[str, Any],
    *,
    class_axis: int = 0,
    voxel_volume_mm3: float | None = None,
    spacing: Sequence[float] | None = None,
    mask: Any = None,
    weights: Any = None,
) -> CountedArrays:
    """Everything of `evaluate_arrays` that looks at voxels. Raises what it does."""
    beside = {n: in_host_memory(n, given) for n, given in (("mask", mask), ("weights", weights)) if given is not None}
    settings = settings_of(
        options, files=False, geometry="ignore", class_axis=class_axis or None, **dict.fromkeys(beside, IN_MEMORY)
    )
    class_axis = typed("class_axis", class_axis, int)
    voxel_volume_mm3 = typed("voxel_volume_mm3", voxel_volume_mm3, float | None)
    if voxel_volume_mm3 is not None and not (math.isfinite(voxel_volume_mm3) and voxel_volume_mm3 > 0):
        raise UsageError(f"voxel_volume_mm3={voxel_volume_mm3!r}: give a volume above 0 in mm³, or None")
    ours, theirs = array_of("prediction", prediction), array_of("reference", reference)
    geometry = _geometry(spacing, theirs.shape)
    if geometry is not None:
        voxel_volume_mm3 = geometry.voxel_volume_mm3
    device = _device_of(ours, theirs)
    if device is not None and (settings.holds_label_maps or settings.records & {"histogram", "profile", "maps"}):
        raise UsageError(
            "surfaces, instances, calibration, profiles and losses of whole maps are measured on the processor; give "
            "arrays in its memory"
        )
    if device is not None and (beside or {settings.within, settings.slices_of, settings.border_mm} != {None}):
        raise UsageError(
            "masks, weights, slices of labels and borders are applied on the processor; give arrays in its memory"
        )
    if device is not None:
        settings = replace(settings, backend="cupy")
    channels = _channels_first(ours, theirs, class_axis)
    kind = settings.kind
    if kind is None and (settings.speaks_of_probabilities or ours.ndim > theirs.ndim):
        kind = "probabilities"
    alike = all(given.shape == theirs.shape for given in beside.values())
    if alike and _may_be_turned(ours, theirs, kind, settings):
        channels, theirs = channels.transpose(0, *range(theirs.ndim, 0, -1)), theirs.T
        beside = {name: given.T for name, given in beside.items()}
    with nullcontext() if device is None else device:
        whole, rounding = integral(_source(theirs[np.newaxis]))
        sources = {name: _beside(name, given) for name, given in beside.items()}
        source: VoxelSource = _source(channels)
        checks = {"the reference": rounding}
        whole = without_borders(whole, geometry, settings, "the reference")
        if settings.slices_of is not None:
            refuse_probabilities(source, "the prediction")
            source, checks["the prediction"] = integral(source)
            source, whole = sources_in_labelled_slices(source, whole, settings, {}, ("the prediction", "the reference"))
        target = counted(whole, sources, settings, {}, "the reference")
        if kind == "probabilities":
            source = probabilities("the prediction", source, settings.scale, settings.activation)
        counting, chosen = choose_backend(
            settings.backend,
            kind,
            source.shape,
            source.channels,
            hold=settings.holds_label_maps,
            histogram="histogram" in settings.records,
            runs=settings.takes_maps_in_parts,
            slices="profile" in settings.records,
            weighted=target.weights is not None,
        )
        pair = Pair(
            source,
            target.reference,
            "the prediction",
            "the reference",
            target.settings,
            counting,
            weights=target.weights,
            integers=channels.dtype.kind in "iu",
            advice=_ADVICE,
        )
        evaluated = evaluate_pair(pair, kind)
    target.require_any()
    rounded = [
        remark
        for name, check in checks.items()
        if check is not None
        for remark in check.require_labels(name, NO_LABELS)
    ]
    return CountedArrays(evaluated, settings, geometry, voxel_volume_mm3, chosen, rounded)


def _may_be_turned(prediction: Any, reference: Any, kind: Kind | None, settings: Settings) -> bool:
    """Whether the axes may be taken in the order that C lays out, last one fastest, as most arrays lie in memory.

    Streamed first axis fastest, such an array is read with long strides. Where a voxel lies matters to what measures
    shapes and slices, and to the message on a float that is no label.
    """
    rounded = reference.dtype.kind == "f" or (prediction.dtype.kind == "f" and kind != "probabilities")
    anywhere = not settings.asks_for_places and settings.slices_of is None and settings.border_mm is None
    return bool(reference.flags.c_contiguous) and anywhere and not rounded


def _geometry(spacing: Sequence[float] | None, shape: tuple[int, ...]) -> Geometry | None:
    """A grid of this spacing. Raises UsageError."""
    if spacing is None:
        return None
    given = shortened(repr(spacing), 100)
    try:
        lengths = [typed("spacing", mm, float) for mm in spacing]
    except (TypeError, UsageError):
        raise UsageError(f"spacing={given}: give a number of mm for each of the {len(shape)} axes") from None
    if len(lengths) != len(shape) or not measurable(lengths):
        raise UsageError(
            f"spacing={given}: give a distance of {LEAST_MM:g} to {MOST_MM:g} mm for each of the {len(shape)} axes"
        )
    if len(shape) > 3:
        raise UsageError(f"spacing={given}: only volumes of up to three axes have one, this has {len(shape)}")
    return Geometry(shape, np.diag([*lengths, *[1.0] * (4 - len(shape))]), oriented=False)


def _beside(name: str, array: np.ndarray[Any, Any]) -> VoxelSource:
    """Of an array that says which voxels count, and how much. Raises LabelError."""
    if array.dtype.kind not in "biuf":
        raise LabelError(
            f"the {name} array has dtype {array.dtype}; give a NumPy array of integers, booleans or floats"
        )
    return ArraySource(array[np.newaxis])


def _device_of(prediction: Any, reference: Any) -> Any:
    """CuPy's device on which either array lies; None for two arrays in host memory. Raises UsageError."""
    devices = [array.device for array in (prediction, reference) if not isinstance(array, np.ndarray)]
    if len({device.id for device in devices}) > 1:
        raise UsageError(
            f"the prediction lies on CUDA device {devices[0].id}, the reference on {devices[1].id}; move one of them"
        )
    return devices[0] if devices else None


def _source(channels: Any) -> ArraySource:
    """On a device a piece is long, so that starting a kernel costs little."""
    if isinstance(channels, np.ndarray):
        return ArraySource(channels)
    from segeval.kernels.cupy_device import RESIDENT

    return ArraySource(channels, piece_voxels=RESIDENT)


def _channels_first(prediction: np.ndarray[Any, Any], reference: np.ndarray[Any, Any], axis: int) -> Any:
    """A view of shape (channels, *shape). Raises GeometryError, LabelError."""
    for name, array in (("prediction", prediction), ("reference", reference)):
        if array.dtype.kind not in "biuf":
            raise LabelError(f"the {name} has dtype {array.dtype}; give integers or floats")
    if prediction.ndim == reference.ndim + 1:
        if not -prediction.ndim <= axis < prediction.ndim:
            raise GeometryError(f"class_axis {axis}: the prediction has {prediction.ndim} axes")
        channels = np.moveaxis(prediction, axis, 0)
    else:
        channels = prediction[np.newaxis]
    if channels.shape[1:] != reference.shape:
        raise GeometryError(
            f"the prediction has shape {prediction.shape}, the reference {reference.shape}; score arrays of one grid "
            "(class probabilities have one more axis, class_axis)"
        )
    return channels

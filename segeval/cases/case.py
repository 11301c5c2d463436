"""One pair of files: open, align, count, score."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from segeval.cases.details import details_of
from segeval.cases.evaluation import NO_LABELS, evaluate_pair, inferred_kind, integral
from segeval.cases.pair import Evaluated, Pair
from segeval.cases.same_file import hashes_of, same_file
from segeval.cases.series import PREDICTION, REFERENCE, SeriesAdvice, picked, require_several
from segeval.cases.voxels_that_count import Opened, counted_in_files, opened_beside
from segeval.choices import Kind
from segeval.errors import LabelError, NotEnoughMemory
from segeval.kernels import choose_backend
from segeval.quantities import RecordName, score
from segeval.readers import ReadOptions, is_directory, mask_classes, open_folder_of_masks, open_volume, stem
from segeval.results.report import CaseResult, ConfusionEntry, Row
from segeval.settings import Settings
from segeval.tallies.tally import Confusion, Tally
from segeval.targets import LabelChoice
from segeval.volumes.alignment import align
from segeval.volumes.geometry import Geometry
from segeval.volumes.values import Rounding, held, probabilities
from segeval.volumes.volume import EmptySource, Volume

if TYPE_CHECKING:
    from segeval.readers.masks import MaskCodes

OnBytes = Callable[[int], None]


class ScoredCase(Struct, frozen=True):
    """A case's result, and the tally that it was made of."""

    result: CaseResult
    tally: Tally


def score_files(
    prediction: Path | None,
    reference: Path,
    settings: Settings,
    on_bytes: OnBytes | None = None,
    case: str | None = None,
) -> ScoredCase:
    """Score a prediction file (or folder of masks) against a reference. Raises SegevalError.

    prediction: None stands for an empty one, background everywhere. case: the prediction's name where None.
    """
    try:
        return _score_files(prediction, reference, settings, on_bytes, case)
    except MemoryError:  # CuPy's are such errors, too
        where = "there is" if settings.backend == "numpy" else "there is here or on the CUDA device"
        raise NotEnoughMemory(
            f"{prediction} and {reference}: the volumes need more memory than {where}; score them on a larger machine"
            + ("" if settings.backend == "numpy" else ", or with --backend numpy")
        ) from None


def _score_files(
    prediction: Path | None, reference: Path, settings: Settings, on_bytes: OnBytes | None, case: str | None
) -> ScoredCase:
    with (
        opened_pair(prediction, reference, settings, on_bytes) as (ours, theirs, settings),
        opened_beside(settings, on_bytes) as beside,
    ):
        evaluated, geometry, remarks = _evaluate(ours, theirs, beside, settings)
        remarks = ours.remarks + theirs.remarks + remarks + ours.finish() + theirs.finish() + beside.finish()
        hashes = hashes_of(ours, theirs)
    if prediction is not None:
        remarks += same_file(prediction, reference, hashes)
    voxel_volume = None if geometry is None else geometry.voxel_volume_mm3
    rows, details, more = rows_and_details(evaluated, geometry, voxel_volume, settings, ours.name)
    result = CaseResult(
        case=case or stem(prediction or reference),
        prediction=None if prediction is None else str(prediction),
        reference=str(reference),
        rows=rows,
        confusion=confusion_entries(evaluated.tally.confusion),
        remarks=tuple(dict.fromkeys(remarks + more)),
        hashes=hashes,
        kind=evaluated.kind,
        details=beside.details(settings) | details,
    )
    return ScoredCase(result, evaluated.tally)


@contextmanager
def opened_pair(
    prediction: Path | None, reference: Path, settings: Settings, on_bytes: OnBytes | None = None
) -> Iterator[tuple[Volume, Volume, Settings]]:
    """The volumes of a pair, open, and the settings with the names of its classes. Raises SegevalError."""
    if prediction is None:
        settings = settings.for_nothing()
    codes = _mask_codes(prediction, reference, settings.labels)
    if codes is not None and not settings.labels.names:
        settings = replace(settings, labels=replace(settings.labels, names={v: n for n, v in codes.values.items()}))
    with ExitStack() as stack:
        options = ReadOptions(settings.hashed, settings.class_axis, on_bytes)
        opened = [stack.enter_context(_open(reference, codes, replace(options, class_axis=None)))]
        theirs = picked(opened[0], settings.volume, REFERENCE)
        _require_a_label_map(theirs)
        if prediction is None:
            ours = _empty(theirs)
        else:
            opened.insert(0, stack.enter_context(_open(prediction, codes, options)))
            ours = picked(opened[0], settings.volume, PREDICTION)
        require_several(settings.volume, *opened)
        if ours.names or theirs.names:
            from segeval.cases.naming import under_common_names

            ours, theirs, settings = under_common_names(ours, theirs, settings)
        yield ours, theirs, settings


def rows_and_details(
    evaluated: Evaluated, geometry: Geometry | None, voxel_volume_mm3: float | None, settings: Settings, name: str
) -> tuple[tuple[Row, ...], dict[str, Any], list[str]]:
    """The rows of a case, what its JSON holds beside them, and remarks. Raises LabelError, GeometryError."""
    measured: dict[RecordName, Any] = {}
    remarks: list[str] = []
    if settings.holds_label_maps:
        from segeval.cases.measuring import measure_held, require_label_map

        require_label_map(evaluated.tally, name)
        if evaluated.held is not None:
            measured, remarks = measure_held(evaluated.held, evaluated.tally, geometry, settings)
            evaluated.held = None  # what is made of the records takes memory, too
    if "profile" in settings.records:
        from segeval.cases.profiles import profile_of

        measured["profile"], missing = profile_of(evaluated, settings.labels, name)
        remarks += missing
    if evaluated.kept is not None:
        measured["maps"] = evaluated.kept.maps(evaluated.tally, settings, geometry)
    rows = score(evaluated.tally, settings.labels, settings.scoring, voxel_volume_mm3, measured)
    return rows, details_of(evaluated.tally, measured, settings.labels), remarks


def confusion_entries(confusion: Confusion | None) -> tuple[ConfusionEntry, ...]:
    """The joint histogram as the report shows it; overlapping labels as a tuple."""
    if confusion is None:
        return ()

    def shown(value: int) -> int | tuple[int, ...]:
        return tuple(sorted(confusion.sets[value])) if value in confusion.sets else value

    def order(entry: ConfusionEntry) -> tuple[tuple[int, ...], ...]:
        return tuple(value if isinstance(value, tuple) else (value,) for value in entry[:2])

    return tuple(sorted(((shown(r), shown(p), count) for (r, p), count in confusion.pairs.items()), key=order))


def class_names(folders: Iterable[Path]) -> dict[int, str]:
    """Names for the classes of folders of masks, numbered 1, 2, 3, … by name over all of the folders."""
    classes = sorted({name for folder in folders for name in mask_classes(folder)})
    return dict(enumerate(classes, start=1))


def _evaluate(
    prediction: Volume, reference: Volume, beside: Opened, settings: Settings
) -> tuple[Evaluated, Geometry | None, list[str]]:
    """The tally, the grid, and remarks on values and geometry."""
    checks: list[tuple[str, Rounding]] = []
    integers = prediction.source.dtype.kind in "iu"
    aligned, target, kind, remarks = on_one_grid(prediction, reference, settings, checks)
    counted = counted_in_files(target, beside, settings)
    backend, chosen = choose_backend(
        settings.backend,
        kind,
        aligned.source.shape,
        aligned.source.channels,
        hold=settings.holds_label_maps,
        histogram="histogram" in settings.records,
        runs=settings.takes_maps_in_parts,
        slices="profile" in settings.records,
        weighted=counted.weights is not None,
    )
    sets = ChainMap(aligned.sets, target.sets)  # a view: overlaps are met while the voxels are read
    names = aligned.name, target.name
    pair = Pair(aligned.source, counted.reference, *names, counted.settings, backend, sets, counted.weights, integers)
    try:
        evaluated = evaluate_pair(pair, kind)
    except LabelError:
        _require_integers(checks)  # what was counted as 0 for want of a label may have caused the error
        raise
    counted.require_any()
    remarks += chosen + _require_integers(checks)
    return evaluated, target.geometry, remarks + evaluated.remarks


def on_one_grid(
    prediction: Volume, reference: Volume, settings: Settings, checks: list[tuple[str, Rounding]]
) -> tuple[Volume, Volume, Kind | None, list[str]]:
    """Both on the reference's grid, the prediction's kind as far as it is known before its values are, and remarks.

    checks: gets what rounds stored floats to labels. Raises GeometryError, NotEnoughMemory.
    """
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
        volume = replace(volume, source=probabilities(volume.source, settings.scale, settings.activation))
    return volume, kind, remarks


def _require_integers(checks: list[tuple[str, Rounding]]) -> list[str]:
    return [remark for name, rounding in checks for remark in rounding.require_labels(name, NO_LABELS)]


def _outside(prediction: Volume, settings: Settings) -> float:
    """The value of channel 0 outside the field of view: 1 where it is the background's."""
    count, choice = prediction.source.channels, settings.labels
    if count == 1 or (choice.regions_only and count == len(choice.regions)):
        return 0.0
    only_foreground = choice.from_file and settings.channels == "independent" and count == len(choice.values or ())
    return 0.0 if only_foreground else 1.0


def _open(path: Path, codes: MaskCodes | None, options: ReadOptions) -> Volume:
    if codes is not None and is_directory(path):
        return open_folder_of_masks(path, codes, options)
    return open_volume(path, options)


def _mask_codes(prediction: Path | None, reference: Path, choice: LabelChoice) -> MaskCodes | None:
    """Label values of the classes of mask folders: the label file's, else those of ``class_names``."""
    sides = [path for path in (prediction, reference) if path is not None]
    folders = [path for path in sides if is_directory(path)]
    if not folders:
        return None
    names = choice.names or class_names(folders)
    if not choice.names and len(folders) < len(sides):
        raise LabelError(
            f"{folders[0]}: holds masks by name ({', '.join(list(names.values())[:5])}), the other volume labels by "
            "number; give a label file with --labels that names the numbers"
        )
    from segeval.readers.masks import MaskCodes

    return MaskCodes({name: value for value, name in names.items() if value})


def _empty(reference: Volume) -> Volume:
    """A prediction of nothing on the reference's grid."""
    return Volume("(no prediction)", reference.geometry, EmptySource(reference.shape), kind="labels")


def _require_a_label_map(reference: Volume) -> None:
    count = reference.source.channels
    if count == 1:
        return
    if reference.source.dtype.kind in "iu":
        raise LabelError(SeriesAdvice().words(reference.name, count))
    raise LabelError(
        f"{reference.name}: has {count} channels; a reference is a label map, so give the reference as the second "
        f"file, merge its channels into labels, or pick one with --volume (numbered 0 to {count - 1})"
    )

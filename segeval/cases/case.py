"""One pair of files: open, align, count, score."""

from __future__ import annotations

from collections import ChainMap
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from segeval.cases.details import details_of
from segeval.cases.evaluation import evaluate_pair, one_part, settled_kind
from segeval.cases.one_grid import on_one_grid, require_integers
from segeval.cases.opening import OnBytes, opened_pair
from segeval.cases.pair import Evaluated, Pair
from segeval.cases.parts import Elsewhere, PartResult, Parts, counted_elsewhere, parts_of_pair
from segeval.cases.remarks import needless_empties, unweighted_regions
from segeval.cases.same_file import hashes_of, same_file
from segeval.cases.unused import unused_options
from segeval.cases.voxels_that_count import CountedVoxels, Opened, counted_in_files, opened_beside
from segeval.choices import Kind
from segeval.errors import LabelError, NotEnoughMemory
from segeval.kernels import choose_backend
from segeval.quantities import RecordName
from segeval.quantities.scoring import score_measured
from segeval.readers import Input
from segeval.results.report import CaseResult, ConfusionEntry, Row
from segeval.settings import Settings
from segeval.tallies.tally import Confusion, Tally
from segeval.volumes.geometry import Geometry
from segeval.volumes.values import Rounding
from segeval.volumes.volume import Volume


class ScoredCase(Struct, frozen=True):
    """A case's result, and what it was made of."""

    result: CaseResult
    tally: Tally
    voxel_volume_mm3: float | None = None


def score_files(
    prediction: Input | None,
    reference: Input,
    settings: Settings,
    on_bytes: OnBytes | None = None,
    case: str | None = None,
    elsewhere: Elsewhere | None = None,
) -> ScoredCase:
    """Score a prediction file (or folder of masks) against a reference. Raises SegevalError.

    prediction: None stands for an empty one, background everywhere. case: the prediction's name where None.
    elsewhere: what counts parts of the pair, by `count_part`; where that cannot be, a UsageError.
    """
    try:
        return _score_files(prediction, reference, settings, on_bytes, case, elsewhere)
    except MemoryError:  # CuPy's are such errors, too
        where = "there is" if settings.backend == "numpy" else "there is here or on the CUDA device"
        raise NotEnoughMemory(
            f"{prediction} and {reference}: the volumes need more memory than {where}; score them on a larger machine"
            + ("" if settings.backend == "numpy" else ", or with --backend numpy")
        ) from None


def _score_files(
    prediction: Input | None,
    reference: Input,
    settings: Settings,
    on_bytes: OnBytes | None,
    case: str | None,
    elsewhere: Elsewhere | None,
) -> ScoredCase:
    with (
        opened_pair(prediction, reference, settings, on_bytes, in_parts=elsewhere is not None) as opened,
        opened_beside(settings, on_bytes) as beside,
    ):
        ours, theirs, settings = opened
        ready = _ready(ours, theirs, beside, settings)
        if elsewhere is not None:
            ready.pair.parts = counted_elsewhere(ready.pair, ready.kind, elsewhere)
        evaluated, remarks = _evaluate(ready)
        remarks = ours.remarks + theirs.remarks + remarks + ours.finish() + theirs.finish() + beside.finish()
        hashes = hashes_of(ours, theirs)
        remarks += unused_options(settings, None if prediction is None else ours, theirs)
    if prediction is not None:
        remarks += same_file(prediction, reference, hashes, settings)
    geometry = ready.geometry
    voxel_volume = None if geometry is None else geometry.voxel_volume_mm3
    rows, details, more = rows_and_details(evaluated, geometry, voxel_volume, settings, ours.name)
    result = CaseResult(
        case=case or (prediction or reference).stem,
        prediction=None if prediction is None else str(prediction),
        reference=str(reference),
        rows=rows,
        confusion=confusion_entries(evaluated.tally.confusion),
        remarks=tuple(dict.fromkeys(remarks + more)),
        hashes=hashes,
        kind=evaluated.kind,
        details=beside.details(settings) | details,
    )
    return ScoredCase(result, evaluated.tally, voxel_volume)


def count_part(prediction: Input, reference: Input, settings: Settings, number: int) -> PartResult:
    """What a part of a pair gives, of those that `score_files` counts elsewhere. Raises SegevalError."""
    with (
        opened_pair(prediction, reference, settings, in_parts=True) as (ours, theirs, settings),
        opened_beside(settings) as beside,
    ):
        ready = _ready(ours, theirs, beside, settings)
        found = one_part(ready.pair, ready.kind, number)
        ours.finish()
        theirs.finish()
    return found


def rows_and_details(
    evaluated: Evaluated, geometry: Geometry | None, voxel_volume_mm3: float | None, settings: Settings, name: str
) -> tuple[tuple[Row, ...], dict[str, Any], list[str]]:
    """The rows of a case, what its JSON holds beside them, and remarks. Raises LabelError, GeometryError."""
    measured: dict[RecordName, Any] = {}
    remarks: list[str] = []
    if settings.holds_label_maps:
        from segeval.cases.measuring import measure_held, require_label_map

        require_label_map(evaluated.tally.options, name)
        if evaluated.held is not None:
            measured, remarks = measure_held(evaluated.held, evaluated.tally, geometry, voxel_volume_mm3, settings)
            evaluated.held = None  # what is made of the records takes memory, too
        elif evaluated.regions is not None:
            from segeval.cases.region_records import records_of_regions

            measured, remarks = records_of_regions(
                evaluated.regions, evaluated.tally, geometry, voxel_volume_mm3, settings
            )
    if "profile" in settings.records:
        from segeval.cases.profiles import profile_of

        measured["profile"], missing = profile_of(evaluated, settings.labels, name)
        remarks += missing
    if evaluated.kept is not None:
        measured["maps"] = evaluated.kept.maps(evaluated.tally, settings, geometry)
    scored = score_measured(evaluated.tally, settings.labels, settings.scoring, voxel_volume_mm3, measured)
    remarks += [*unweighted_regions(settings), *needless_empties(scored.needless)]
    return scored.rows, details_of(evaluated.tally, measured, settings.labels), remarks


def confusion_entries(confusion: Confusion | None) -> tuple[ConfusionEntry, ...]:
    """The joint histogram as the report shows it; overlapping labels as a tuple."""
    if confusion is None:
        return ()

    def shown(value: int) -> int | tuple[int, ...]:
        return tuple(sorted(confusion.sets[value])) if value in confusion.sets else value

    def order(entry: ConfusionEntry) -> tuple[tuple[int, ...], ...]:
        return tuple(value if isinstance(value, tuple) else (value,) for value in entry[:2])

    return tuple(sorted(((shown(r), shown(p), count) for (r, p), count in confusion.pairs.items()), key=order))


class _Ready(Struct):
    """A pair that is about to be counted, and what is asked of it afterwards.

    checks: what rounds stored floats to labels. remarks: on kind, geometry and backend.
    """

    pair: Pair
    kind: Kind | None
    counted: CountedVoxels
    geometry: Geometry | None
    checks: list[tuple[str, Rounding]]
    remarks: list[str]


def _ready(prediction: Volume, reference: Volume, beside: Opened, settings: Settings) -> _Ready:
    """The pair on one grid, with where it is counted, and in which parts."""
    checks: list[tuple[str, Rounding]] = []
    integers = prediction.source.dtype.kind in "iu"
    aligned, target, kind, remarks = on_one_grid(prediction, reference, settings, checks)
    if settings.border_mm is not None:
        from segeval.cases.label_borders import without_borders

        target = replace(target, source=without_borders(target.source, target.geometry, settings, target.name))
    if settings.slices_of is not None:
        from segeval.cases.labelled_slices import in_labelled_slices

        aligned, target = in_labelled_slices(aligned, target, settings)
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
    kind, pair.geometry = settled_kind(pair, kind), target.geometry
    groups = None if kind is None else parts_of_pair(pair)
    pair.parts = None if groups is None else Parts(groups)
    return _Ready(pair, kind, counted, target.geometry, checks, remarks + chosen)


def _evaluate(ready: _Ready) -> tuple[Evaluated, list[str]]:
    """The tally, and remarks on values and geometry."""
    try:
        evaluated = evaluate_pair(ready.pair, ready.kind)
    except LabelError:
        require_integers(ready.checks)  # what was counted as 0 for want of a label may have caused the error
        raise
    ready.counted.require_any()
    return evaluated, ready.remarks + require_integers(ready.checks) + evaluated.remarks

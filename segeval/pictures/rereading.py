"""A case read again: once to count where its labels are wrong, once for the slices that are shown."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.cases.case import confusion_entries
from segeval.cases.evaluation import evaluate_pair
from segeval.cases.farthest import Farthest, farthest_places
from segeval.cases.label_borders import without_borders
from segeval.cases.labelled_slices import in_labelled_slices
from segeval.cases.one_grid import on_one_grid
from segeval.cases.opening import opened_pair
from segeval.cases.pair import Pair
from segeval.cases.profiles import profile_of
from segeval.cases.voxels_that_count import counted_in_files, opened_beside
from segeval.errors import GeometryError, SegevalError, UnreadableFile
from segeval.kernels import NumpyBackend
from segeval.pictures.slices import Place, chosen_slices, decided_slices, slices_of
from segeval.readers import Input, ReadOptions, open_volume
from segeval.results.report import MISSED, CaseResult
from segeval.results.slices import names_of
from segeval.settings import Settings
from segeval.tallies.profiles import Profile
from segeval.tallies.tally import Sets, TallyOptions
from segeval.targets import TargetKey
from segeval.volumes.alignment import align
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import Volume


class Counted(Struct, frozen=True):
    """What the first pass found.

    settings: the case's, as the second pass takes them. profile: of every target; None, and why in ``remarks``, where
    there is none. farthest: where the largest distance of a target lies, if distances were measured.
    """

    settings: Settings
    options: TallyOptions
    profile: Profile | None
    shape: tuple[int, ...]
    geometry: Geometry | None
    remarks: tuple[str, ...]
    farthest: Mapping[TargetKey, Farthest] = field(default_factory=dict)


class Slices(Struct, frozen=True):
    """Slices by place: label values of prediction and reference, and of the scan, where there is one.

    chosen: of independent channels, which give no label values, the masks of each target.
    sets: the labels behind each code of a voxel that several masks claim.
    """

    prediction: Mapping[Place, Integers]
    chosen: Mapping[tuple[TargetKey, Place], NDArray[np.bool_]]
    reference: Mapping[Place, Integers]
    scan: Mapping[Place, NDArray[Any]]
    sets: Sets
    remarks: tuple[str, ...]


def count(case: CaseResult, settings: Settings, labels: Collection[TargetKey] = ()) -> Counted:
    """Read the files of a case as they were scored, and count its errors per slice. Raises SegevalError.

    labels: whose largest distance is looked for, if the case has surface distances.
    """
    measured = bool(labels) and MISSED in case.details
    prediction, reference = _pair(case)
    settings = replace(
        _with_names(settings, case), metrics="dice", tau=None, backend="numpy", hashed=case.hashes is not None
    )
    mask = case.details["mask"]["path"] if "mask" in case.details else None
    settings = replace(settings, mask=mask, weights=None)
    with (
        opened_pair(prediction, reference, settings) as (ours, theirs, its_settings),
        opened_beside(its_settings) as beside,
    ):
        integers = ours.source.dtype.kind in "iu"
        aligned, target, kind, _ = on_one_grid(ours, theirs, its_settings, [])
        target = replace(target, source=without_borders(target.source, target.geometry, its_settings, target.name))
        aligned, target = in_labelled_slices(aligned, target, its_settings)
        counted = counted_in_files(target, beside, its_settings)
        backend = NumpyBackend(target.shape if measured else None, slices=target.shape, every_slice=True)
        names = aligned.name, target.name
        sets = ChainMap(aligned.sets, target.sets)  # a view: overlaps are met while the voxels are read
        pair = Pair(aligned.source, counted.reference, *names, counted.settings, backend, sets, integers=integers)
        evaluated = evaluate_pair(pair, kind)
        for volume in (ours, theirs, beside):
            volume.finish()
        digests = ours.digest(), theirs.digest()
    if case.hashes is not None and prediction is not None and digests != case.hashes:
        raise UnreadableFile(f"{prediction} or {reference} changed since it was scored; score again")
    if tuple(case.confusion) != confusion_entries(evaluated.tally.confusion):
        raise UnreadableFile(f"{prediction} and {reference} hold other labels than when they were scored; score again")
    profile, remarks = profile_of(evaluated, its_settings.labels, names[0])
    farthest = {}
    if evaluated.held is not None:
        farthest = farthest_places(evaluated.held, evaluated.tally, its_settings.labels, target.geometry, labels)
    options = evaluated.tally.options
    again = replace(its_settings, hashed=False, kind=evaluated.kind)
    return Counted(again, options, profile, target.shape, target.geometry, tuple(remarks), farthest)


def read_slices(case: CaseResult, counted: Counted, places: Sequence[Place], image: Path | None) -> Slices:
    """The slices of both volumes and the scan on the reference's grid. Raises SegevalError."""
    prediction, reference = _pair(case)
    with (
        opened_pair(prediction, reference, counted.settings) as (ours, theirs, settings),
        opened_beside(settings) as beside,
    ):
        aligned, target, kind, _ = on_one_grid(ours, theirs, settings, [])
        target = replace(target, source=without_borders(target.source, target.geometry, settings, target.name))
        aligned, target = in_labelled_slices(aligned, target, settings)
        of_reference = slices_of(counted_in_files(target, beside, settings).reference, 0, places)
        chosen: Mapping[tuple[TargetKey, Place], NDArray[np.bool_]] = {}
        of_prediction: list[Integers] = []
        if kind == "probabilities" and counted.options.independent:
            chosen = chosen_slices(aligned.source, places, counted.options)
        elif kind == "probabilities":
            of_prediction = decided_slices(aligned.source, places, counted.options)
        else:
            of_prediction = slices_of(aligned.source, 0, places)
        scan, remarks = _scan(image, target, settings, places)
        sets = {**aligned.sets, **target.sets}
    return Slices(
        dict(zip(places, of_prediction, strict=not chosen)),
        chosen,
        dict(zip(places, of_reference, strict=True)),
        dict(zip(places, scan, strict=True)) if scan else {},
        sets,
        tuple(remarks),
    )


def _scan(
    image: Path | None, reference: Volume, settings: Settings, places: Sequence[Place]
) -> tuple[list[NDArray[Any]], list[str]]:
    """Nothing, and why, for a scan that cannot be drawn: the masks can be."""
    if image is None:
        return [], []
    try:
        with ExitStack() as stack:
            opened = stack.enter_context(open_volume(image, ReadOptions()))
            aligned, target, _ = align(opened, reference, settings.geometry, settings.tolerance, labels=False)
            if aligned.shape != target.shape or target.shape != reference.shape:
                raise GeometryError(f"{image}: has {_by(aligned.shape)} voxels, the reference {_by(reference.shape)}")
            several = aligned.source.channels
            remarks = [f"{image}: holds {several} volumes; the first is drawn"] if several > 1 else []
            return slices_of(aligned.source, 0, places), remarks
    except (SegevalError, OSError) as problem:
        return [], [f"the scan is not drawn: {problem}"]


def _with_names(settings: Settings, case: CaseResult) -> Settings:
    """With what a label file settled and only the rows still tell, where the settings were read back from a report.

    Where names came from Python instead, the rows tell no less: such settings scored no map that a file would have read
    otherwise.
    """
    choice = settings.labels
    labels = [row for row in case.rows if isinstance(row.label, int)]
    names = names_of(labels)
    if choice.from_file:
        return settings
    names = dict(choice.names) or names
    only = bool(choice.regions) and not labels
    known = replace(choice, names=names, from_file=bool(names), regions_only=choice.regions_only or only)
    return replace(settings, labels=known)


def _pair(case: CaseResult) -> tuple[Input | None, Input]:
    if case.status == "error" or case.reference is None:
        raise UnreadableFile(f"{case.case}: {case.reason or 'the report names no files'}")
    return None if case.prediction is None else Input(Path(case.prediction)), Input(Path(case.reference))


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))

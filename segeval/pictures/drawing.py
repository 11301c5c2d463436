"""A label of a case as pictures: its slices through the place where it is most wrong, read from the case's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.array_types import Integers, Mask
from segeval.cases.farthest import Farthest
from segeval.errors import SegevalError
from segeval.pictures.places import error_profile, place_of, worst_slice
from segeval.pictures.planes import View, views_of
from segeval.pictures.rereading import Counted, Slices, count, read_slices
from segeval.pictures.scans import range_of
from segeval.pictures.slices import Place
from segeval.pictures.svg import Drawn, cut_out, svg_of
from segeval.results.pictures import ErrorProfile, LabelPictures, Plane, SliceView
from segeval.results.report import ALL, MEAN, CaseResult, Label, Report
from segeval.settings import Settings
from segeval.settings.reading import settings_of_document
from segeval.tallies.profiles import TargetProfile
from segeval.tallies.tally import Sets
from segeval.targets import BACKGROUND, LabelChoice
from segeval.words.printable import printable

Window = tuple[float, float]


def settings_to_draw(report: Report) -> Settings:
    """Those that a report's cases were scored under, without its quantities, some of which nobody may know any more.

    Raises UsageError.
    """
    return settings_of_document({**report.settings, "metrics": ["dice"]})


def pictures_of(
    case: CaseResult,
    labels: Sequence[Label],
    settings: Settings,
    image: Path | None = None,
    window: Window | None = None,
    slices: Mapping[Plane, int] | None = None,
) -> list[LabelPictures]:
    """The pictures of each of these labels, in their order, from the files that the case names.

    image: the scan to draw on. window: level and width of what is shown of it; without it the 1st to the 99th
    percentile of what is drawn. slices: by plane, which to show instead of the worst, from 0. Files that are gone,
    damaged or changed give pictures without slices, whose remarks say so.
    """
    try:
        counted = count(case, settings, labels)
        chosen = _Chosen.of(counted, [label for label in labels if label not in (MEAN, ALL)], slices or {})
        read = read_slices(case, counted, chosen.all_places, image) if chosen.all_places else None
    except (SegevalError, OSError, MemoryError, ValueError) as problem:  # a page outlives the files that it speaks of
        return [_without(case, label, f"no picture: {problem}") for label in labels]
    return [_label_pictures(case, label, counted, chosen, read, window) for label in labels]


class _Chosen(Struct, frozen=True):
    """The views of a case, the profile of each label that is shown, and the place that each of its views shows."""

    views: tuple[View, ...]
    targets: Mapping[Label, TargetProfile]
    places: Mapping[Label, tuple[tuple[View, Place], ...]]

    @classmethod
    def of(cls, counted: Counted, labels: Sequence[Label], given: Mapping[Plane, int]) -> _Chosen:
        views = views_of(counted.geometry, counted.shape)
        known = {} if counted.profile is None else {target.target: target for target in counted.profile.targets}
        targets = {label: known[label] for label in labels if label in known}
        places = {}
        for label, target in targets.items():
            worst = [(view, given.get(view.plane, worst_slice(target, view))) for view in views]
            places[label] = tuple((view, (view.across, index)) for view, index in worst if index is not None)
        return cls(views, targets, places)

    @property
    def all_places(self) -> list[Place]:
        return list(dict.fromkeys(place for places in self.places.values() for _, place in places))


def _label_pictures(
    case: CaseResult, label: Label, counted: Counted, chosen: _Chosen, slices: Slices | None, window: Window | None
) -> LabelPictures:
    target = chosen.targets.get(label)
    places = chosen.places.get(label, ())
    if target is None or slices is None or not places:
        return _without(case, label, *(counted.remarks or (_why_not(target, chosen.views),)))
    views = _slice_views(label, _name(case, label), counted, places, slices, window)
    profiles = _profiles(target, chosen.views, counted.shape)
    return LabelPictures(case.case, label, _name(case, label), views, profiles, (*counted.remarks, *slices.remarks))


def _why_not(target: TargetProfile | None, views: Sequence[View]) -> str:
    if target is None:
        return "no picture: the case has no such label"
    if not views:
        return "no picture: the volumes have no slice of two axes"
    return "no picture: the label is in neither volume"


def _profiles(target: TargetProfile, views: Sequence[View], shape: tuple[int, ...]) -> tuple[ErrorProfile, ...]:
    """Along every axis that the slices lie across; a picture has no slices."""
    return tuple(error_profile(target.axes[view.across], view) for view in views if view.across < len(shape))


def _slice_views(
    label: Label,
    name: str | None,
    counted: Counted,
    places: Sequence[tuple[View, Place]],
    slices: Slices,
    window: Window | None,
) -> tuple[SliceView, ...]:
    cut = [_cut(label, counted, view, place, slices) for view, place in places]
    scans = [drawn.scan for drawn in cut if drawn.scan is not None]
    if scans:
        shown = range_of(window, scans)
        cut = [replace(drawn, black_and_white=shown) for drawn in cut]
    found = []
    for drawn, (view, (_, index)) in zip(cut, places, strict=True):
        place = place_of(index, view, counted.shape, counted.geometry)
        words = _description(drawn, view, place, str(label) if name is None else f"{label} ({name})")
        if label in counted.farthest:
            words += f"; the largest distance between the boundaries is {counted.farthest[label].distance_mm:.1f} mm"
        found.append(SliceView(view.plane, place, svg_of(drawn, words), words, index))
    return tuple(found)


def _cut(label: Label, counted: Counted, view: View, place: Place, slices: Slices) -> Drawn:
    """The label's surroundings in a slice."""
    choice = counted.settings.labels
    evaluated_labels = _evaluated(counted)

    def inside(values: Integers) -> Mask:
        return _inside(values, label, choice, evaluated_labels, slices.sets)

    reference = view.shown(inside(slices.reference[place]))
    chosen = slices.chosen.get((label, place))
    prediction = view.shown(inside(slices.prediction[place]) if chosen is None else chosen)
    kept = np.ones(reference.shape, dtype=np.bool_)
    if counted.options.ignore is not None:
        kept = view.shown(slices.reference[place] != counted.options.ignore)
    where = cut_out((reference | prediction) & kept, view.pixel_mm)
    scan = view.shown(slices.scan[place])[where] if place in slices.scan else None
    spaced = counted.geometry is not None and counted.geometry.affine is not None
    unit = "mm" if spaced else "pixels" if len(counted.shape) == 2 else "voxels"
    distance = _projected(counted.farthest.get(label), view, place, reference.shape, where)
    drawn = Drawn(reference[where], prediction[where], kept[where], scan, (0.0, 1.0), view.pixel_mm, view.marks, unit)
    return replace(drawn, distance=distance)


def _projected(
    farthest: Farthest | None, view: View, place: Place, shape: tuple[int, ...], where: tuple[slice, slice]
) -> tuple[tuple[float, float], tuple[float, float], bool] | None:
    """The ends of the largest distance in the cut-out slice, mm from its upper left corner, and whether they lie in it;
    None where one lies beside it."""
    if farthest is None:
        return None
    ends = []
    for voxel in (farthest.start, farthest.end):
        column, row = voxel[view.columns], voxel[view.rows]
        column = shape[1] - 1 - column if view.flipped[0] else column
        row = shape[0] - 1 - row if view.flipped[1] else row
        if not (where[1].start <= column < where[1].stop and where[0].start <= row < where[0].stop):
            return None
        x, y = (column - where[1].start + 0.5) * view.pixel_mm[0], (row - where[0].start + 0.5) * view.pixel_mm[1]
        ends.append((x, y))
    inside = all(
        view.across >= len(voxel) or voxel[view.across] == place[1] for voxel in (farthest.start, farthest.end)
    )
    return ends[0], ends[1], inside


def _evaluated(counted: Counted) -> frozenset[int]:
    profile = counted.profile
    targets = () if profile is None else profile.targets
    return frozenset(each.target for each in targets if isinstance(each.target, int) and each.target != BACKGROUND)


def _inside(values: Integers, label: Label, choice: LabelChoice, evaluated: frozenset[int], sets: Sets) -> Mask:
    """The voxels that belong to a label or region: what no evaluated label claims is background."""
    if isinstance(label, int) and label != BACKGROUND and not sets:
        return np.equal(values, label)
    belongs = []
    for value in np.unique(values).tolist():
        members = sets.get(value) or frozenset((value,))
        if isinstance(label, str):
            there = any(region.name == label and region.covers(members) for region in choice.regions)
        else:
            there = label in members if label != BACKGROUND else not members & evaluated
        if there:
            belongs.append(value)
    return np.isin(values, np.array(belongs, dtype=values.dtype))


def _description(drawn: Drawn, view: View, place: str, label: str) -> str:
    p, r = drawn.prediction & drawn.evaluated, drawn.reference & drawn.evaluated
    kind = "Picture" if view.plane == "picture" else f"{view.plane.capitalize()} plane"
    return (
        f"{kind}, {place}, label {printable(label)}: {np.count_nonzero(r)} voxels in the reference, "
        f"{np.count_nonzero(p)} in the prediction, {np.count_nonzero(p & ~r)} false positive, "
        f"{np.count_nonzero(r & ~p)} false negative"
    )


def _without(case: CaseResult, label: Label, *remarks: str) -> LabelPictures:
    return LabelPictures(case.case, label, _name(case, label), (), (), remarks)


def _name(case: CaseResult, label: Label) -> str | None:
    return next((row.name for row in case.rows if row.label == label), None)

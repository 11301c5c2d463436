"""Two label maps kept whole to what needs them whole: boundary distances, instances, lesions."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.errors import GeometryError, LabelError
from segeval.instances import BRATS_2023, InstanceOptions, Instances, TargetInstances
from segeval.kernels import HeldPair
from segeval.kernels.boxes import Box, enclosing
from segeval.kernels.soft_targets import SoftTargets
from segeval.machine import usable_cores
from segeval.quantities import RecordName, hd95, membership, targets_of
from segeval.shapes.components import Components, find_components, given_instances
from segeval.shapes.elements import BOUNDARY_VOXELS, Form
from segeval.shapes.lesionwise import match_lesions
from segeval.shapes.matching import match_instances
from segeval.shapes.surface_distances import measure, measure_all
from segeval.shapes.surfels import SURFELS, measure_surfels
from segeval.shapes.target_masks import Mask, TargetMasks, mark
from segeval.surfaces import Surfaces, TargetSurface, diagonal_mm
from segeval.tallies import Tally, TargetKey
from segeval.targets import BACKGROUND, LabelChoice
from segeval.volumes.geometry import Geometry
from segeval.volumes.memory import Need, require_memory
from segeval.workflow.settings import Settings

_MOST_THREADS = 4
_SHEAR = 1e-3

# Bytes that are held at once, measured: two masks and two numberings, with the copies that cc3d works on, for each
# voxel of the box; indices and joint histogram for each voxel that is an instance of both volumes; whole masks of
# the volume, where a box would cut a dilation.
_PER_BOX_VOXEL, _PER_SHARED_VOXEL = 12, 26
_PER_LESION_BOX_VOXEL, _PER_VOLUME_VOXEL = 16, 3


class _Target(Struct, frozen=True):
    """Where a target lies: the stored values that belong to it, and a box around all of its voxels.

    predicted, shared: its voxels in the prediction, and those in both volumes.
    """

    key: TargetKey
    prediction_values: frozenset[int]
    reference_values: frozenset[int]
    box: Box | None
    predicted: int = 0
    shared: int = 0


class _Maps(Struct, frozen=True):
    """Both label maps on the axes that are longer than one voxel, and where each target lies in them."""

    prediction: NDArray[Any]
    reference: NDArray[Any]
    spacing_mm: tuple[float, ...]
    ignore: int | None
    targets: tuple[_Target, ...]

    @property
    def voxel_volume_mm3(self) -> float:
        return float(np.prod(self.spacing_mm))

    def masks(self, target: _Target, box: Box) -> TargetMasks:
        return TargetMasks(
            self.prediction, self.reference, target.prediction_values, target.reference_values,
            box, self.spacing_mm, self.ignore,
        )  # fmt: skip

    def values_in(self, target: _Target, box: Box) -> tuple[NDArray[Any], NDArray[Any]]:
        """The stored values of prediction and reference that belong to the target, 0 elsewhere."""
        sides = zip((self.prediction, self.reference), self.masks_in(target, box), strict=True)
        p, r = (np.where(mask, labels[box], 0) for labels, mask in sides)
        return p, r

    def masks_in(self, target: _Target, box: Box) -> tuple[Mask, Mask]:
        """Prediction and reference as masks of the target."""
        found = []
        for labels, values in (
            (self.prediction, target.prediction_values),
            (self.reference, target.reference_values),
        ):
            mask = np.zeros(labels[box].shape, dtype=np.bool_, order="F")
            mark(labels[box], values, mask)
            if self.ignore is not None:
                mask &= self.reference[box] != self.ignore
            found.append(mask)
        return found[0], found[1]


def measure_held(
    held: HeldPair, tally: Tally, geometry: Geometry | None, settings: Settings
) -> tuple[dict[RecordName, Any], list[str]]:
    """The records that the settings ask for and that no tally holds, of ``targets_of(tally)``; and remarks.

    Raises LabelError, GeometryError where they cannot be measured.
    """
    spacing, remarks = _spacing(geometry, len(held.reference.shape))
    maps = _maps(held, tally, settings.labels, spacing)
    wanted = settings.records
    records: dict[RecordName, Any] = {}
    if "surfaces" in wanted:
        records["surfaces"] = _surfaces(maps, settings)
    volume_ml = float("nan") if geometry is None else maps.voxel_volume_mm3 / 1000
    missed_mm = diagonal_mm(maps.reference.shape, maps.spacing_mm) if settings.missed is None else settings.missed
    if "instances" in wanted:
        distances = any(selection.quantity.name == "instance_hd95" for selection in settings.selections)
        found = _of_all(maps, partial(_instances, maps, settings.instances, distances))
        records["instances"] = Instances(found, volume_ml, missed_mm)
    if "lesions" in wanted:
        records["lesions"] = Instances(_of_all(maps, partial(_lesions, maps, settings.challenge)), volume_ml, missed_mm)
    return records, remarks


def require_label_map(tally: Tally, name: str) -> None:
    """Raises LabelError where there is none to measure."""
    if tally.confusion is None:
        raise LabelError(
            f"{name}: independent channels have no label map, which surfaces and instances need; "
            "score a label map, or leave those quantities out"
        )


def _spacing(geometry: Geometry | None, axes: int) -> tuple[tuple[float, ...], list[str]]:
    if geometry is None or geometry.affine is None:
        return (1.0,) * axes, ["the files state no spacing: distances are in voxels, as if each were 1 mm"]
    columns = geometry.affine[:3, :3] / np.linalg.norm(geometry.affine[:3, :3], axis=0)
    if np.abs(columns.T @ columns - np.eye(3)).max() > _SHEAR:
        raise GeometryError(
            "the grid is sheared, and distances between its voxels do not follow from its spacing; resample the files "
            "to a rectangular grid, or leave surfaces and instances out"
        )
    return geometry.spacing_mm[:axes], []


def _maps(held: HeldPair, tally: Tally, choice: LabelChoice, spacing: tuple[float, ...]) -> _Maps:
    shape = held.reference.shape
    axes = [axis for axis, n in enumerate(shape) if n > 1]
    axes = sorted({*axes, *[axis for axis in range(len(shape)) if axis not in axes][: max(0, 2 - len(axes))]})
    if len(axes) not in (2, 3):
        raise LabelError(
            f"surfaces and instances need volumes of two or three axes, these have {'×'.join(map(str, shape))} voxels"
        )
    cut = tuple(slice(None) if axis in axes else 0 for axis in range(len(shape)))
    return _Maps(
        held.prediction.labels[cut],
        held.reference.labels[cut],
        tuple(spacing[axis] for axis in axes),
        tally.options.ignore,
        tuple(_targets(held, tally, choice, axes)),
    )


def _targets(held: HeldPair, tally: Tally, choice: LabelChoice, axes: list[int]) -> Iterable[_Target]:
    confusion = tally.confusion
    if confusion is None:
        raise ValueError("no label map was held")
    keys = targets_of(tally, choice)
    labels = [key for key in keys if isinstance(key, int) and key != BACKGROUND]
    belongs = membership(confusion, labels, choice.regions)
    references = {value for value, _ in confusion.pairs}
    predicted = _stored_predictions(tally)
    for index, key in enumerate(keys):
        if key == BACKGROUND and not choice.background:
            yield _Target(key, frozenset(), frozenset(), None)
            continue
        p = frozenset(code for code, label in predicted.items() if index in belongs.get(label, ()))
        r = frozenset(value for value in references if index in belongs[value])
        whole = tuple(slice(0, n) for n in held.reference.shape)
        box = whole if 0 in p | r else enclosing((held.prediction.boxes.box(p), held.reference.boxes.box(r)))
        shares = [(count, value in r) for (value, label), count in confusion.pairs.items() if index in belongs[label]]
        yield _Target(
            key, p, r, None if box is None else tuple(box[axis] for axis in axes),
            sum(count for count, _ in shares), sum(count for count, inside in shares if inside),
        )  # fmt: skip


def _stored_predictions(tally: Tally) -> Mapping[int, int]:
    """Label by stored value: of a probability map the number of the winning channel was stored."""
    if tally.soft is not None:
        return dict(enumerate(SoftTargets(tally.options, {}).labels_of_winners()))
    return {value: value for _, value in (tally.confusion.pairs if tally.confusion else ())}


def _surfaces(maps: _Maps, settings: Settings) -> Surfaces:
    forms = {bool(s.settings["surfel"]) for s in settings.selections if s.quantity.record == "surfaces"}
    diagonal = diagonal_mm(maps.reference.shape, maps.spacing_mm)
    return Surfaces(
        _form(maps, BOUNDARY_VOXELS) if False in forms else None,
        _form(maps, SURFELS) if True in forms else None,
        diagonal,
        settings.missed,
    )


def _form(maps: _Maps, form: Form) -> tuple[TargetSurface, ...]:
    boxed = [(index, maps.masks(target, target.box)) for index, target in enumerate(maps.targets) if target.box]
    found = measure_all([masks for _, masks in boxed], _threads(), form)
    surfaces = [TargetSurface(in_prediction=False, in_reference=False)] * len(maps.targets)
    for (index, _), surface in zip(boxed, found, strict=True):
        surfaces[index] = surface
    return tuple(surfaces)


def _of_all(maps: _Maps, one: Callable[[_Target, Box], TargetInstances]) -> tuple[TargetInstances, ...]:
    return tuple(
        TargetInstances(target.key) if target.box is None else one(target, target.box) for target in maps.targets
    )


def _require_memory(target: _Target, box: Box, size: int) -> None:
    sides = "×".join(str(side.stop - side.start) for side in box)
    words = f"finding instances in its box of {sides} voxels"
    require_memory(f"target {target.key}", Need(size, words, "leave its instances out"))


def _voxels(box: Box) -> int:
    return math.prod(side.stop - side.start for side in box)


def _instances(maps: _Maps, options: InstanceOptions, distances: bool, target: _Target, box: Box) -> TargetInstances:
    labels = maps.prediction.itemsize + maps.reference.itemsize if options.labelled else 0
    _require_memory(target, box, (_PER_BOX_VOXEL + labels) * _voxels(box) + _PER_SHARED_VOXEL * target.shared)
    find = partial(
        _labelled if options.labelled else _connected, options, maps.voxel_volume_mm3, [side.start for side in box]
    )
    sides = maps.values_in(target, box) if options.labelled else maps.masks_in(target, box)
    prediction, reference = (find(side) for side in sides)
    return match_instances(
        target.key, prediction, reference, options, hd95=_hd95 if distances else None, spacing_mm=maps.spacing_mm
    )


def _connected(options: InstanceOptions, voxel_mm3: float, origin: list[int], mask: Mask) -> Components:
    return find_components(
        mask, options.connectivity, min_volume_mm3=options.min_volume_mm3, voxel_volume_mm3=voxel_mm3, origin=origin
    )


def _labelled(options: InstanceOptions, voxel_mm3: float, origin: list[int], values: NDArray[Any]) -> Components:
    return given_instances(values, min_volume_mm3=options.min_volume_mm3, voxel_volume_mm3=voxel_mm3, origin=origin)


def _lesions(maps: _Maps, challenge: str, target: _Target, box: Box) -> TargetInstances:
    """Of whole volumes: a box would cut the dilation."""
    whole = tuple(slice(0, n) for n in maps.reference.shape)
    size = _PER_VOLUME_VOXEL * _voxels(whole) + _PER_LESION_BOX_VOXEL * _voxels(box)
    _require_memory(target, box, size + _PER_SHARED_VOXEL * target.predicted)
    prediction, reference = maps.masks_in(target, whole)
    return match_lesions(
        target.key, prediction, reference, BRATS_2023[challenge], hd95=_surfel_hd95, spacing_mm=maps.spacing_mm
    )


def _hd95(prediction: Mask, reference: Mask, spacing_mm: Any) -> float:
    return _distance(measure, prediction, reference, spacing_mm)


def _surfel_hd95(prediction: Mask, reference: Mask, spacing_mm: Any) -> float:
    return _distance(measure_surfels, prediction, reference, spacing_mm)


def _distance(
    one: Callable[[TargetMasks, int], TargetSurface], prediction: Mask, reference: Mask, spacing_mm: Any
) -> float:
    """hd95 of two masks that are not empty."""
    box = tuple(slice(0, n) for n in reference.shape)
    inside = frozenset((1,))
    masks = TargetMasks(prediction, reference, inside, inside, box, tuple(spacing_mm))
    return float(hd95(Surfaces((one(masks, 1),), None, 0.0))[0])


def _threads() -> int:
    """Workers of a batch keep to one core each."""
    if multiprocessing.parent_process() is not None:
        return 1
    return min(usable_cores(), _MOST_THREADS)

"""Two label maps kept whole to what needs them whole: boundary distances, instances, lesions, topology, shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Mask
from segeval.cases.axes import measured_axes
from segeval.cases.bounding import surfaces_of, threads
from segeval.cases.boxed import shapes_of, topology_of
from segeval.cases.lesions import lesions_of
from segeval.cases.reach import far_remarks
from segeval.cases.stored_values import values_of_targets
from segeval.errors import GeometryError, LabelError
from segeval.kernels import HeldPair
from segeval.kernels.boxes import Box, enclosing
from segeval.quantities import RecordName, parts_of
from segeval.settings import Settings
from segeval.shapes.all_instances import LabelMaps, Target, match_all
from segeval.shapes.counting import LabelMap
from segeval.shapes.target_masks import mark
from segeval.tallies.instances import Instances, TargetInstances
from segeval.tallies.surfaces import missed_distance
from segeval.tallies.tally import Tally, TallyOptions
from segeval.targets import LabelChoice, TargetKey
from segeval.volumes.geometry import LEAST_MM, MOST_MM, Geometry, measurable


class HeldTarget(Struct, frozen=True):
    """Where a target lies: the stored values that belong to it, and a box around all of its voxels."""

    key: TargetKey
    prediction_values: frozenset[int]
    reference_values: frozenset[int]
    box: Box | None


class HeldMaps(Struct, frozen=True):
    """Both label maps on the axes that are longer than one voxel, and where each target lies in them.

    reversed_spacing_mm: what a voxel would measure along each axis, had all of the file's axes come in reverse order.
    voxel_volume_mm3: with the axes of one voxel, whose voxels have a thickness, too; 1 where it is not known.
    """

    held: HeldPair
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    reversed_spacing_mm: tuple[float, ...]
    voxel_volume_mm3: float
    ignore: int | None
    targets: tuple[HeldTarget, ...]

    @property
    def prediction(self) -> NDArray[Any]:
        return self.held.prediction.labels.reshape(self.shape, order="F")

    @property
    def reference(self) -> NDArray[Any]:
        return self.held.reference.labels.reshape(self.shape, order="F")

    def masks_in(self, target: HeldTarget, box: Box) -> tuple[Mask, Mask]:
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
    held: HeldPair, tally: Tally, geometry: Geometry | None, voxel_volume_mm3: float | None, settings: Settings
) -> tuple[dict[RecordName, Any], list[str]]:
    """The records that the settings ask for and that no tally holds, of ``targets_of(tally)``; and remarks.

    Raises LabelError, GeometryError where they cannot be measured.
    """
    spacing, remarks = spacing_of(geometry, len(held.reference.shape))
    maps = maps_of(held, tally, settings.labels, spacing, 1.0 if voxel_volume_mm3 is None else voxel_volume_mm3)
    wanted = settings.records
    records: dict[RecordName, Any] = {}
    if "surfaces" in wanted:
        records["surfaces"] = surfaces_of(maps, settings)
        if settings.max_distance is not None:
            remarks = remarks + far_remarks(records["surfaces"], settings.max_distance)
    volume_ml = float("nan") if voxel_volume_mm3 is None else voxel_volume_mm3 / 1000
    missed_mm = missed_distance(settings.missed, maps.shape, maps.spacing_mm)
    if "instances" in wanted:
        records["instances"] = Instances(_instances(maps, settings), volume_ml, missed_mm)
    if "lesions" in wanted and len(maps.shape) == 2 and settings.asks_for_every_group:
        remarks = [
            *remarks,
            "BraTS's lesion-wise procedure is of three dimensions: its quantities are undefined",
        ]
    elif "lesions" in wanted:
        records["lesions"] = Instances(lesions_of(maps, settings), volume_ml, missed_mm)
    if "topology" in wanted:
        records["topology"] = topology_of(maps, settings.selections)
    if "shapes" in wanted:
        records["shapes"] = shapes_of(maps, settings.selections, missed_mm)
    return records, remarks


def require_label_map(options: TallyOptions, name: str) -> None:
    """Raises LabelError where there is none to measure."""
    if options.independent:
        raise LabelError(
            f"{name}: independent channels have no label map, which surfaces, instances and topology need; "
            "score a label map, or leave those quantities out"
        )


def spacing_of(geometry: Geometry | None, axes: int) -> tuple[tuple[float, ...], list[str]]:
    if geometry is None or geometry.affine is None:
        return (1.0,) * axes, ["the files state no spacing: distances are in voxels, as if each were 1 mm"]
    if not measurable(geometry.spacing_mm):
        raise GeometryError(
            f"the voxels measure {'×'.join(f'{mm:g}' for mm in geometry.spacing_mm)} mm; distances are of voxels of "
            f"{LEAST_MM:g} to {MOST_MM:g} mm: correct the spacing, or leave surfaces and instances out"
        )
    geometry.require_right_angles("surfaces and instances")
    return geometry.spacing_mm[:axes], []


def maps_of(
    held: HeldPair, tally: Tally, choice: LabelChoice, spacing: tuple[float, ...], voxel_volume_mm3: float = 1.0
) -> HeldMaps:
    shape = held.reference.shape
    axes = measured_axes(shape)
    return HeldMaps(
        held,
        tuple(shape[axis] for axis in axes),
        tuple(spacing[axis] for axis in axes),
        tuple(spacing[::-1][axis] for axis in axes),
        voxel_volume_mm3,
        tally.options.ignore,
        tuple(_targets(held, tally, choice, axes)),
    )


def _targets(held: HeldPair, tally: Tally, choice: LabelChoice, axes: list[int]) -> Iterable[HeldTarget]:
    for key, p, r in values_of_targets(tally, choice):
        whole = tuple(slice(0, n) for n in held.reference.shape)
        box = whole if 0 in p | r else enclosing((held.prediction.boxes.box(p), held.reference.boxes.box(r)))
        yield HeldTarget(key, p, r, None if box is None else tuple(box[axis] for axis in axes))


def _instances(maps: HeldMaps, settings: Settings) -> tuple[TargetInstances, ...]:
    boxed = [
        (index, Target(target.key, target.prediction_values, target.reference_values, target.box))
        for index, target in enumerate(maps.targets)
        if target.box is not None
    ]
    parts = parts_of(settings.selections)
    hd95s = [part for part in parts if part.quantity.name == "instance_hd95"]
    nsds = [part for part in parts if part.quantity.name == "instance_nsd"]
    tolerances = [tau for part in nsds if isinstance(tau := part.settings["tau"], float)]
    more = bool(tolerances) or any(part.settings["pooled"] for part in hd95s)
    overlaps = any(part.quantity.group == "detection" for part in parts)
    found = match_all(
        LabelMaps(
            LabelMap(maps.held.prediction, maps.shape),
            LabelMap(maps.held.reference, maps.shape),
            maps.spacing_mm,
            maps.voxel_volume_mm3,
            maps.ignore,
        ),
        [target for _, target in boxed],
        settings.instances,
        distances=not all(part.settings["pooled"] for part in hd95s),
        tolerances=tolerances if more else None,
        overlaps=overlaps,
        threads=threads(),
    )
    instances = [TargetInstances(target.key) for target in maps.targets]
    for (index, _), one in zip(boxed, found, strict=True):
        instances[index] = one
    return tuple(instances)

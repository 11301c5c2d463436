"""What is measured of every target of two label maps in the box that it lies in: its topology, its shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from segeval.array_types import Mask
from segeval.quantities import Selection, parts_of
from segeval.shapes.shape import band_voxels, inner_bands, moments_of
from segeval.shapes.topology import measure_mask, require_skeletons
from segeval.tallies.shape import Shapes, TargetShape
from segeval.tallies.topology import SKELETONS, TargetTopology, Topology
from segeval.volumes.memory import Need, require_memory

if TYPE_CHECKING:
    from segeval.cases.measuring import HeldMaps

T = TypeVar("T")

# Bytes per voxel of a target's box, measured: both masks; the one in a margin and its copies while it is thinned,
# or the numbers of its components or its background's; both masks eroded.
_PER_SKELETON_VOXEL, _PER_BETTI_VOXEL, _PER_SHAPE_VOXEL = 6, 9, 7


def require_library(selections: Iterable[Selection]) -> None:
    """Raises UsageError where a library is asked for that is not installed."""
    if SKELETONS & _asked(selections, "topology").keys():
        require_skeletons()


def topology_of(maps: HeldMaps, selections: Iterable[Selection]) -> Topology:
    """Of the maps' targets, in their order. Raises NotEnoughMemory."""
    asked = _asked(selections, "topology")
    skeletons = {str(part.settings["axes"]) for name in SKELETONS for part in asked.get(name, ())}
    betti = bool(asked.keys() - SKELETONS)

    def measured(prediction: Mask, reference: Mask) -> TargetTopology:
        return TargetTopology(
            measure_mask(prediction, reference, skeletons=skeletons, betti=betti),
            measure_mask(reference, prediction, skeletons=skeletons, betti=betti),
        )

    per_voxel = _PER_BETTI_VOXEL if betti else _PER_SKELETON_VOXEL
    return Topology(tuple(_of_each(maps, measured, TargetTopology(), "topology", per_voxel)))


def shapes_of(maps: HeldMaps, selections: Iterable[Selection], missed_mm: float) -> Shapes:
    """Of the maps' targets, in their order. Raises NotEnoughMemory."""
    asked = _asked(selections, "shapes")
    shares = [float(part.settings["d"] or 0) for part in asked.get("boundary_iou", ())]
    moments = bool(asked.keys() - {"boundary_iou"})

    def measured(prediction: Mask, reference: Mask) -> TargetShape:
        bands = {share: inner_bands((prediction, reference), band_voxels(share, maps.shape)) for share in shares}
        if not moments:
            return TargetShape(bands=bands)
        return TargetShape(moments_of(prediction, maps.spacing_mm), moments_of(reference, maps.spacing_mm), bands)

    return Shapes(tuple(_of_each(maps, measured, TargetShape(), "shape", _PER_SHAPE_VOXEL)), missed_mm)


def _of_each(maps: HeldMaps, measured: Callable[[Mask, Mask], T], nothing: T, what: str, per_voxel: int) -> Iterator[T]:
    """One target after the other, as most of the work holds Python's lock; ``nothing`` of those without a box."""
    for target in maps.targets:
        if target.box is None:
            yield nothing
            continue
        size = [side.stop - side.start for side in target.box]
        words = f"the {what} of its box of {'×'.join(map(str, size))} voxels"
        require_memory(f"target {target.key}", Need(per_voxel * math.prod(size), words, f"leave its {what} out"))
        yield measured(*maps.masks_in(target, target.box))


def _asked(selections: Iterable[Selection], record: str) -> dict[str, list[Selection]]:
    """The quantities of a record among all that these are computed from, by name."""
    found: dict[str, list[Selection]] = {}
    for part in parts_of(selections):
        if part.quantity.record == record:
            found.setdefault(part.quantity.name, []).append(part)
    return found

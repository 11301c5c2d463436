"""The topology of every target of two label maps, each in the box that it lies in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from segeval.quantities import Selection, parts_of
from segeval.shapes.topology import measure_mask, require_skeletons
from segeval.tallies.topology import TargetTopology, Topology
from segeval.volumes.memory import Need, require_memory

if TYPE_CHECKING:
    from segeval.cases.measuring import HeldMaps

_SKELETONS = frozenset({"topology_precision", "topology_sensitivity", "cldice"})
"""The quantities that need them, and with them an optional library."""

# Bytes per voxel of a target's box, measured: both masks, the one in a margin and its copies while it is thinned; or
# the numbers of its components or its background's.
_PER_SKELETON_VOXEL, _PER_BETTI_VOXEL = 6, 9


def require_library(selections: Iterable[Selection]) -> None:
    """Raises UsageError where a library is asked for that is not installed."""
    if _SKELETONS & _names(selections):
        require_skeletons()


def topology_of(maps: HeldMaps, selections: Iterable[Selection]) -> Topology:
    """Of the maps' targets, in their order, one after the other, as thinning holds Python's lock.

    Raises NotEnoughMemory.
    """
    names = _names(selections)
    skeletons, betti = bool(names & _SKELETONS), bool(names - _SKELETONS)
    per_voxel = _PER_BETTI_VOXEL if betti else _PER_SKELETON_VOXEL
    found = []
    for target in maps.targets:
        if target.box is None:
            found.append(TargetTopology())
            continue
        size = [side.stop - side.start for side in target.box]
        words = f"the topology of its box of {'×'.join(map(str, size))} voxels"
        require_memory(f"target {target.key}", Need(per_voxel * math.prod(size), words, "leave its topology out"))
        prediction, reference = maps.masks_in(target, target.box)
        found.append(
            TargetTopology(
                measure_mask(prediction, reference, skeletons=skeletons, betti=betti),
                measure_mask(reference, prediction, skeletons=skeletons, betti=betti),
            )
        )
    return Topology(tuple(found))


def _names(selections: Iterable[Selection]) -> frozenset[str]:
    """The quantities of topology among all that these are computed from."""
    return frozenset(part.quantity.name for part in parts_of(selections) if part.quantity.record == "topology")

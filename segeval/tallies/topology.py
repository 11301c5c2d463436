"""What the topology of a pair is computed from: per target, the skeletons' voxels and the Betti numbers of both masks.

The definitions are in docs/quantities.md. Records are frozen and do not add: they are of whole volumes.
"""

from __future__ import annotations

from msgspec import Struct

SKELETONS = frozenset({"topology_precision", "topology_sensitivity", "cldice"})
"""The quantities that need them, and with them an optional library and the whole volume."""
STORED, REVERSED = "stored", "reversed"
"""The order of the axes in which a mask is thinned."""

Betti = tuple[int, int, int]
"""Components, tunnels (in 2-D: holes), cavities (in 2-D: 0)."""


class MaskTopology(Struct, frozen=True):
    """One mask of a target.

    voxels: of the mask. skeleton: voxels of its skeleton. inside: those of them that lie in the other volume's mask.
    betti: of the mask; 0 where it is empty. reversed_skeleton, reversed_inside: of the skeleton that thinning the axes
    in reverse order leaves. What was not asked for is 0, too.
    """

    voxels: int = 0
    skeleton: int = 0
    inside: int = 0
    betti: Betti = (0, 0, 0)
    reversed_skeleton: int = 0
    reversed_inside: int = 0

    @property
    def euler(self) -> int:
        """The Euler characteristic."""
        components, tunnels, cavities = self.betti
        return components - tunnels + cavities


class TargetTopology(Struct, frozen=True):
    """Both masks of one label or region."""

    prediction: MaskTopology = MaskTopology()
    reference: MaskTopology = MaskTopology()


class Topology(Struct, frozen=True):
    """Every target of a pair of volumes, in the order of the rows."""

    targets: tuple[TargetTopology, ...]

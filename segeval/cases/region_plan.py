"""What is looked for in the boxes of two label maps, decided before the first voxel: or why the whole volume is needed.

Labels are looked for by their own value, in one pass; each region, and the background, in a pass of its own. A
probability map is the label map that its winning channels make.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.cases.axes import measured_axes
from segeval.kernels.boxes import Box
from segeval.kernels.soft_targets import SoftTargets
from segeval.quantities import Selection, parts_of
from segeval.settings import Settings
from segeval.shapes.cavities import edges_of
from segeval.shapes.near import Reach
from segeval.shapes.regions import Search
from segeval.tallies.surfaces import BACKGROUND as OUTSIDE
from segeval.tallies.surfaces import VOLUME
from segeval.tallies.tally import TallyOptions
from segeval.tallies.topology import SKELETONS
from segeval.targets import BACKGROUND, LabelChoice, Region
from segeval.volumes.geometry import Geometry
from segeval.volumes.memory import Need, require_memory
from segeval.words.lists import named

_DISTANCES = {"instance_hd95": "is a distance, which is", "instance_nsd": "is of distances, which are"}
_USUAL_BOUNDARY = {"surfel": False, "boundary": VOLUME, "outside": OUTSIDE}
_PER_HALO_VOXEL = 40  # bytes of a box with its halo: both sides as stored and as codes, where boundaries are
_MOST_NAMED = 3
_OF_WHOLE_VOLUMES = ("lesions", "shapes", "profile", "maps", "detections")


class Layer(Struct, frozen=True):
    """Which values are looked for in one pass. region: those of it as one; None: labels, each by itself, or, with
    ``background``, what is no label as one. choice: which labels there are."""

    choice: LabelChoice
    region: Region | None = None
    background: bool = False

    @property
    def of_labels(self) -> bool:
        return self.region is None and not self.background

    def covers(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of these are looked for."""
        if self.region is not None:
            return among(values, self.region.labels) if self.region.labels else np.not_equal(values, BACKGROUND)
        if self.choice.values is None:
            labels: NDArray[np.bool_] = np.not_equal(values, BACKGROUND)
            if self.choice.ignore is not None:
                labels &= ~among(values, (self.choice.ignore,))
        else:
            labels = among(values, self.choice.values)
        return ~labels if self.background else labels


class Plan(Struct, frozen=True):
    """What is looked for in every box.

    whole: the shape of the volumes; axes: of it, that are looked at. edges: along these, where boxes begin, and where
    the volume ends. unsigned: whether prediction and reference hold integers without a sign. instances, topology: None
    where they were not asked for; one search where both look for the same. cavities: count them.
    reach: of distances, where these are asked for. winners: of a probability map, the label of each winning channel.
    """

    whole: tuple[int, ...]
    axes: tuple[int, ...]
    unsigned: tuple[bool, bool]
    edges: tuple[tuple[int, ...], ...]
    layers: tuple[Layer, ...]
    instances: Search | None
    topology: Search | None
    cavities: bool
    reach: Reach | None
    ignore: int | None
    winners: tuple[int, ...] = ()

    def labels_of(self, won: NDArray[Any]) -> NDArray[Any]:
        """Of winning channels, by their numbers."""
        if self.winners == tuple(range(len(self.winners))):
            return won
        labels = np.array(self.winners, dtype=np.result_type(*map(np.min_scalar_type, self.winners)))
        if won.strides == (0,):
            return np.broadcast_to(labels[won[0]], won.shape)
        return labels.take(won)

    def around(self, box: Box) -> Box:
        """The box, with its halo where distances are asked for."""
        if self.reach is None:
            return box
        grown = list(box)
        inside = self.reach.around(tuple(box[axis] for axis in self.axes), self.shape)
        for axis, side in zip(self.axes, inside, strict=True):
            grown[axis] = side
        return tuple(grown)

    @property
    def shape(self) -> tuple[int, ...]:
        """Along the axes that are looked at."""
        return tuple(self.whole[axis] for axis in self.axes)

    def searches(self, layer: Layer) -> dict[str, Search]:
        """Those of a layer, by what they are for."""
        found = {"instances": self.instances, "topology": self.topology}
        if self.instances is not None and self.instances == self.topology:
            del found["topology"]
        return {
            name: replace(search, equal_pairs=layer.of_labels or not search.given)
            for name, search in found.items()
            if search is not None
        }


def why_whole(settings: Settings) -> str | None:
    """What is asked for that only the whole volume tells, as a clause; None where there is nothing such."""
    parts = parts_of(settings.selections)
    names = {part.quantity.name for part in parts}
    surfaces = [part for part in parts if part.quantity.record == "surfaces"]
    if whole := [part for part in parts if part.quantity.record in _OF_WHOLE_VOLUMES]:
        kinds = "lesions, shapes, profiles, detection maps and losses of whole maps"
        return f"{kinds} are measured on the whole volume ({_named(whole)})"
    if surfaces and settings.max_distance is None:
        return f"distances are measured on the whole volume, or up to --max-distance MM ({_named(surfaces)})"
    unusual = [
        part
        for part in surfaces
        if any(part.settings.get(name, usual) != usual for name, usual in _USUAL_BOUNDARY.items())
    ]
    if unusual:
        words = "boundaries of surfels, slices, edges and corners, or open ones, are found in the whole volume"
        return f"{words} ({_named(unusual)})"
    for name, words in _DISTANCES.items():
        if name in names:
            return f"{name} {words} measured on the whole volume; name other quantities, like pq"
    if skeletons := [part for part in parts if part.quantity.name in SKELETONS]:
        words = "skeletons are made of the whole volume"
        return f"{words} ({_named(skeletons)}); of topology, name betti0_error to betti2_error or euler_error"
    return None


def _named(parts: Sequence[Selection]) -> str:
    return named((part.key for part in parts), _MOST_NAMED)


def plan_of(
    settings: Settings,
    shape: Sequence[int],
    unsigned: tuple[bool, bool],
    boxes: Sequence[Box],
    geometry: Geometry | None = None,
    soft: TallyOptions | None = None,
    per_voxel: int = 0,
) -> Plan:
    """boxes: all of the volume's. soft, per_voxel: of a probability map; bytes of its channels.

    Raises LabelError, GeometryError, NotEnoughMemory, UsageError where what is asked for cannot be found in boxes.
    """
    axes = measured_axes(shape)
    sides = tuple(shape[axis] for axis in axes)
    names = {part.quantity.name for part in parts_of(settings.selections)}
    cells = bool(names & {"betti1_error", "euler_error"})
    options, instances, topology = settings.instances, None, None
    if "instances" in settings.records:
        instances = Search(sides, None if options.labelled else options.connectivity, options.labelled)
        require_connectivity(len(sides), instances.connectivity)
    if "topology" in settings.records:
        topology = Search(sides, cells=cells)
        if instances is not None and not instances.given and instances.reach == topology.reach:
            instances = topology
    choice = settings.labels
    any_label = soft is not None and soft.any_foreground  # which one, the whole reference tells
    labels = Layer(choice, Region("*", None)) if any_label else Layer(choice)
    layers = [labels, *(Layer(choice, region) for region in choice.regions)]
    if choice.background:
        layers.append(Layer(choice, background=True))
    edges = tuple(tuple(along.tolist()) for along in edges_of([tuple(box[axis] for axis in axes) for box in boxes]))
    cavities = len(sides) > 2 and bool(names & {"betti1_error", "betti2_error"})
    reach = _reach_of(settings, shape, axes, geometry) if "surfaces" in settings.records else None
    winners = () if soft is None else SoftTargets(soft, {}).labels_of_winners()
    plan = Plan(
        tuple(shape),
        tuple(axes),
        (min(winners) >= 0, unsigned[1]) if winners else unsigned,
        edges,
        tuple(layers),
        instances,
        topology,
        cavities,
        reach,
        choice.ignore,
        winners,
    )
    if reach is not None:
        voxels = max(math.prod(side.stop - side.start for side in plan.around(box)) for box in boxes)
        words = f"measuring distances in a box of {voxels:,} voxels with its halo"
        require_memory("a part", Need((_PER_HALO_VOXEL + per_voxel) * voxels, words, "write a smaller --max-distance"))
    return plan


def _reach_of(settings: Settings, shape: Sequence[int], axes: Sequence[int], geometry: Geometry | None) -> Reach:
    from segeval.cases.bounding import measures
    from segeval.cases.measuring import spacing_of
    from segeval.cases.reach import require_reach

    require_reach(settings)
    stored, _ = spacing_of(geometry, len(shape))
    turned = stored[::-1]
    spacing = measures(settings, tuple(stored[axis] for axis in axes), tuple(turned[axis] for axis in axes))
    return Reach(settings.max_distance or 0.0, spacing)


def require_connectivity(axes: int, connectivity: int | None) -> None:
    """Raises UsageError where there are no such neighbours in so many axes."""
    from segeval.shapes.slabs import Numbering

    Numbering(axes, connectivity)


def code_of(value: int) -> int:
    """A value as 64 bits with a sign, in which it is kept."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def among(values: NDArray[Any], of: Sequence[int] | frozenset[int]) -> NDArray[np.bool_]:
    """Which values are among some, none of which need fit into their type."""
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    limits = np.iinfo(values.dtype)
    fitting = [value for value in of if limits.min <= value <= limits.max]
    if len(fitting) == 1:
        return np.asarray(values == values.dtype.type(fitting[0]))
    return np.isin(values, np.array(fitting, dtype=values.dtype))

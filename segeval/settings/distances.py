"""The options of grids, and of what is measured on them: distances, instances, lesions."""

import math
from collections.abc import Mapping
from typing import Annotated

from msgspec import field

from segeval.choices import DistanceSpacing, GeometryPolicy, MatchBy, Matching
from segeval.errors import UsageError
from segeval.settings import words
from segeval.settings.labels import require_tolerances, require_weighable, tolerances_of, weights_by_target
from segeval.settings.option import DISTANCES, GRID, Option, Setting, asked, require_word
from segeval.settings.protocols import Protocol, challenge_of
from segeval.settings.values import Values
from segeval.tallies.instances import DEFAULT_CHALLENGE, InstanceOptions
from segeval.targets import TargetKey


class Distances(Values, frozen=True):
    """geometry, tolerance: how the grids must match; a fraction of the reference's smallest spacing.
    distance_spacing: what voxels measure in surface distances.
    missed: the distance in mm of a label that one volume lacks, or NaN; None for the image's diagonal between the
        centres of its voxels, ``box`` for that of the box that they fill.
    tau: what nsd tolerates, mm, by label value, label name or region, by ``*`` for all others; None for 1 mm.
    max_distance: up to which surface distances are told, mm; None for all.
    instances: how instances are found and matched. challenge: whose lesion-wise procedure, or its parameters.
    """

    geometry: Annotated[
        GeometryPolicy,
        asked(
            GRID,
            "Another grid is an error, resampled to the reference's, or ignored (equal shapes).",
            files_only=True,
            group="policy",
            signed=words.geometry_signed,
        ),
    ] = "strict"
    tolerance: Annotated[
        float, asked(GRID, "Largest displacement of a corner voxel, in smallest spacings.", files_only=True)
    ] = 1e-2
    distance_spacing: Annotated[
        DistanceSpacing,
        asked(
            DISTANCES,
            "In surface distances a voxel measures what the file says, 1, or that of the axes in reverse order.",
            group="maps",
            signed=words.distance_spacing_signed,
            document=words.distance_spacing_document,
        ),
    ] = "stored"
    missed: Annotated[
        float | str | None,
        asked(
            DISTANCES,
            "Distance of a label that one volume lacks. The box is that of all voxels, from corner to corner.",
            asks=str,
            default="diagonal",
            metavar="diagonal|box|nan|MM",
            made=words.missed_mm,
            group="maps",
            signed=words.missed_signed,
            document=words.missed_document,
        ),
    ] = None
    tau: Annotated[
        Mapping[TargetKey, float] | None,
        asked(
            DISTANCES,
            "Tolerance of nsd in mm: for all, or by label, name or region, * for the others. Default: 1.",
            asks=str | None,
            metavar="MM|liver=5,*=1",
            made=tolerances_of,
            group="maps",
            signed=words.tau_signed,
            document=words.tau_document,
        ),
    ] = None
    max_distance: Annotated[
        float | None,
        asked(
            DISTANCES,
            "Surface distances are exact up to so many mm, and what depends on larger ones is undefined; in parts of a "
            "volume, needed.",
            metavar="MM",
            group="maps",
            document=words.where_chosen("max_distance"),
        ),
    ] = None
    instances: Annotated[
        InstanceOptions,
        Setting(
            options={
                "instances": Option(
                    panel=DISTANCES, asks=bool, default=False, help="The maps' values are instances: split nothing."
                ),
                "connectivity": Option(
                    panel=DISTANCES,
                    asks=int | None,
                    metavar="6|18|26",
                    help="Neighbours that make one instance (4 or 8 in 2-D). Default: all.",
                ),
                "min_volume_mm3": Option(
                    panel=DISTANCES, asks=float, default=0.0, help="Smaller instances are dropped."
                ),
                "matching": Option(
                    panel=DISTANCES, asks=Matching, default="one-to-one", help="How instances are matched."
                ),
                "iou": Option(
                    panel=DISTANCES,
                    asks=float,
                    default=0.5,
                    help="What the IoU of a match must exceed, or reach where it is greedy.",
                ),
                "match_by": Option(
                    panel=DISTANCES,
                    asks=MatchBy,
                    default="iou",
                    help="Whether --iou, and what competes for a match, is the IoU or the Dice of a pair.",
                ),
            },
            made=lambda labelled, *others: InstanceOptions(*others, labelled),
            group="instances",
            signed=lambda s: f"instances:{s.instances}",
            document=words.instances_document,
        ),
    ] = field(default_factory=InstanceOptions)
    challenge: Annotated[
        str,
        Setting(
            options={
                "protocol": Option(
                    panel=DISTANCES,
                    asks=str | None,
                    metavar="NAME|FILE",
                    help="A challenge's procedure: its labels, regions, quantities and parameters, or a TOML file of "
                    "your own; `segeval protocols` lists them.",
                ),
                "lesionwise": Option(
                    panel=DISTANCES,
                    asks=str | None,
                    metavar="gli|ssa|ped|men|met|dilation=3,…",
                    help="The parameters of the lesion-wise quantities: a challenge of BraTS 2023, or each of them. "
                    "Default: gli.",
                ),
            },
            made=challenge_of,
            group="lesions",
            signed=lambda s: f"lesionwise:{s.challenge}",
        ),
    ] = DEFAULT_CHALLENGE
    protocol: Annotated[
        Protocol | None,
        Setting(options={}, group="always", signed=words.protocol_signed, document=words.protocol_document),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_word("geometry", self.geometry, GeometryPolicy)
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise UsageError(f"--tolerance {self.tolerance:g}: write a fraction of the smallest spacing, like 0.01")
        require_word("distance_spacing", self.distance_spacing, DistanceSpacing)
        if isinstance(self.missed, float) and self.missed < 0:
            raise UsageError(f"--missed {self.missed:g}: write diagonal, box, nan, or a distance in mm of at least 0")
        if self.max_distance is not None and not 0 < self.max_distance < math.inf:
            raise UsageError(f"--max-distance {self.max_distance:g}: write a distance above 0 in mm")
        require_weighable(self.class_weights, self.labels)
        if self.labels.names:
            weights_by_target(self.class_weights, self.labels)  # refused before anything is read
        if self.tau is not None:
            require_tolerances(self.tau, self.labels, named=bool(self.labels.names) or self.labels.values is not None)

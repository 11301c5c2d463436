"""Every choice of a user in one record, each declared with the option that asks for it.

Nothing heavy is imported here: the commands' help is made of these declarations.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from msgspec import Struct, field
from msgspec.structs import replace

from segeval.choices import Activation, BackendName, Channels, EmptyPolicy, GeometryPolicy, Kind, Matching
from segeval.errors import UsageError
from segeval.settings import words
from segeval.settings.labels import label_choice, weights_of
from segeval.settings.option import (
    DISTANCES,
    GRID,
    LABELS,
    OUTPUT,
    QUANTITIES,
    RUNNING,
    VALUES,
    Group,
    Option,
    Setting,
    asked,
)
from segeval.settings.protocols import challenge_of
from segeval.settings.volume_choice import VolumeChoice, volume_choice
from segeval.tallies.instances import DEFAULT_CHALLENGE, InstanceOptions
from segeval.targets import LabelChoice, TargetKey
from segeval.version import __version__

if TYPE_CHECKING:
    from segeval.quantities import RecordName, ScoringSettings, Selection

_WORDS: dict[str, tuple[str, ...]] = {
    "empty": get_args(EmptyPolicy),
    "kind": get_args(Kind),
    "channels": get_args(Channels),
    "activation": get_args(Activation),
    "geometry": get_args(GeometryPolicy),
    "backend": get_args(BackendName),
}


class Settings(Struct, frozen=True, dict=True):
    """How to evaluate a prediction.

    labels: what is evaluated. metrics: which quantities, under which settings, as text. empty: the value of the
    undefined overlap of a label that both volumes lack. class_weights: by label, for ``weighted_ce``.
    kind: what the prediction holds, None to find out. threshold: inclusive, for single and independent maps.
    channels: ``independent`` for separate sigmoid maps. activation, scale, clip: how stored values become
    probabilities. class_axis: the stored axis of the classes, from 0. volume: which one of a file that holds several.
    geometry, tolerance: how the grids must match; a fraction of the reference's smallest spacing.
    missed: the distance in mm of a label that one volume lacks, or NaN; None for the image's diagonal.
    instances: how instances are found and matched. challenge: whose lesion-wise procedure.
    hashed: compute the SHA-256 of both files.
    backend: where voxels are counted; the numbers are the same, so that the signature does not name it.
    """

    labels: Annotated[
        LabelChoice,
        Setting(
            options={
                "labels": Option(
                    panel=LABELS, asks=str | None, metavar="1,2,3|*|FILE", is_path=True,
                    help="Labels to evaluate, or a label file (nnU-Net dataset.json, BIDS dseg.tsv, ITK-SNAP, "
                    "FreeSurfer, JSON, TOML). Default: every non-zero label in either volume.",
                ),
                "regions": Option(
                    panel=LABELS, asks=list[str] | None, flag="--region", metavar="NAME=1+2",
                    help="A row for a union of labels; NAME=* for all. Repeatable.",
                ),
                "ignore_label": Option(
                    panel=LABELS, asks=int | None, help="Reference value whose voxels count nowhere."
                ),
                "background": Option(panel=LABELS, asks=bool, default=False, help="Add label 0's row."),
            },
            made=label_choice, group="input", signed=words.labels_signed, document=words.labels_document,
        ),
    ] = field(default_factory=LabelChoice)  # fmt: skip
    metrics: Annotated[
        str | None,
        asked(
            QUANTITIES,
            "Quantities, or groups: overlap and losses (the default), surface, instances, lesionwise, calibration. "
            "`segeval quantities` explains them all.",
            metavar="NAME[:KEY=VALUE]…,…", group="quantities",
            signed=words.quantities_signed, document=words.metrics_document,
        ),
    ] = None  # fmt: skip
    empty: Annotated[EmptyPolicy, asked(LABELS, "Overlap of a label that both volumes lack.", group="policy")] = "nan"
    class_weights: Annotated[
        Mapping[TargetKey, float] | None,
        asked(
            QUANTITIES, "Weights for weighted_ce. Default: N / (C R) per label.", asks=str | None,
            metavar="0=0.2,1=1,…", made=weights_of, group="always",
            signed=words.weights_signed, document=words.weights_document,
        ),
    ] = None  # fmt: skip
    kind: Annotated[
        Kind | None,
        asked(VALUES, "What the prediction holds, where the file leaves it open.", document=words.kind_document),
    ] = None
    threshold: Annotated[
        float,
        asked(VALUES, "Foreground from here on, inclusive (single and independent maps).", group="probabilities"),
    ] = 0.5
    channels: Annotated[Channels, asked(VALUES, "One softmax, or separate sigmoid maps.", group="probabilities")] = (
        "exclusive"
    )
    activation: Annotated[Activation | None, asked(VALUES, "The map holds logits.", group="probabilities")] = None
    scale: Annotated[
        float | None,
        asked(VALUES, "The stored value that means probability 1.", metavar="255", group="probabilities"),
    ] = None
    clip: Annotated[bool, asked(VALUES, "Clip a map that overshoots 0 to 1.", group="probabilities")] = False
    class_axis: Annotated[
        int | None,
        asked(
            VALUES, "Stored axis of the classes, from 0. Default: the last after the third.", group="probabilities",
            files_only=True,
        ),
    ] = None  # fmt: skip
    volume: Annotated[
        VolumeChoice | None,
        asked(
            VALUES,
            "Of a file that holds several volumes (4-D), the one to score, from 0; K,J for prediction and reference.",
            asks=str | None, metavar="K|K,J", files_only=True, made=volume_choice, group="input",
            signed=words.volume_signed, document=words.volume_document,
        ),
    ] = None  # fmt: skip
    geometry: Annotated[
        GeometryPolicy,
        asked(
            GRID, "Another grid is an error, resampled to the reference's, or ignored (equal shapes).",
            files_only=True, group="policy", signed=words.geometry_signed,
        ),
    ] = "strict"  # fmt: skip
    tolerance: Annotated[
        float, asked(GRID, "Largest displacement of a corner voxel, in smallest spacings.", files_only=True)
    ] = 1e-2
    missed: Annotated[
        float | None,
        asked(
            DISTANCES, "Distance of a label that one volume lacks.", asks=str, default="diagonal",
            metavar="diagonal|nan|MM", made=words.missed_mm, group="maps",
            signed=words.missed_signed, document=words.missed_document,
        ),
    ] = None  # fmt: skip
    instances: Annotated[
        InstanceOptions,
        Setting(
            options={
                "instances": Option(
                    panel=DISTANCES, asks=bool, default=False, help="The maps' values are instances: split nothing."
                ),
                "connectivity": Option(
                    panel=DISTANCES, asks=int | None, metavar="6|18|26",
                    help="Neighbours that make one instance (4 or 8 in 2-D). Default: all.",
                ),
                "min_volume_mm3": Option(
                    panel=DISTANCES, asks=float, default=0.0, help="Smaller instances are dropped."
                ),
                "matching": Option(
                    panel=DISTANCES, asks=Matching, default="one-to-one", help="How instances are matched."
                ),
                "iou": Option(panel=DISTANCES, asks=float, default=0.5, help="What the IoU of a match must exceed."),
            },
            made=lambda labelled, *others: InstanceOptions(*others, labelled),
            group="instances", signed=lambda s: f"instances:{s.instances}", document=words.instances_document,
        ),
    ] = field(default_factory=InstanceOptions)  # fmt: skip
    challenge: Annotated[
        str,
        asked(
            DISTANCES,
            "A challenge's procedure: its regions, quantities and parameters (gli, ssa, ped, men, met).",
            name="protocol", asks=str | None, metavar="brats-lesionwise[:gli|…]", made=challenge_of,
            group="lesions", signed=lambda s: f"lesionwise:{s.challenge}",
        ),
    ] = DEFAULT_CHALLENGE  # fmt: skip
    hashed: Annotated[
        bool,
        asked(
            OUTPUT, "Report the SHA-256 of both files.", name="hash", files_only=True, document=words.not_written
        ),
    ] = False  # fmt: skip
    backend: Annotated[
        BackendName,
        asked(
            RUNNING, "Where voxels are counted: numpy; cupy, on a CUDA device; auto, there for large probability maps."
        ),
    ] = "numpy"

    def __post_init__(self) -> None:
        for option, known in _WORDS.items():
            if (word := getattr(self, option)) is not None and word not in known:
                raise UsageError(f"{option}={word!r}: write {' or '.join(known)}")
        for label, weight in (self.class_weights or {}).items():
            if not (math.isfinite(weight) and weight >= 0):
                raise UsageError(f"class weight {label}={weight:g}: write a weight of at least 0, like 1=0.5")
        if self.kind == "labels" and self.speaks_of_probabilities:
            raise UsageError("--kind labels contradicts --activation, --scale, --clip and --channels independent")
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise UsageError(f"--scale {self.scale:g}: write the stored value that means probability 1, like 255")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise UsageError(f"--tolerance {self.tolerance:g}: write a fraction of the smallest spacing, like 0.01")
        if self.missed is not None and self.missed < 0:
            raise UsageError(f"--missed {self.missed:g}: write diagonal, nan, or a distance in mm of at least 0")
        if not math.isfinite(self.threshold):
            raise UsageError(f"--threshold {self.threshold:g}: write a number, like 0.5")

    @property
    def speaks_of_probabilities(self) -> bool:
        """Whether some option makes sense for a probability map only, and so settles the kind."""
        return self.activation is not None or self.scale is not None or self.clip or self.channels == "independent"

    def for_label_maps(self) -> "Settings":
        """The same, without what makes sense for a probability map only."""
        return replace(
            self, kind="labels", activation=None, scale=None, clip=False, channels="exclusive", class_axis=None
        )

    @cached_property
    def selections(self) -> "tuple[Selection, ...]":
        """The quantities, with their settings. Raises UsageError for what ``metrics`` names and nobody knows."""
        from segeval.quantities import select

        return select(self.metrics)

    def with_quantities(self, more: Sequence[str]) -> "Settings":
        """With these, too, beside those that were chosen or are the usual ones."""
        from segeval.quantities.quantity import DEFAULT_GROUPS

        return replace(self, metrics=",".join([self.metrics or ",".join(DEFAULT_GROUPS), *more]))

    @property
    def records(self) -> "frozenset[RecordName]":
        """What has to be measured for the quantities."""
        return frozenset(selection.quantity.record for selection in self.selections)

    @property
    def holds_label_maps(self) -> bool:
        """Whether both label maps must be kept whole."""
        return bool(self.records & {"surfaces", "instances", "lesions"})

    @property
    def takes_maps_in_parts(self) -> bool:
        """Whether nothing needs a whole label map at once: instances are found slab by slab."""
        return not self.records & {"surfaces", "lesions"}

    @property
    def scoring(self) -> "ScoringSettings":
        """The part that may change after the last voxel."""
        from segeval.quantities import ScoringSettings

        return ScoringSettings(self.selections, self.empty, self.class_weights)

    def document(self) -> dict[str, Any]:
        """The settings for the JSON output."""
        found: dict[str, Any] = {}
        for name, setting in declared().items():
            found |= {name: getattr(self, name)} if setting.document is None else setting.document(self)
        return found

    def signature(self, kind: Kind | None) -> str:
        """One line that states the version and every setting that can change a number.

        kind: what the predictions turned out to hold.
        """
        kind = kind or self.kind
        parts = [f"segeval:{__version__}", f"kind:{kind or 'auto'}"]
        for group in self._groups(kind):
            parts += [
                words.signed(self, name, setting) for name, setting in declared().items() if setting.group == group
            ]
        return "|".join(filter(None, parts))

    def _groups(self, kind: Kind | None) -> Iterator[Group]:
        """The parts of the signature that say something."""
        said: dict[Group, bool] = {
            "probabilities": kind == "probabilities",
            "maps": self.holds_label_maps,
            "instances": "instances" in self.records,
            "lesions": "lesions" in self.records,
        }
        return (group for group in get_args(Group) if said.get(group, True))


@cache
def declared() -> Mapping[str, Setting]:
    """The declaration of each field, in their order."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hints[name].__metadata__[0] for name in Settings.__struct_fields__}

"""Every choice of a user in one record, and the signature that states those which can change a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from segeval.choices import Activation, BackendName, Channels, EmptyPolicy, GeometryPolicy, Kind
from segeval.errors import UsageError
from segeval.instances import DEFAULT_CHALLENGE, InstanceOptions
from segeval.quantities import RecordName, ScoringSettings, Selection, records_needed, select
from segeval.tallies import TargetKey
from segeval.targets import LabelChoice
from segeval.version import __version__
from segeval.workflow.series import VolumeChoice, volume_document, volume_text

_WORDS: dict[str, tuple[str, ...]] = {
    "empty": get_args(EmptyPolicy),
    "kind": get_args(Kind),
    "channels": get_args(Channels),
    "activation": get_args(Activation),
    "geometry": get_args(GeometryPolicy),
    "backend": get_args(BackendName),
}


class Settings(Struct, frozen=True):
    """How to evaluate a prediction.

    labels: what is evaluated. selections: which quantities, under which settings. empty: the value of the undefined
    overlap of a label that both volumes lack. class_weights: by label, for ``weighted_ce``.
    kind: what the prediction holds, None to find out. threshold: inclusive, for single and independent maps.
    channels: ``independent`` for separate sigmoid maps. activation, scale, clip: how stored values become
    probabilities. class_axis: the stored axis of the classes, from 0. volume: which one of a file that holds several.
    geometry, tolerance: how the grids must match; a fraction of the reference's smallest spacing.
    missed: the distance in mm of a label that one volume lacks, or NaN; None for the image's diagonal.
    instances: how instances are found and matched. challenge: whose lesion-wise procedure.
    hashed: compute the SHA-256 of both files.
    backend: where voxels are counted; the numbers are the same, so that the signature does not name it.
    """

    labels: LabelChoice = field(default_factory=LabelChoice)
    selections: tuple[Selection, ...] = field(default_factory=select)
    empty: EmptyPolicy = "nan"
    class_weights: Mapping[TargetKey, float] | None = None
    kind: Kind | None = None
    threshold: float = 0.5
    channels: Channels = "exclusive"
    activation: Activation | None = None
    scale: float | None = None
    clip: bool = False
    class_axis: int | None = None
    volume: VolumeChoice | None = None
    geometry: GeometryPolicy = "strict"
    tolerance: float = 1e-2
    missed: float | None = None
    instances: InstanceOptions = field(default_factory=InstanceOptions)
    challenge: str = DEFAULT_CHALLENGE
    hashed: bool = False
    backend: BackendName = "numpy"

    def __post_init__(self) -> None:
        for option, words in _WORDS.items():
            if (word := getattr(self, option)) is not None and word not in words:
                raise UsageError(f"{option}={word!r}: write {' or '.join(words)}")
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

    def for_label_maps(self) -> Settings:
        """The same, without what makes sense for a probability map only."""
        return replace(
            self, kind="labels", activation=None, scale=None, clip=False, channels="exclusive", class_axis=None
        )

    @property
    def records(self) -> frozenset[RecordName]:
        """What has to be measured for the quantities."""
        return records_needed(self.selections)

    @property
    def holds_label_maps(self) -> bool:
        """Whether both label maps must be kept whole."""
        return bool(self.records & {"surfaces", "instances", "lesions"})

    @property
    def takes_maps_in_parts(self) -> bool:
        """Whether nothing needs a whole label map at once: instances are found slab by slab."""
        return not self.records & {"surfaces", "lesions"}

    @property
    def scoring(self) -> ScoringSettings:
        """The part that may change after the last voxel."""
        return ScoringSettings(self.selections, self.empty, self.class_weights)

    def document(self) -> dict[str, Any]:
        """The settings for the JSON output."""
        return {
            "labels": "auto" if self.labels.values is None else list(self.labels.values),
            "regions": {r.name: "*" if r.labels is None else sorted(r.labels) for r in self.labels.regions},
            "ignore_label": self.labels.ignore,
            "background": self.labels.background,
            "metrics": [selection.key for selection in self.selections],
            "empty": self.empty,
            "class_weights": None if self.class_weights is None else {str(k): v for k, v in self._sorted_weights()},
            "kind": self.kind or "auto",
            "threshold": self.threshold,
            "channels": self.channels,
            "activation": self.activation,
            "scale": self.scale,
            "clip": self.clip,
            "class_axis": self.class_axis,
            **({} if self.volume is None else {"volume": volume_document(self.volume)}),
            "geometry": self.geometry,
            "tolerance": self.tolerance,
            "missed": missed_text(self.missed),
            "instances": asdict(self.instances),
            "challenge": self.challenge,
            "backend": self.backend,
        }

    def signature(self, kind: Kind | None) -> str:
        """One line that states the version and every setting that can change a number.

        kind: what the predictions turned out to hold.
        """
        labels = self.labels
        parts = [
            f"segeval:{__version__}",
            f"kind:{kind or self.kind or 'auto'}",
            f"labels:{'auto' if labels.values is None else ','.join(map(str, labels.values)) or 'none'}",
        ]
        if labels.regions:
            parts.append("regions:" + ",".join(str(region) for region in labels.regions))
        if labels.regions_only:
            parts.append("mean:regions")
        if labels.ignore is not None:
            parts.append(f"ignore:{labels.ignore}")
        if self.volume is not None:
            parts.append(f"volume:{volume_text(self.volume)}")
        parts += [f"empty:{self.empty}", f"geometry:{self.geometry}" + self._tolerance_text()]
        if (kind or self.kind) == "probabilities":
            parts += self._probability_parts()
        parts += self._distance_parts()
        if self.class_weights is not None:
            weights = ",".join(f"{key}={_number(value)}" for key, value in self._sorted_weights())
            parts.append(f"class_weights:{weights}")
        changed = [selection.key for selection in self.selections if ":" in selection.key]
        if changed:
            parts.append("quantities:" + ",".join(changed))
        return "|".join(parts)

    def _distance_parts(self) -> list[str]:
        parts = []
        if self.holds_label_maps:
            parts.append(f"missed:{missed_text(self.missed)}")
        if "instances" in self.records:
            parts.append(f"instances:{self.instances}")
        if "lesions" in self.records:
            parts.append(f"lesionwise:{self.challenge}")
        return parts

    def _sorted_weights(self) -> list[tuple[TargetKey, float]]:
        """Labels ascending, then regions by name: the order of the command line changes no number."""
        return sorted((self.class_weights or {}).items(), key=lambda item: (isinstance(item[0], str), item[0]))

    def _tolerance_text(self) -> str:
        return "" if self.geometry == "ignore" else f"@{_number(self.tolerance)}"

    def _probability_parts(self) -> list[str]:
        parts = [f"threshold:{_number(self.threshold)}", f"channels:{self.channels}"]
        if self.activation is not None:
            parts.append(f"activation:{self.activation}")
        if self.scale is not None:
            parts.append(f"scale:{_number(self.scale)}")
        if self.clip:
            parts.append("clip:yes")
        if self.class_axis is not None:
            parts.append(f"class_axis:{self.class_axis}")
        return parts


def missed_mm(given: str | float) -> float | None:
    """``diagonal``, or a distance in mm, or NaN, as the settings hold it. Raises UsageError."""
    if given == "diagonal":
        return None
    try:
        return float(given)
    except ValueError:
        raise UsageError(f"--missed {given!r}: write diagonal, nan, or a distance in mm") from None


def missed_text(missed: float | None) -> str:
    """As ``--missed`` takes it."""
    return "diagonal" if missed is None else "nan" if math.isnan(missed) else _number(missed)


def _number(value: float) -> str:
    """Short and exact: ``0.5``, ``3``, ``1e-2``."""
    if value == 0 or abs(value) >= 0.1:
        return f"{value:.17g}" if float(f"{value:g}") != value else f"{value:g}"
    mantissa, exponent = f"{value!r}".split("e") if "e" in repr(value) else f"{value:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}" if float(f"{float(mantissa):g}e{exponent}") == value else repr(value)

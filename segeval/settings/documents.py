"""What a report's JSON holds of the settings, as types: those that no field has as it stands there."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, Literal, NotRequired, TypedDict, get_args, get_type_hints, is_typeddict

from msgspec import Struct

from segeval.choices import DistanceSpacing, Kind, MatchBy, Matching


class LabelsWritten(TypedDict):
    """labels: "auto" is every non-zero value. regions: the labels of each by its name, "*" for all."""

    labels: list[int] | Literal["auto"]
    regions: dict[str, list[int] | Literal["*"]]
    ignore_label: int | None
    background: bool


class MetricsWritten(TypedDict):
    """The quantities, as --metrics takes them."""

    metrics: list[str]


class WeightsWritten(TypedDict):
    """By label or region as text."""

    class_weights: dict[str, float] | None


class LabelDistancesWritten(TypedDict, total=False):
    """A square matrix, background first."""

    label_distances: list[list[float]]


class KindWritten(TypedDict):
    """What was asked for."""

    kind: Kind | Literal["auto"]


class VolumeWritten(TypedDict, total=False):
    """From 0; a pair for prediction and reference."""

    volume: int | list[int]


class KeyWritten(TypedDict, total=False):
    """A name; a pair for prediction and reference."""

    key: str | list[str]


class LevelWritten(TypedDict, total=False):
    """From 0, the finest; a pair for prediction and reference."""

    level: int | list[int]


class DistanceSpacingWritten(TypedDict, total=False):
    """Where it is not that of the file."""

    distance_spacing: DistanceSpacing


class MissedWritten(TypedDict):
    """As --missed takes it."""

    missed: str


class TauWritten(TypedDict, total=False):
    """In mm, by label, name or region as text, "*" for all others."""

    tau: dict[str, float]


class InstancesDocument(TypedDict):
    """The options of instances, as `InstanceOptions` has them. by: where it is not the IoU."""

    connectivity: int | None
    min_volume_mm3: float
    matching: Matching
    threshold: float
    by: NotRequired[MatchBy]
    labelled: bool


class InstancesWritten(TypedDict):
    """Under their own name."""

    instances: InstancesDocument


class ProtocolDocument(TypedDict):
    """A protocol: its options stand in the other settings. digest: of a user's file. columns, pooled: formulas by the
    challenge's names. missing: by column, what a case without a prediction gets, null where that is undefined.
    """

    name: str
    version: int
    title: str
    columns: dict[str, str]
    digest: NotRequired[str]
    statistics: NotRequired[list[str]]
    pooled: NotRequired[dict[str, str]]
    missing: NotRequired[dict[str, float | None]]


class KeptProtocol(Struct):
    """The same, as it is read of any report."""

    name: str
    version: int
    title: str = ""
    columns: dict[str, str] = {}
    digest: str = ""
    statistics: tuple[str, ...] = ("mean",)
    pooled: dict[str, str] = {}
    missing: dict[str, float | None] = {}


class ProtocolWritten(TypedDict, total=False):
    """What of a protocol the other settings do not say."""

    protocol: ProtocolDocument


class NothingWritten(TypedDict):
    """Of what changes no number and no row."""


def settings_document() -> Any:
    """All of them, as one type: what each field's declaration writes, or the field itself."""
    from segeval.settings import words
    from segeval.settings.settings import Settings, declared

    fields, members = get_type_hints(Settings), dict[str, Any]()
    names = {**vars(words), **globals(), "Settings": Settings}
    for name, setting in declared().items():
        if setting.document is None:
            members[name] = fields[name]
        elif is_typeddict(kind := get_type_hints(setting.document, localns=names)["return"]):
            optional: frozenset[str] = kind.__optional_keys__
            members |= {key: NotRequired[one] if key in optional else one for key, one in get_type_hints(kind).items()}
        else:  # only where it was chosen
            chosen = [one for one in get_args(fields[name]) if one is not type(None)]
            members[name] = NotRequired[reduce(or_, chosen)]
    found: Any = TypedDict("SettingsDocument", members)  # type: ignore[misc]  # they are known when it runs
    found.__doc__ = "The settings, by their options' names; some stand there only where they were chosen."
    return found

"""What a single file holds, as segeval sees it."""

from __future__ import annotations

from typing import Literal, TypedDict

from msgspec import Struct

from segeval.choices import Kind

SCHEMA = "segeval-inspect/1"


class LabelFound(Struct, frozen=True):
    """A label of a map: its name and its colour (``#rrggbb``) where the file carries them, and its voxels."""

    label: int
    name: str | None
    colour: str | None
    voxels: int


class ChannelFound(Struct, frozen=True):
    """A channel of a map: what it is called, from where to where its values reach (None where none is finite), and how
    many voxels are above 0."""

    channel: int
    name: str | None
    low: float | None
    high: float | None
    positive: int


class Inspection(Struct, frozen=True):
    """A file: its format and the library that reads it; what the header says; what its voxels are.

    shape: voxels along each axis, the first fastest in the stream. spacing_mm: None for what carries no grid.
    origin_mm, axes: None, too, where no orientation is stated. kind: as scoring would take it for a prediction.
    values: the type that the voxels are read as. labels: of a label map, background left out; channels: of any other.
    """

    file: str
    format: str
    library: str
    voxels: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None
    origin_mm: tuple[float, ...] | None
    axes: str | None
    kind: Kind
    values: str
    labels: tuple[LabelFound, ...] = ()
    channels: tuple[ChannelFound, ...] = ()
    remarks: tuple[str, ...] = ()


class InspectionDocument(TypedDict):
    """A file: its format and the library that reads it, what the header says, what the voxels are.

    spacing_mm, origin_mm, axes: null where none is stated. labels: of a label map, background left out; channels:
    of any other.
    """

    schema: Literal["segeval-inspect/1"]
    file: str
    format: str
    library: str
    voxels: str
    shape: list[int]
    spacing_mm: list[float] | None
    origin_mm: list[float] | None
    axes: str | None
    kind: Kind
    values: str
    labels: list[LabelFound]
    channels: list[ChannelFound]
    remarks: list[str]

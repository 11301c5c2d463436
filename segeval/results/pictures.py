"""What is shown of a label of a case: slices as SVG, and where along each axis the errors lie."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Plane = Literal["axial", "coronal", "sagittal", "picture"]
"""``picture`` is the only plane of a 2-D volume, and what a slice is called where the orientation is unknown."""

LAYERS = ("image", "false-positive", "false-negative", "reference", "prediction", "distance", "marks")
"""The groups of a slice's SVG, back to front, each as ``<g class="layer-NAME">``: a page switches them by class."""


class SliceView(Struct, frozen=True):
    """One slice.

    place: where it lies, for people: ``slice 42 of 155, 31.5 mm``.
    svg: a whole ``<svg>`` element in millimetres, radiological: the patient's right on the left. Colours are CSS
    variables with defaults (``var(--reference, #0072b2)``). Nothing in it comes from outside unescaped.
    description: what it shows, in a sentence, for those who do not see it.
    index: of the slice along the stored axis that lies across, from 0.
    """

    plane: Plane
    place: str
    svg: str
    description: str
    index: int = 0


class ErrorProfile(Struct, frozen=True):
    """Errors of one label along one stored axis.

    plane: of the slices across this axis. false_positive, false_negative: voxels per slice.
    sentence: ``slices 41–58 of 155 hold 80 % of the error``.
    """

    plane: Plane
    false_positive: tuple[int, ...]
    false_negative: tuple[int, ...]
    sentence: str


class LabelPictures(Struct, frozen=True):
    """A label of a case: its slices through the place where it is most wrong, and its profiles.

    label, name: as a row of the report bears them.
    """

    case: str
    label: int | str
    name: str | None
    slices: tuple[SliceView, ...]
    profiles: tuple[ErrorProfile, ...]
    remarks: tuple[str, ...] = ()


class ComparedPictures(Struct, frozen=True):
    """A label of a case that two reports predicted: the same slices of both.

    report: the other one's name. words: what changed, ``kidney of case_005: 0.9100 → 0.8200``.
    """

    report: str
    words: str
    baseline: LabelPictures
    other: LabelPictures

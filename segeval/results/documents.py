"""What a report's JSON holds, as types, of which `segeval schema report` is made.

Only what a report has beside its records: `Statistic` stands in the summary as it is.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from segeval.results.columns import ColumnDocument
from segeval.results.report import Label, Statistic, Status

Count = Annotated[int, Meta(ge=0)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
"""In hexadecimal digits."""
Code = int | list[int]
"""A stored value; the labels of a voxel that several masks claim."""


class RowDocument(TypedDict):
    """A label, a region, "mean" or "all". Every other member is a quantity, by the key of its column: a number, null
    where undefined, absent where this kind of row does not have it. n: of "mean", how many values are behind each mean.
    """

    label: Label
    name: str | None
    n: NotRequired[dict[str, Count]]


class SidesDocument(TypedDict):
    """SHA-256 of both files."""

    prediction: Sha256
    reference: Sha256


class FileDocument(TypedDict):
    """A file beside the pair: its path, and its SHA-256 where hashes were asked for."""

    path: str
    sha256: NotRequired[Sha256]


class InstanceDocument(TypedDict):
    """An instance. box: the first voxel of each axis and the one after the last; centroid: in voxels of the reference's
    grid. Axes of one voxel are left out.
    """

    id: int
    voxels: Count
    box: list[list[int]]
    centroid: list[float]


class MatchDocument(TypedDict):
    """A reference instance and what was matched with it. hd95: in mm, where it was asked for."""

    reference: InstanceDocument
    predictions: list[InstanceDocument]
    iou: float
    dice: float
    hd95: NotRequired[float]


class TargetInstancesDocument(TypedDict):
    """What became of the instances of a label or region. left_out: lesions too small for the procedure."""

    target: Label
    matches: list[MatchDocument]
    missed: list[InstanceDocument]
    invented: list[InstanceDocument]
    left_out: NotRequired[list[MatchDocument]]


class CandidatesDocument(TypedDict):
    """Lesion candidates of a detection map. overlaps: [lesion, candidate, IoU] of pairs that share a voxel, from 0."""

    target: Label
    lesions: Count
    confidences: list[float]
    overlaps: list[list[float]]


class CurveDocument(TypedDict):
    """Voxels inside (tp) and outside (fp) the reference at or above each threshold, and how far areas may be off."""

    target: Label
    n: Count
    reference: Count
    tp: list[Count]
    fp: list[Count]
    auroc_error: float | None
    average_precision_error: float | None


class CurvesDocument(TypedDict):
    """What thresholds make of each target's probabilities."""

    thresholds: list[float]
    targets: list[CurveDocument]


class AxisErrorsDocument(TypedDict):
    """Errors across a stored axis. slices: how many there are. first: the number, from 0, of the one that both lists,
    of voxels per slice, begin with.
    """

    slices: Count
    first: Count
    false_positive: list[Count]
    false_negative: list[Count]


class ErrorProfileDocument(TypedDict):
    """Errors of a label or region, slice by slice of each stored axis."""

    target: Label
    axes: list[AxisErrorsDocument]


class CaseFacts(TypedDict):
    """What a case has beside its numbers."""

    case: str
    prediction: str | None
    reference: str | None
    sha256: NotRequired[SidesDocument]
    status: Status
    reason: NotRequired[str]
    remarks: list[str]


class CaseDocument(CaseFacts):
    """A pair of volumes. reason: why the status is not "ok". confusion: [reference, prediction, voxels] of the values
    as stored, ascending. missed: labels whose distances stand for a miss.
    """

    rows: list[RowDocument]
    confusion: list[tuple[Code, Code, Count]]
    mask: NotRequired[FileDocument]
    weights: NotRequired[FileDocument]
    curves: NotRequired[CurvesDocument]
    missed: NotRequired[list[Label]]
    error_profile: NotRequired[list[ErrorProfileDocument]]
    candidates: NotRequired[list[CandidatesDocument]]
    instances: NotRequired[list[TargetInstancesDocument]]
    lesions: NotRequired[list[TargetInstancesDocument]]


class ReportDocument(TypedDict):
    """The results of score, batch and merge. summary, pooled: of a batch, over the cases."""

    schema: Literal["segeval/1"]
    signature: str
    settings: dict[str, Any]
    columns: list[ColumnDocument]
    cases: list[CaseDocument]
    summary: NotRequired[list[Statistic]]
    pooled: NotRequired[list[RowDocument]]
    remarks: list[str]

"""DICOM RTSTRUCT: structures as contours in mm, which become voxels of another volume's grid, or of their images'.

A voxel belongs to a structure where its centre is inside (`polygons.py`). Source: DICOM PS3.3, C.8.8.5 (Structure Set)
and C.8.8.6 (ROI Contour), which names the types of contours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.errors import GeometryError, UnreadableFile
from segeval.readers.affines import FARTHEST_MM
from segeval.readers.contours import ContourSource, Met, Structure, lay, repeated
from segeval.readers.dicom import guarded
from segeval.readers.reader import ReadOptions
from segeval.volumes.alignment import Reordered
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import Piece, Volume, VoxelSource
from segeval.words.colours import hex_colour
from segeval.words.printable import printable, shortened

_EXCLUSIVE = "CLOSEDPLANAR_XOR"
_CLOSED = ("CLOSED_PLANAR", _EXCLUSIVE)
_WITHOUT_AREA = ("POINT", "OPEN_PLANAR", "OPEN_NONPLANAR")
_TYPE, _COUNT, _DATA = 0x30060042, 0x30060046, 0x30060050  # of a contour
_TO_RAS = np.array([-1.0, -1.0, 1.0])


class _Roi(Struct):
    """A region of interest.

    exclusive: of each contour, whether its type says that it is combined by XOR. left_out: how many contours of each
    type enclose no area. repeated, cancelled: how many contours equal an earlier one, which count once, or cancel it.
    """

    name: str
    frame: str
    colour: str | None = None
    contours: list[Floats] = field(default_factory=list)
    exclusive: list[bool] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    cancelled: int = 0

    def without_repeated(self) -> None:
        """Take out contours that are there already: by even-odd, a contour and its copy would be nothing.

        Where the type says XOR, nothing is what DICOM says (C.8.8.6.3).
        """
        for place in reversed(repeated(self.contours)):
            if self.exclusive[place]:
                self.cancelled += 1
            else:
                self.repeated += 1
                del self.contours[place], self.exclusive[place]


def open_structures(path: Path, dataset: Any, options: ReadOptions) -> Volume:
    """The open volume of a structure set, which has no grid before it is put on one. Raises UnreadableFile."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: the structures of an RTSTRUCT are no axis; leave --class-axis out")
    rois = guarded(path, lambda: _rois(path, dataset))
    labels, remarks = _labels(path, rois)
    structures = [
        Structure(labels[number], roi.name, tuple(roi.contours), any(roi.exclusive))
        for number, roi in rois.items()
        if number in labels
    ]
    met = Met(str(path))
    volume = Volume(
        str(path),
        None,
        _Nowhere(path),
        kind="labels",
        remarks=remarks,
        sets=met.codes.sets,
        names={one.label: one.name for one in structures},
        colours={labels[number]: colour for number in labels if (colour := rois[number].colour) is not None},
        finish=met.remarks,
    )

    def on(grid: Geometry, tolerance: float) -> Volume:
        laid = lay(str(path), structures, grid, tolerance)
        source: VoxelSource = ContourSource(laid, met)
        if laid.axes != (0, 1, 2):
            source = Reordered(source, tuple(laid.axes.index(axis) for axis in range(3)), (False,) * 3)
        return replace(volume, source=source, geometry=grid.with_shape(source.shape), on=None, drawn_on=None)

    def drawn_on(tolerance: float) -> Volume:
        from segeval.readers.dicom_series import images_of

        return on(images_of(path, dataset, None if options.drawn_on is None else Path(options.drawn_on)), tolerance)

    volume.on, volume.drawn_on = on, drawn_on
    return volume


class _Nowhere:
    """The voxels of contours that nobody put on a grid."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shape: tuple[int, ...] = (1, 1, 1)
        self.channels = 1
        self.dtype: np.dtype[Any] = np.dtype(np.int64)
        self.in_order = False

    def pieces(self, channel: int) -> Iterator[Piece]:  # noqa: ARG002 (there is one)
        """Raises GeometryError."""
        raise GeometryError(
            f"{self._path}: holds contours and no voxels, and nothing here gives it a grid; export it as a volume"
        )


def _rois(path: Path, dataset: Any) -> dict[int, _Roi]:
    """By number. Raises UnreadableFile."""
    rois: dict[int, _Roi] = {}
    for item in dataset.StructureSetROISequence:
        number = int(item.ROINumber)
        if number < 0:
            raise UnreadableFile(f"{path}: numbers a ROI {number}, which is no label; export it again")
        if number in rois:
            raise UnreadableFile(f"{path}: describes ROI {number} twice; export it again")
        name = shortened(" ".join(printable(str(item.get("ROIName", "") or "")).split()), 200)
        rois[number] = _Roi(name or f"ROI {number}", str(item.get("ReferencedFrameOfReferenceUID", "") or ""))
    if not rois:
        raise UnreadableFile(f"{path}: describes no ROI; export it again")
    drawn = set()
    for item in dataset.get("ROIContourSequence") or ():
        number = int(item.ReferencedROINumber)
        if number not in rois:
            raise UnreadableFile(f"{path}: has contours of ROI {number}, which is not described; export it again")
        if number in drawn:
            raise UnreadableFile(f"{path}: has the contours of ROI {number} twice; export it again")
        drawn.add(number)
        rois[number].colour = _colour(item.get("ROIDisplayColor", None))
        for place, contour in enumerate(item.get("ContourSequence") or (), start=1):
            _add(path, rois[number], contour, f"contour {place} of ROI {number} ({rois[number].name})")
        rois[number].without_repeated()
    frames = {roi.frame for roi in rois.values() if roi.contours and roi.frame}
    if len(frames) > 1:
        raise UnreadableFile(f"{path}: its contours lie in {len(frames)} frames of reference; export one at a time")
    return rois


def _add(path: Path, roi: _Roi, contour: Any, words: str) -> None:
    """A further contour of a region."""
    kind = _text(_stored(contour, _TYPE))
    if kind not in _CLOSED + _WITHOUT_AREA:
        raise UnreadableFile(
            f"{path}: {words} is of the type {shortened(printable(kind), 40)!r}, which is unknown; export it again"
        )
    points = _points(path, contour, words)
    if kind in _WITHOUT_AREA or len(points) < 3:
        kind = kind if kind in _WITHOUT_AREA else f"{kind} of less than 3 points"
        roi.left_out[kind] = roi.left_out.get(kind, 0) + 1
        return
    roi.contours.append(points)
    roi.exclusive.append(kind == _EXCLUSIVE)


def _points(path: Path, contour: Any, words: str) -> Floats:
    """(points, 3), in mm, RAS+. Raises UnreadableFile."""
    values = _numbers(_stored(contour, _DATA))
    if values is None or not (np.abs(values) < FARTHEST_MM).all():
        raise UnreadableFile(
            f"{path}: {words} has coordinates that are no numbers, or beyond {FARTHEST_MM:g} mm; export it again"
        )
    stated = _text(_stored(contour, _COUNT))
    if values.size % 3 or (stated and int(stated) * 3 != values.size):
        raise UnreadableFile(
            f"{path}: {words} holds {values.size} coordinates where {shortened(printable(stated or 'no'), 20)} points "
            "are stated; copy or export it again"
        )
    return np.asarray(values.reshape(-1, 3) * _TO_RAS)


def _stored(contour: Any, tag: int) -> Any:
    """A value as it is stored, mostly bytes: pydicom makes an object of each of thousands of numbers, in a second."""
    try:
        return contour.get_item(tag).value
    except KeyError:
        return None


def _text(value: Any) -> str:
    return (value.decode("latin-1") if isinstance(value, bytes) else str("" if value is None else value)).strip(" \0")


def _numbers(value: Any) -> NDArray[np.float64] | None:
    """Decimals with backslashes between them; None for anything else."""
    if value is None or len(value) == 0:
        return np.empty(0)
    try:
        if not isinstance(value, bytes):
            return np.array([float(number) for number in value])
        text = value.rstrip(b"\0 ")
        if text.translate(None, b"0123456789+-.eE\\ "):
            return None
        return np.array(text.split(b"\\")).astype(np.float64)
    except ValueError:
        return None


def _colour(value: Any) -> str | None:
    """``#rrggbb`` of three numbers from 0 to 255; None for anything else."""
    try:
        numbers = [int(number) for number in value]
    except (TypeError, ValueError):
        return None
    if len(numbers) != 3 or not all(0 <= number <= 255 for number in numbers):
        return None
    return hex_colour(numbers)


def _labels(path: Path, rois: Mapping[int, _Roi]) -> tuple[dict[int, int], list[str]]:
    """The label of each region that may have voxels, its number but for 0, and remarks. Raises UnreadableFile."""
    labels, remarks = {}, []
    for number, roi in rois.items():
        if roi.contours or not roi.left_out:
            labels[number] = number or max(rois) + 1
            if not number:
                remarks.append(
                    f"{path}: {roi.name} is ROI 0, which is the background's number; it is label {labels[0]}"
                )
    left_out = [f"{roi.name} ({count} {kind})" for roi in rois.values() for kind, count in sorted(roi.left_out.items())]
    if left_out:
        remarks.append(f"{path}: contours that enclose no area are left out: {shortened(', '.join(left_out), 300)}")
    if twice := [f"{roi.name} ({roi.repeated})" for roi in rois.values() if roi.repeated]:
        remarks.append(
            f"{path}: contours that equal another one of their structure count once: {shortened(', '.join(twice), 300)}"
        )
    if gone := [f"{roi.name} ({roi.cancelled})" for roi in rois.values() if roi.cancelled]:
        remarks.append(
            f"{path}: equal contours of the type {_EXCLUSIVE} cancel each other, as DICOM says: "
            f"{shortened(', '.join(gone), 300)}"
        )
    if not any(roi.contours for roi in rois.values()):
        remarks.append(f"{path}: no structure has a closed contour: nothing but background")
    return labels, remarks

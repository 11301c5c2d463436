"""DICOM SEG: segments as binary frames, fractions or one label map; frames in any order, empty ones left out.

Frames are decoded one at a time, in the order of the planes. Source: DICOM PS3.3, A.51 and C.8.20 (Segmentation),
C.8.20.4 (Label Map Segmentation).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.array_types import Floats
from segeval.errors import UnreadableFile
from segeval.readers.dicom import guarded
from segeval.readers.dicom_planes import Planes, planes_of
from segeval.readers.layers import ValueTable
from segeval.readers.masks import MaskCodes, overlap_remarks
from segeval.readers.reader import ReadOptions
from segeval.volumes.geometry import Geometry
from segeval.volumes.placing import place
from segeval.volumes.volume import Piece, Volume
from segeval.words.printable import printable, shortened

_Type = Literal["BINARY", "FRACTIONAL", "LABELMAP"]
_BITS: dict[str, tuple[int, ...]] = {"BINARY": (1, 8), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}
_MOST_PIXELS = 1 << 32


class _Header(Struct, frozen=True):
    """What a segmentation says of itself.

    names: of segments, by number. segments: of each frame, None in a label map. planes: where the frames lie, None for
    a picture without a place in space. full: the value that is a fraction of 1. pixels: what holds them, the path or,
    of a deflated file, the dataset.
    """

    type: _Type
    columns: int
    rows: int
    names: dict[int, str]
    segments: tuple[int | None, ...]
    planes: Planes | None
    full: int
    pixels: Any
    remarks: tuple[str, ...]


def open_segmentation(path: Path, dataset: Any, stored: int | None, options: ReadOptions) -> Volume:
    """The open volume of a segmentation. Raises UnreadableFile, GeometryError.

    dataset: what stands before the pixels. stored: bytes of pixels, None where they are compressed.
    """
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: the segments of a DICOM SEG are no axis; leave --class-axis out")
    header = guarded(path, lambda: _header(path, dataset))
    promised = -(-len(header.segments) * header.rows * header.columns * int(dataset.BitsAllocated) // 8)
    if stored is not None and not promised <= stored <= promised + 1:  # a byte to make the length even
        raise UnreadableFile(
            f"{path}: holds {stored} bytes of pixels where {promised} are promised ({len(header.segments)} frames of "
            f"{header.columns}×{header.rows}); it was cut or its header is damaged, so copy or export it again"
        )
    size = (header.columns, header.rows)
    geometry = None if header.planes is None else header.planes.geometry(size)
    numbers = [0] * len(header.segments) if header.planes is None else header.planes.numbers.tolist()
    met = _Met(path, MaskCodes({}), ValueTable({number: number for number in header.names if number}))
    source = SegmentSource(path, header, 1 if geometry is None else geometry.shape[2], numbers, met)
    names = header.names
    if header.type == "FRACTIONAL" and len(names) == 1:
        names = {1: next(iter(names.values()))}  # as a label map it holds 1
    volume = Volume(
        str(path),
        geometry,
        source,
        kind="probabilities" if header.type == "FRACTIONAL" else "labels",
        remarks=list(header.remarks),
        sets=met.codes.sets,
        names=names,
        finish=met.remarks,
    )
    if header.planes is not None and geometry is not None:
        planes = header.planes

        def on(grid: Geometry, tolerance: float) -> Volume:
            stack, places = planes.on(str(path), size, grid, tolerance)
            spread = SegmentSource(path, header, stack.shape[2], places.tolist(), met)
            placed, target = place(str(path), spread, stack, grid, tolerance)
            return replace(volume, source=placed, geometry=target, on=None)

        volume.on = on
    return volume


class _Met(Struct):
    """What the voxels show while they are read: how segments overlap, and values that are no segment's."""

    path: Path
    codes: MaskCodes
    table: ValueTable
    overlapping: int = 0

    def remarks(self) -> list[str]:
        """What the user should know of it."""
        return [
            *overlap_remarks(str(self.path), self.overlapping, "segments"),
            *self.table.remarks(str(self.path)),
        ]


class SegmentSource:
    """The frames of a segmentation, plane by plane; fractions have a channel for each segment."""

    def __init__(self, path: Path, header: _Header, depth: int, planes: Sequence[int], met: _Met) -> None:
        self.path, self.header = path, header
        self._met = met
        fractions = header.type == "FRACTIONAL"
        self.shape: tuple[int, ...] = (header.columns, header.rows, depth)
        self.channels = len(header.names) if fractions else 1
        self.dtype: np.dtype[Any] = np.dtype(np.float32 if fractions else np.int64)
        self.in_order = False
        self._frames = _frames_by_plane(path, header, planes)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """A piece per plane; what no frame shows is background."""
        segment = sorted(self.header.names)[channel] if self.header.type == "FRACTIONAL" else None
        wanted = {
            plane: [frame for frame in frames if segment in (None, self.header.segments[frame])]
            for plane, frames in sorted(self._frames.items())
        }
        decoded = self._decoded([frame for frames in wanted.values() for frame in frames])
        for plane in range(self.shape[2]):
            piece = np.zeros(self.shape[0] * self.shape[1], dtype=self.dtype)
            for frame in wanted.get(plane, ()):
                self._add(piece, next(decoded), self.header.segments[frame])
            yield piece
        for _ in decoded:
            raise AssertionError("a frame lies in no plane")

    def _add(self, piece: Piece, values: Piece, segment: int | None) -> None:
        header = self.header
        if header.type == "LABELMAP":
            piece[:] = self._met.table.labels(values)
        elif values.max() > header.full:
            raise UnreadableFile(
                f"{self.path}: a frame holds {values.max()} where {header.full} is the most; export it again"
            )
        elif header.type == "FRACTIONAL":
            piece[:] = values.astype(np.float32) / np.float32(header.full)
        elif segment is not None:
            self._met.overlapping += self._met.codes.claim(piece, values != 0, segment)

    def _decoded(self, frames: list[int]) -> Iterator[Piece]:
        """The values of these frames, rows one after the other. Raises UnreadableFile."""
        from pydicom.pixels.utils import iter_pixels

        if not frames:
            return
        decoding = guarded(self.path, lambda: iter(iter_pixels(self.header.pixels, indices=frames, raw=True)))
        for _ in frames:
            frame = guarded(self.path, lambda: next(decoding, None))
            if frame is None or frame.shape != (self.header.rows, self.header.columns) or frame.dtype.kind != "u":
                raise UnreadableFile(f"{self.path}: a frame is missing, or of another size; copy or export it again")
            yield frame.reshape(-1)
        guarded(self.path, lambda: next(decoding, None))  # closes the file


def _frames_by_plane(path: Path, header: _Header, planes: Sequence[int]) -> Mapping[int, list[int]]:
    """By plane, its frames in the order of their segments. Raises UnreadableFile for two frames of one segment."""
    found: dict[int, list[int]] = defaultdict(list)
    order = sorted(range(len(planes)), key=lambda frame: (planes[frame], header.segments[frame] or 0))
    for before, frame in zip([None, *order], order, strict=False):
        if before is not None and (planes[before], header.segments[before]) == (planes[frame], header.segments[frame]):
            raise UnreadableFile(
                f"{path}: two of its {len(planes)} frames show segment {header.segments[frame]} at one place; export "
                "it again"
            )
        found[planes[frame]].append(frame)
    return found


def _header(path: Path, dataset: Any) -> _Header:
    kind = str(dataset.get("SegmentationType", ""))
    if kind not in _BITS:
        raise _unusable(path, "SegmentationType", kind)
    rows, columns = _whole(path, dataset, "Rows"), _whole(path, dataset, "Columns")
    count = _whole(path, dataset, "NumberOfFrames")
    bits, samples = _whole(path, dataset, "BitsAllocated"), _whole(path, dataset, "SamplesPerPixel")
    if bits not in _BITS[kind] or samples != 1 or rows * columns > _MOST_PIXELS:
        raise UnreadableFile(
            f"{path}: holds {samples} value(s) of {bits} bits per voxel, {columns}×{rows}, which no {kind} "
            "segmentation does; export it again"
        )
    if str(dataset.get("DimensionOrganizationType", "")).startswith("TILED"):
        raise UnreadableFile(f"{path}: is made of tiles of a slide, which are not read; export it as one picture")
    names: dict[int, str] = {}
    for segment in dataset.SegmentSequence:
        number = int(segment.SegmentNumber)
        if number in names:
            raise UnreadableFile(f"{path}: describes segment {number} twice; export it again")
        names[number] = shortened(" ".join(printable(str(segment.get("SegmentLabel", ""))).split()), 200)
    frames = list(dataset.PerFrameFunctionalGroupsSequence)
    if len(frames) != count:
        raise UnreadableFile(f"{path}: describes {len(frames)} of {count} frames; export it again")
    shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or []), None)
    segments = tuple(None if kind == "LABELMAP" else _segment(path, shared, frame, names) for frame in frames)
    fractions = kind == "FRACTIONAL"
    full = _whole(path, dataset, "MaximumFractionalValue") if fractions else 1
    remarks = []
    if fractions and str(dataset.get("SegmentationFractionalType", "")) == "OCCUPANCY":
        remarks.append(f"{path}: its fractions are occupancies of voxels, scored as probabilities")
    planes = _planes(path, shared, frames)
    pixels = dataset if "PixelData" in dataset else path
    return _Header(kind, columns, rows, names, segments, planes, full, pixels, tuple(remarks))  # type: ignore[arg-type]


def _segment(path: Path, shared: Any, frame: Any, names: Mapping[int, str]) -> int:
    number = int(_group(path, shared, frame, "SegmentIdentificationSequence").ReferencedSegmentNumber)
    if number not in names or number < 1:
        raise UnreadableFile(f"{path}: a frame shows segment {number}, which is not described; export it again")
    return number


def _planes(path: Path, shared: Any, frames: Sequence[Any]) -> Planes | None:
    """Where the frames lie; None where none says so, as of a radiograph."""
    if not any(_has(group, "PlanePositionSequence") for group in (shared, *frames)):
        return None
    facts = []
    for frame in frames:
        measures = _group(path, shared, frame, "PixelMeasuresSequence")
        facts.append(
            (
                _numbers(path, _group(path, shared, frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6),
                _numbers(path, measures, "PixelSpacing", 2),
                [abs(float(measures.get(name, None) or 0)) for name in ("SpacingBetweenSlices", "SliceThickness")],
                _numbers(path, _group(path, shared, frame, "PlanePositionSequence"), "ImagePositionPatient", 3),
            )
        )
    orientation, spacing, (between, thickness), _ = facts[0]
    for other in facts:
        if not np.allclose(other[0], orientation, rtol=0, atol=1e-4) or not np.allclose(other[1], spacing, rtol=1e-4):
            raise UnreadableFile(f"{path}: its frames are turned or spaced differently; export it as one stack")
    positions: Floats = np.array([fact[3] for fact in facts])
    return planes_of(path, orientation, spacing, positions, between, thickness)


def _group(path: Path, shared: Any, frame: Any, name: str) -> Any:
    """The functional group of a frame, or the one that all frames share."""
    for group in (frame, shared):
        if _has(group, name):
            return group[name].value[0]
    raise UnreadableFile(f"{path}: a frame has no {name}; export it again")


def _has(group: Any, name: str) -> bool:
    return group is not None and name in group and bool(group[name].value)


def _numbers(path: Path, group: Any, name: str, count: int) -> list[float]:
    values = [float(value) for value in group.get(name, None) or ()]
    if len(values) != count:
        raise _unusable(path, name, values)
    return values


def _whole(path: Path, dataset: Any, name: str) -> int:
    value = dataset.get(name, None)
    if not isinstance(value, int | str) or not str(value).strip().isdecimal() or int(value) < 1:
        raise _unusable(path, name, value)
    return int(value)


def _unusable(path: Path, name: str, value: object) -> UnreadableFile:
    words = shortened(printable(repr(value)), 60)
    return UnreadableFile(f"{path}: states {name} = {words}, which cannot be used; export it again")

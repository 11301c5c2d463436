"""The grid of the images that a structure set was drawn on, found in the folder of the file, or in one beside that.

Only what stands before the pixels is read. Source: DICOM PS3.3, C.7.6.2 (Image Plane) and C.8.8.5 (Structure Set).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from segeval.errors import GeometryError, SegevalError
from segeval.files.paths import is_directory
from segeval.readers.dicom import drawn_series, guarded, header_of
from segeval.readers.dicom_planes import planes_of
from segeval.volumes.geometry import Geometry

_LAST = 0x00280030  # Pixel Spacing: nothing after it is needed
_MOST_FILES = 20_000  # that are looked into
_MOST_FOLDERS = 20_000


class _Image(Struct, frozen=True):
    """A slice. position, orientation: LPS+. spacing: of rows, of columns. size: columns, rows."""

    series: str
    frame: str
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    size: tuple[int, int]
    thickness: float
    between: float


def images_of(path: Path, dataset: Any, elsewhere: Path | None = None) -> Geometry:
    """The grid of the images that a structure set refers to. Raises GeometryError where they are not found.

    elsewhere: the folder that they lie in, at whatever depth, where the user names it: then nowhere else.
    """
    series, frames = guarded(path, lambda: _referenced(dataset))
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100 (links stay as they are)
    for folders in ((folder,), _beside(folder)) if elsewhere is None else (_within(elsewhere),):
        found: dict[str, list[_Image]] = defaultdict(list)
        for image in (image for one in folders for image in _images(one)):
            if image.series in series or (not series and image.frame in frames):
                found[image.series].append(image)
        if len(found) > 1:
            raise GeometryError(
                f"{path}: it was drawn on one of {len(found)} series of images beside it, and does not say on which; "
                "score it against a volume"
            )
        for images in found.values():
            return _grid(path, images)
    if elsewhere is not None:
        raise GeometryError(f"{path}: the images that it was drawn on are not in {elsewhere} (--drawn-on)")
    raise GeometryError(
        f"{path}: holds contours and no grid, and the images that it was drawn on are neither in its folder nor in one "
        "beside that; put them there, name their folder with --drawn-on, or score it against a volume"
    )


def _grid(path: Path, images: list[_Image]) -> Geometry:
    first = images[0]
    for other in images:
        alike = other.size == first.size and np.allclose(other.spacing, first.spacing, rtol=1e-4)
        if not alike or not np.allclose(other.orientation, first.orientation, rtol=0, atol=1e-4):
            raise GeometryError(
                f"{path}: the images that it was drawn on are turned, sized or spaced differently; score it against a "
                "volume"
            )
    positions = np.array([image.position for image in images])
    planes = planes_of(path, first.orientation, first.spacing, positions, first.between, first.thickness)
    return planes.geometry(first.size)


def _referenced(dataset: Any) -> tuple[set[str], set[str]]:
    """UIDs of the series that a structure set refers to, and of its frames of reference."""
    frames = {str(item.get("ReferencedFrameOfReferenceUID", "")) for item in dataset.StructureSetROISequence}
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ():
        frames.add(str(frame.get("FrameOfReferenceUID", "")))
    return set(drawn_series(dataset)) - {""}, frames - {""}


def _beside(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(sorted(one for one in folder.parent.iterdir() if one != folder and one.is_dir()))
    except OSError:
        return ()


def _within(folder: Path) -> tuple[Path, ...]:
    """The folder and all in it. Raises GeometryError where there is none, or more than could be those of images."""
    if not is_directory(folder):
        raise GeometryError(f"--drawn-on {folder}: there is no such folder; name that of the images")
    found = [Path(root) for root, _, _ in islice(os.walk(folder), _MOST_FOLDERS + 1)]
    if len(found) > _MOST_FOLDERS:
        raise GeometryError(f"--drawn-on {folder}: holds more than {_MOST_FOLDERS} folders; name one of less")
    return tuple(sorted(found))


def _images(folder: Path) -> Iterator[_Image]:
    """The slices among a folder's files."""
    try:
        with os.scandir(folder) as found:  # is closed where an entry cannot be looked at, too
            entries = sorted((entry for entry in found if entry.is_file()), key=lambda entry: entry.name)
        states = [(entry.path, entry.stat()) for entry in entries[:_MOST_FILES]]
    except OSError:
        return
    for path, state in states:
        yield from _image(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=_MOST_FILES)
def _image(path: str, size: int, changed: int) -> tuple[_Image, ...]:  # noqa: ARG001 (of a changed file nothing is kept)
    """The file's slice, if it holds one; a batch looks into one folder for each of its cases."""
    header = header_of(Path(path), _LAST)
    if header is None:
        return ()
    try:
        return tuple(guarded(Path(path), lambda: _read(header)))
    except SegevalError:
        return ()


def _read(header: Any) -> list[_Image]:
    parts = [header.get(name, None) for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")]
    position, orientation, spacing = (tuple(float(value) for value in part or ()) for part in parts)
    if (len(position), len(orientation), len(spacing)) != (3, 6, 2):
        return []
    thickness, between = (
        abs(float(header.get(name, None) or 0)) for name in ("SliceThickness", "SpacingBetweenSlices")
    )
    size = int(header.Columns), int(header.Rows)
    series, frame = str(header.get("SeriesInstanceUID", "")), str(header.get("FrameOfReferenceUID", ""))
    return [_Image(series, frame, position, orientation, spacing, size, thickness, between)]

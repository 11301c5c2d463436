"""Files to volumes: one library per format, chosen by the file's ending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import open_regular_file, read_bounded
from segeval.readers.containers import HDF5_ENDINGS
from segeval.readers.described import ALL_ENDINGS, ENDINGS, Input
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.volumes.volume import Volume

if TYPE_CHECKING:
    from segeval.readers.masks import MaskCodes

__all__ = [
    "ALL_ENDINGS",
    "ENDINGS",
    "Input",
    "ReadOptions",
    "open_folder_of_masks",
    "open_input",
    "open_volume",
    "read_bounded",
]

_REMOTE = (".nii.gz", ".nii", ".npy", *HDF5_ENDINGS, ".zarr")
"""Endings of formats whose readers need no file of this machine."""


def open_volume(path: Path, options: ReadOptions) -> Volume:
    """Open one file. Raises UnreadableFile, GeometryError."""
    return open_input(Input(path), options)


def open_input(given: Input, options: ReadOptions) -> Volume:
    """Open what is no folder of masks. Raises UnreadableFile, GeometryError."""
    if given.is_remote and not given.file.name.lower().endswith(_REMOTE):
        raise UnreadableFile(f"{given}: of other machines' files only {', '.join(_REMOTE)} are read; download it")
    if (reader := given.reader) is not None:
        return reader(given.path, options)
    with open_regular_file(given.path) as file:  # what is not there, or no file at all, has words of its own
        what = recognise(file.read(512))
    if what is not None and what.startswith("a JPEG"):
        raise UnreadableFile(f"{given}: is {what}")
    raise UnreadableFile(
        f"{given}: is of no known format; segeval reads {', '.join(e for e in ALL_ENDINGS if not e.endswith('.gz'))}, "
        "and folders of one mask per class"
    )


def open_folder_of_masks(folder: Input, codes: MaskCodes, options: ReadOptions) -> Volume:
    """A folder of one mask per class as one volume. Raises UnreadableFile, GeometryError, LabelError."""
    from segeval.readers.masks import open_masks

    return open_masks(folder.path, folder.masks, codes, open_volume, options)

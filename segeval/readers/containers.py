"""Files that hold several arrays, and the array of one of them that a path names.

`volume.h5:/path/of/dataset`, `annotations.json:/IMAGE`, and `image.zarr/labels/cells`, where the folder may be a zip
archive, too.
"""

from __future__ import annotations

from pathlib import Path

from segeval.files.remote import RemotePath
from segeval.readers.endings import YOLO_ENDINGS

HDF5_ENDINGS = (".h5", ".hdf5")
ZARR_ENDINGS = (".zarr", ".zarr.zip")
COCO_ENDINGS = (".json",)


def container_of(path: Path) -> tuple[Path, str]:
    """The file or folder that the path leads to, and what it names inside; the path and nothing for any other."""
    text = str(path)
    lower = text.lower()
    for ending in (*HDF5_ENDINGS, *COCO_ENDINGS):
        if (place := lower.find(f"{ending}:")) >= 0:
            return _start(path, place + len(ending)), text[place + len(ending) + 1 :]
    if ".zarr" not in lower:
        return path, ""
    for one in (path, *path.parents):
        if one.name.lower().endswith(ZARR_ENDINGS):
            inside = text[len(str(one)) :].strip("/")
            return (one if one == path else _start(path, len(str(one)))), inside
    return path, ""


def _start(path: Path, length: int) -> Path:
    """The path of the first characters."""
    text = str(path)[:length]
    return path.at(text) if isinstance(path, RemotePath) else Path(text)


def holds_scores(path: Path) -> bool:
    """Whether the path leads to a file of a format whose objects may have scores."""
    return container_of(path)[0].name.lower().endswith((*COCO_ENDINGS, *YOLO_ENDINGS))


def is_coco(path: Path) -> bool:
    """Whether the path leads to a JSON file, which holds many images, or to one of them."""
    return container_of(path)[0].name.lower().endswith(COCO_ENDINGS)

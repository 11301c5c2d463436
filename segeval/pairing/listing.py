"""The volumes in a folder and below: what counts as a file of a case, whatever it is called."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import file_size
from segeval.files.paths import exists, is_file, is_folder
from segeval.files.remote import absent
from segeval.readers import ENDINGS, Input
from segeval.readers.endings import PICTURE_ENDINGS, TIFF_ENDINGS, YOLO_ENDINGS
from segeval.words.lists import counted_as, named

Side = Literal["predictions", "references"]

_MOST_LINKS = 3  # folders behind folder links behind folder links: enough for a pool of data, and it ends
_COMPANIONS = {".img": ".hdr", ".img.gz": ".hdr.gz", ".brik": ".head", ".rec": ".par"}
"""Endings of files that belong to another file of the same stem, which is the one to open."""

_Identity = tuple[int, int]  # device and inode


class Listing:
    """One side's folder; paths are relative to it, with ``/``, sorted. Each part is listed when it is asked for.

    Hidden files and folders (macOS ``._*`` among them) and files of unknown endings are left out, and so is the
    other side's folder where it lies inside this one.
    """

    def __init__(self, root: Path, side: Side, other: Path) -> None:
        """Raises UnreadableFile for what is no directory."""
        if not Input(root).is_folder:
            what = "is a file, not a folder; `segeval score` compares two files"
            raise UnreadableFile(f"{root}: {what if exists(root) else absent(root, 'folder')}")
        self.root = root
        self.side: Side = side
        self._identity = _identity(root)
        self._other = _identity(other) if Input(other).is_folder else None

    @cached_property
    def top(self) -> list[str]:
        """The volumes directly in the folder."""
        return sorted(_volumes(self.root, self._top[0]))

    @property
    def folders(self) -> int:
        """How many folders lie directly in it."""
        return len(self._top[1])

    @cached_property
    def files(self) -> list[str]:
        """The volumes in the folder and all folders below."""
        found: list[str] = []
        waiting = [("", self._top, frozenset([self._identity]), 0)]
        while waiting:
            prefix, (files, folders), above, links = waiting.pop()
            volumes = _volumes(self.root / prefix, files) if prefix else self.top
            found.extend(prefix + name for name in volumes)
            for name, is_link in folders:
                identity = _identity(self.root / (prefix + name))
                if identity in above or identity == self._other or links + is_link > _MOST_LINKS:
                    continue
                inside = _entries(self.root / (prefix + name))
                waiting.append((f"{prefix}{name}/", inside, above | {identity}, links + is_link))
        return sorted(found)

    def path(self, relative: str) -> Path:
        """The file or folder of this relative path."""
        return self.root / relative

    def require_volumes(self) -> None:
        """Raises UnreadableFile, with what was found instead, where there is no volume in it."""
        if self.top or self.files:
            return
        others, folders = self._top
        found = [counted_as(len(entries), noun) for entries, noun in ((others, "file"), (folders, "folder")) if entries]
        what = f"but {' and '.join(found)}" if found else "it is empty"
        if others:
            what += f" ({named(sorted(others), 3)})"
        known = ", ".join(ending for ending in ENDINGS if not ending.endswith(".gz"))
        raise UnreadableFile(f"{self.root}: holds no volume: {what}; segeval reads {known}, hidden files never")

    @cached_property
    def _top(self) -> tuple[list[str], list[tuple[str, bool]]]:
        return _entries(self.root)


def _entries(folder: Path) -> tuple[list[str], list[tuple[str, bool]]]:
    """The names of the files (and Zarr hierarchies) in a folder, and of its folders with whether each is a link.

    None that is hidden.
    """
    files: list[str] = []
    folders: list[tuple[str, bool]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if is_folder(entry) and not Input(Path(entry.name)).in_zarr:  # which is a volume
                    folders.append((entry.name, entry.is_symlink()))
                else:
                    files.append(entry.name)
    except OSError as problem:
        raise UnreadableFile(f"{folder}: cannot be listed ({problem.strerror}); check its permissions") from None
    return files, folders


def _identity(folder: Path) -> _Identity:
    try:
        status = folder.stat()
    except OSError as problem:
        raise UnreadableFile(f"{folder}: cannot be looked at ({problem.strerror}); check its permissions") from None
    return status.st_dev, status.st_ino


def _volumes(folder: Path, names: list[str]) -> list[str]:
    """The names with a known ending, without the second file of a pair such as ``.hdr`` and ``.img``.

    Texts are volumes where they begin like YOLO's, and empty ones beside such; a picture of the same name is then the
    image that they are of.
    """
    volumes = [name for name in names if name.lower().endswith(ENDINGS)]
    if texts := [name for name in names if name.lower().endswith(YOLO_ENDINGS)]:
        volumes = _with_polygons(folder, volumes, texts)
    companions = tuple(_COMPANIONS)
    if not any(name.lower().endswith(companions) for name in volumes):
        return volumes
    lower = {name.lower() for name in volumes}
    return [name for name in volumes if not _has_header(name.lower(), lower)]


def _with_polygons(folder: Path, volumes: list[str], texts: list[str]) -> list[str]:
    from segeval.readers.yolo import is_yolo

    polygons = [name for name in texts if is_yolo(folder / name)]
    if polygons:  # beside others, an empty one is that of an image without objects
        polygons += [name for name in texts if is_file(folder / name) and not file_size(folder / name)]
    stems = {os.path.splitext(name)[0] for name in polygons}  # noqa: PTH122
    images = (*PICTURE_ENDINGS, *TIFF_ENDINGS)
    return [
        name
        for name in volumes
        if not (name.lower().endswith(images) and os.path.splitext(name)[0] in stems)  # noqa: PTH122
    ] + polygons


def _has_header(name: str, names: set[str]) -> bool:
    return any(
        name.endswith(data) and name.removesuffix(data) + header in names for data, header in _COMPANIONS.items()
    )

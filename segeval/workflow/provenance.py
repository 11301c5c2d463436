"""What an audit needs to repeat a number: versions, command line, settings, and every file with its hash and header.

Nothing of the machine or its user: no host name, no user name, no absolute path that the user did not write.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from segeval.errors import SegevalError
from segeval.readers import ReadOptions, is_directory, mask_classes, open_volume
from segeval.readers.byte_stream import Watch
from segeval.readers.hashing import sha256_of
from segeval.report import Report
from segeval.version import __version__
from segeval.whole_files import write_whole

PROVENANCE_SCHEMA = "segeval-provenance/1"

_LIBRARIES = {
    "cc3d": "connected-components-3d", "cupy": "cupy-cuda12x", "isal": "isal", "nibabel": "nibabel", "numpy": "numpy",
    "scipy": "scipy", "SimpleITK": "SimpleITK",
}  # fmt: skip
"""Distributions that can touch voxels, by the module that is loaded where they did."""
_COMPANIONS = {".hdr": ".img", ".hdr.gz": ".img.gz", ".head": ".brik", ".par": ".rec"}


class Provenance:
    """Notes the files before they are read, and writes down what became of them."""

    def __init__(
        self, path: Path, command: Sequence[str], volumes: Iterable[Path | None], others: Iterable[Path | None] = ()
    ) -> None:
        """volumes: predictions and references, folders of masks among them. others: label file, manifest."""
        self._path = path
        self._command = list(command)
        self._time = datetime.now(UTC)
        named = dict.fromkeys(file for volume in volumes if volume is not None for file in files_of(volume))
        self._watched = {file: Watch(file) for file in (*named, *(other for other in others if other is not None))}
        self._volumes = set(named)

    def write(self, report: Report) -> None:
        """Write the file, whole or not at all. Raises WriteError, and UnreadableFile for a file that changed."""
        files = [self._file(file, watch, report) for file, watch in sorted(self._watched.items())]
        document = {
            "schema": PROVENANCE_SCHEMA,
            "time": self._time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "segeval": __version__,
            "python": platform.python_version(),
            "libraries": _libraries(),
            "command": ["segeval", *self._command],
            "settings": dict(report.settings),
            "signature": report.signature,
            "cases": [
                {"case": case.case, "status": case.status, "prediction": case.prediction, "reference": case.reference}
                for case in report.cases
            ],
            "files": files,
        }
        write_whole(self._path, json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n")

    def _file(self, path: Path, watch: Watch, report: Report) -> dict[str, Any]:
        """Size, hash and header; what cannot be read, the reason of a failed case, has none."""
        entry: dict[str, Any] = {"path": str(path), "bytes": None, "sha256": None, "header": None}
        try:
            entry["bytes"] = path.stat().st_size
            entry["sha256"] = sha256_of(path)
        except OSError:
            return entry
        if path in self._volumes:
            entry["header"] = _header(path, report.settings.get("class_axis"))
        watch.require_unchanged()
        return entry


def files_of(volume: Path) -> list[Path]:
    """The files that a volume is made of: the masks of a folder, a header and its data."""
    if is_directory(volume):
        try:
            return [file for mask in mask_classes(volume).values() for file in files_of(mask)]
        except SegevalError:
            return []
    return [volume, *_companions(volume)]


def _companions(volume: Path) -> list[Path]:
    name = volume.name.lower()
    if name.endswith((".nhdr", ".mhd")):
        from segeval.readers.itk_files import inspect_itk_file

        try:
            return list(inspect_itk_file(volume).data_files[1:])
        except SegevalError:
            return []
    for header, data in _COMPANIONS.items():
        for ours, theirs in ((header, data), (data, header)):
            if name.endswith(ours):
                stem = volume.name[: -len(ours)]
                names = (stem + theirs, stem + theirs.upper(), stem + theirs.removesuffix(".gz"), stem + theirs + ".gz")
                found = [volume.with_name(other) for other in names if volume.with_name(other).is_file()]
                return found[:1]
    return []


def _header(path: Path, class_axis: int | None) -> dict[str, Any] | None:
    """Facts of the volume as it was read; None where it cannot be, and for a file of voxels alone."""
    for axis in (class_axis, None):
        try:
            with open_volume(path, ReadOptions(class_axis=axis)) as volume:
                grid = volume.geometry
                return {
                    "shape": list(volume.shape),
                    "channels": volume.source.channels,
                    "dtype": volume.source.dtype.name,
                    "affine": None if grid is None or grid.affine is None else grid.affine.tolist(),
                    "spacing_mm": None if grid is None else list(grid.spacing_mm),
                    "oriented": grid is not None and grid.oriented,
                }
        except SegevalError:
            continue
    return None


def _libraries() -> dict[str, str]:
    """The versions of the libraries that are loaded; the headers were read here, so theirs are."""
    found = {}
    for module, distribution in _LIBRARIES.items():
        if sys.modules.get(module) is not None:
            try:
                found[distribution] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                found[distribution] = str(getattr(sys.modules[module], "__version__", "unknown"))
    return found

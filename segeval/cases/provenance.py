"""What an audit needs to repeat a number: versions, command line, settings, and every file with its hash and header.

Nothing of the machine or its user: no host name, no user name, no absolute path that the user did not write.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

from msgspec.structs import replace

from segeval.cases.libraries import loaded_libraries, together
from segeval.cases.opening import options_of
from segeval.cases.series import PREDICTION, REFERENCE
from segeval.errors import SegevalError
from segeval.files.hashing import new_sha256, sha256_of
from segeval.files.paths import is_file
from segeval.files.watch import Watch
from segeval.files.whole_files import encoded, write_whole
from segeval.outputs import OUTPUTS
from segeval.readers import Input, ReadOptions, open_volume
from segeval.readers.containers import container_of
from segeval.results.documents import Sha256
from segeval.results.report import Report, Status
from segeval.results.rows import lines_of
from segeval.results.strict_json import json_indented
from segeval.settings import Settings
from segeval.settings.reading import settings_of_document
from segeval.version import __version__

PROVENANCE_SCHEMA: Literal["segeval-provenance/1"] = "segeval-provenance/1"

_COMPANIONS = {".hdr": ".img", ".hdr.gz": ".img.gz", ".head": ".brik", ".par": ".rec"}


class HeaderDocument(TypedDict):
    """Facts of a volume as it was read. dtype: of its values. affine: 4×4, mm, RAS+."""

    shape: list[int]
    channels: int
    dtype: str
    affine: list[list[float]] | None
    spacing_mm: list[float] | None
    oriented: bool


class ReadFile(TypedDict):
    """A file that was read. header: null for what is no volume of its own; of a file that is missing, all are null."""

    path: str
    bytes: int | None
    sha256: Sha256 | None
    header: HeaderDocument | None


class CaseFiles(TypedDict):
    """The paths of a case."""

    case: str
    status: Status
    prediction: str | None
    reference: str | None


class ProvenanceDocument(TypedDict):
    """What an audit needs to repeat a number. time: UTC, when the run began. results_sha256: of the results as --format
    json writes them; null where a report was read. names: by label value.
    """

    schema: Literal["segeval-provenance/1"]
    time: str
    segeval: str
    python: str
    libraries: dict[str, str]
    command: list[str]
    settings: dict[str, Any]
    signature: str
    names: dict[str, str]
    results_sha256: Sha256 | None
    cases: list[CaseFiles]
    files: list[ReadFile]


class Provenance:
    """Notes the files before they are read, and writes down what became of them."""

    def __init__(
        self, path: Path, command: Sequence[str], volumes: Iterable[Input | None], others: Iterable[Path | None] = ()
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
        references = {case.reference for case in report.cases}
        settings = settings_of_document(report.settings) if self._volumes else Settings()
        options = [options_of(settings, side) for side in (PREDICTION, REFERENCE)]
        files = [
            self._file(file, watch, options[str(file) in references]) for file, watch in sorted(self._watched.items())
        ]
        document: ProvenanceDocument = {
            "schema": PROVENANCE_SCHEMA,
            "time": self._time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "segeval": __version__,
            "python": platform.python_version(),
            "libraries": together([loaded_libraries(), report.libraries]),
            "command": ["segeval", *self._command],
            "settings": dict(report.settings),
            "signature": report.signature,
            "names": {str(x.label): x.name for case in report.cases for x in lines_of(case.rows) if x.name is not None},
            "results_sha256": self._digest(report),
            "cases": [
                {"case": case.case, "status": case.status, "prediction": case.prediction, "reference": case.reference}
                for case in report.cases
            ],
            "files": files,
        }
        write_whole(self._path, json_indented(document))

    def _digest(self, report: Report) -> str | None:
        """Of the JSON of what was scored; None of a report that was read: it is among the files."""
        if not self._volumes:
            return None
        digest = new_sha256()
        for piece in OUTPUTS["json"].pieces(report):
            digest.update(piece if isinstance(piece, bytes) else encoded(piece))
        return digest.hexdigest()

    def _file(self, path: Path, watch: Watch, options: ReadOptions) -> ReadFile:
        """Size, hash and header; what cannot be read, the reason of a failed case, has none."""
        entry: ReadFile = {"path": str(path), "bytes": None, "sha256": None, "header": None}
        try:
            file, _ = container_of(path)
            entry["bytes"] = file.stat().st_size
            if not is_file(file):  # a pipe would wait for a writer, and a device may have no end
                return entry
            entry["sha256"] = sha256_of(file)
        except (OSError, ValueError, SegevalError):  # a name that no file can have
            return entry
        if path in self._volumes:
            entry["header"] = _header(path, options)
        watch.require_unchanged()
        return entry


def files_of(volume: Input) -> list[Path]:
    """The files that a volume is made of: the masks of a folder, a header and its data."""
    if volume.is_folder:
        try:
            return [file for mask in volume.masks.values() for file in files_of(Input(mask))]
        except SegevalError:
            return []
    return [volume.path, *_companions(volume.path)]


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
                found = [volume.with_name(other) for other in names if is_file(volume.with_name(other))]
                return found[:1]
    return []


def _header(path: Path, options: ReadOptions) -> HeaderDocument | None:
    """Facts of the volume as it was read; None where it cannot be, and for a file of voxels alone."""
    for axis in (options.class_axis, None):
        try:
            with open_volume(path, replace(options, hashed=False, class_axis=axis)) as volume:
                if volume.drawn_on is not None:  # contours have no voxels of their own
                    return None
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

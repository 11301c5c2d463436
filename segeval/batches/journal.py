"""Finished cases, one JSON line each, written as they finish; what a resumed run need not do again.

A line is complete or ignored, so that a run that is killed at any moment loses at most the cases in flight. A case is
known by its name, by size and time of its files, and by every setting and the version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segeval.batches.jobs import Finished, Job
from segeval.batches.journal_lines import finished_of, line_of
from segeval.batches.line_journal import LineJournal
from segeval.cases.voxels_that_count import files_beside
from segeval.errors import UnreadableFile
from segeval.files.remote import RemotePath
from segeval.readers import Input
from segeval.results.rows import Table
from segeval.settings import Settings
from segeval.version import __version__


class Journal(LineJournal):
    """The journal beside an output. Only one run may hold it at a time.

    Raises WriteError where another run holds it, or where it cannot be written.
    """

    def __init__(self, output: Path, settings: Settings, keep_tallies: bool, resume: bool) -> None:
        super().__init__(output, resume=resume)
        self._settings_key = settings_key(settings, keep_tallies)
        self._beside = files_beside(settings)
        self._columns = tuple(selection.key for selection in settings.selections)
        self._keys: dict[str, str] = {}

    def find(self, job: Job, table: Table | None = None) -> Finished | None:
        """The job's result, if these very files were scored under these very settings before. table: for its rows."""
        key = self._keys[job.case] = self.key(job)  # of the files as they are before they are read
        line = self.take(key)
        if line is None:
            return None
        found = finished_of(line, Table(self._columns) if table is None else table)
        if found is not None:
            del self._keys[job.case]
        return found

    def add(self, job: Job, finished: Finished) -> None:
        """Note a finished case. A case that failed is tried again when the run is resumed."""
        if finished.result.status == "error":
            return
        key = self._keys.pop(job.case, None) or self.key(job)
        self.append(line_of(key, finished, self._columns))

    def key(self, job: Job) -> str:
        """What a case is known by."""
        volumes = (*job.volumes, *self._beside)
        files = [None if volume is None else fingerprint(volume) for volume in volumes]
        return json.dumps([job.case, list(map(str, volumes)), files, self._settings_key])


def settings_key(settings: Settings, keep_tallies: bool) -> str:
    """A digest of everything that a result depends on besides the files."""
    labels = settings.labels
    document = settings.document()
    del document["backend"]  # it changes no number
    facts = [
        __version__,
        document,
        settings.hashed,
        keep_tallies,
        sorted(labels.names.items()),
        labels.regions_only,
        labels.from_file,
        labels.numbered_here,
    ]
    import hashlib

    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def fingerprint(volume: Input) -> list[Any]:
    """Size and time of a file, or of every mask of a folder; of a Zarr hierarchy, of all its files."""
    file, unknown = volume.file, [["", None, None]]
    try:
        if isinstance(file, RemotePath):
            return [["", *file.identity()]]
        if (status := volume.status) is None:
            return unknown
        if not status.is_folder:
            return [["", status.size, status.time_ns]]
        if volume.in_zarr:
            return _fingerprint_of_all(file)
    except (OSError, ValueError, UnreadableFile):
        return unknown
    try:
        masks = sorted(volume.masks.items())
    except UnreadableFile:
        return []
    return [[name, *fingerprint(Input(mask))[0][1:]] for name, mask in masks]


def _fingerprint_of_all(folder: Path) -> list[Any]:
    """The size of all files within, and a digest of their names, sizes and times."""
    import hashlib

    total, digest = 0, hashlib.sha256()
    for file in sorted(found for found in folder.rglob("*") if not found.is_dir()):
        status = file.stat()
        total += status.st_size
        facts = f"{file.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(facts.encode("utf-8", "surrogateescape"))
    return [["", total, digest.hexdigest()]]


@contextmanager
def journal_beside(
    outputs: Sequence[Path], settings: Settings, keep_tallies: bool, resume: bool
) -> Iterator[Journal | None]:
    """The journal beside the first output, or None without one. Raises WriteError."""
    if not outputs:
        yield None
        return
    with Journal(outputs[0], settings, keep_tallies, resume) as journal:
        yield journal

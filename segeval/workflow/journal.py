"""Finished cases, one JSON line each, written as they finish; what a resumed run need not do again.

A line is complete or ignored, so that a run that is killed at any moment loses at most the cases in flight. A case is
known by its name, by size and time of its files, and by every setting and the version.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from segeval.errors import UnreadableFile, WriteError
from segeval.readers import is_directory, mask_classes
from segeval.report import CaseResult
from segeval.version import __version__
from segeval.workflow.jobs import Finished, Job
from segeval.workflow.settings import Settings
from segeval.workflow.tally_documents import tally_document, tally_of


class Journal:
    """The journal beside an output. Only one run may hold it at a time.

    Raises WriteError where another run holds it, or where it cannot be written.
    """

    def __init__(self, output: Path, settings: Settings, keep_tallies: bool, resume: bool) -> None:
        from filelock import FileLock, Timeout  # 13 ms, which a batch without an output does without

        self.path = output.with_name(output.name + ".journal")
        self._settings_key = _settings_key(settings, keep_tallies)
        self._lock = FileLock(str(self.path) + ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            if not Path(self._lock.lock_file).exists():  # filelock waits where a file cannot even be made
                raise WriteError(f"{self.path}: cannot be written; check the folder") from None
            raise WriteError(f"{output}: another run is writing it; wait for it, or name another file") from None
        except OSError as problem:
            raise WriteError(f"{self.path}: cannot be written ({problem.strerror}); check the folder") from None
        self._known = self._read() if resume else {}
        self._keys: dict[str, str] = {}
        self._file = self._open(resume)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def find(self, job: Job) -> Finished | None:
        """The job's result, if these very files were scored under these very settings before."""
        key = self._keys[job.case] = self.key(job)  # of the files as they are before they are read
        entry = self._known.pop(key, None)
        if entry is None:
            return None
        tally = None if entry["tally"] is None else tally_of(entry["tally"])
        result = CaseResult.from_document(entry["case"], entry["kind"])
        return Finished(result, tally, libraries=entry.get("libraries", {}))

    def add(self, job: Job, finished: Finished) -> None:
        """Note a finished case. A case that failed is tried again when the run is resumed."""
        if finished.result.status == "error":
            return
        entry = {
            "key": self._keys.pop(job.case, None) or self.key(job),
            "case": finished.result.document(),
            "kind": finished.result.kind,
            "libraries": dict(finished.libraries),
            "tally": None if finished.tally is None else tally_document(finished.tally),
        }
        line = memoryview(json.dumps(entry, allow_nan=False).encode() + b"\n")
        try:
            while line:  # a disk takes what it has room for, and says so the next time
                line = line[os.write(self._file, line) :]
        except OSError as problem:
            raise WriteError(f"{self.path}: cannot be written ({problem.strerror}); free some space") from None

    def key(self, job: Job) -> str:
        """What a case is known by."""
        files = [None if path is None else _fingerprint(path) for path in (job.prediction, job.reference)]
        return json.dumps([job.case, str(job.prediction), str(job.reference), files, self._settings_key])

    def _read(self) -> dict[str, Any]:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise WriteError(f"{self.path}: cannot be read ({problem.strerror}); remove it to start anew") from None
        known = {}
        for line in lines:
            try:
                entry = json.loads(line)
                known[entry["key"]] = entry
            except (ValueError, KeyError, TypeError):
                continue  # the line that was being written when the run was killed
        return known

    def _open(self, resume: bool) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if resume else os.O_TRUNC)
        try:
            file = os.open(self.path, flags, 0o666)
            if resume and os.fstat(file).st_size:
                os.write(file, b"\n")  # ends a line that was cut
        except OSError as problem:
            raise WriteError(f"{self.path}: cannot be written ({problem.strerror}); check the folder") from None
        return file


def _settings_key(settings: Settings, keep_tallies: bool) -> str:
    """A digest of everything that a result depends on besides the files."""
    labels = settings.labels
    document = settings.document()
    del document["backend"]  # it changes no number
    facts = [
        __version__, document, settings.hashed, keep_tallies, sorted(labels.names.items()),
        labels.regions_only, labels.from_file,
    ]  # fmt: skip
    import hashlib

    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _fingerprint(path: Path) -> list[Any]:
    """Size and time of a file, or of every mask of a folder."""
    try:
        files = sorted(mask_classes(path).items()) if is_directory(path) else [("", path)]
    except UnreadableFile:
        return []
    found: list[Any] = []
    for name, file in files:
        try:
            status = file.stat()
            found.append([name, status.st_size, status.st_mtime_ns])
        except OSError:
            found.append([name, None, None])
    return found


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

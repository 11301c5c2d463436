"""Notices that a file changes while it is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from segeval.errors import UnreadableFile
from segeval.files.remote import RemotePath, located


class Watch:
    """Notices that a file was written to, or replaced, while it was read: by size and time, of file and path.

    What is written within one tick of the file system's clock (some milliseconds) before the reading begins, and with
    the same size, cannot be told apart.
    """

    def __init__(self, path: Path, file: BinaryIO | None = None) -> None:
        """Begin to watch. file: the open file, where there is one."""
        self._path = located(path)
        self._file = None if isinstance(self._path, RemotePath) else file
        self._before = self._of_path(), self._of_file()

    def require_unchanged(self) -> None:
        """Raises UnreadableFile where the file is not what it was at first."""
        path, file = self._before
        closed = self._file is not None and self._file.closed
        if self._of_path(anew=True) != path or (not closed and self._of_file() != file):
            raise UnreadableFile(
                f"{self._path}: changed while it was read; wait until it is written, and score it again"
            )

    def _of_path(self, *, anew: bool = False) -> tuple[object, ...]:
        try:
            if isinstance(self._path, RemotePath):
                return self._path.identity(anew=anew)
            return _identity(self._path.stat())
        except (OSError, ValueError, UnreadableFile):
            return ()

    def _of_file(self) -> tuple[object, ...]:
        return () if self._file is None else _identity(os.fstat(self._file.fileno()))


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

"""The folder that the server of workers listens in: of a short name, and gone whoever is killed."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_PREFIX = "segeval-"
_VARIABLE = "_SEGEVAL_SOCKETS"  # read by fork_server.py
_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 (a folder of its own is made there)
_LONGEST = 70  # bytes; a socket's path holds 107, and what is made in the folder needs 35

_folder = ""  # that was made here


def make() -> None:
    """Make the folder for the server's socket, whose path may be a hundred bytes long; clusters name longer ones.

    It goes with this process, or with the server where this one is killed. Raises OSError where none can be made.
    """
    global _folder
    from multiprocessing import process

    config: dict[str, Any] = process.current_process()._config  # type: ignore[attr-defined]
    if os.path.isdir(config.get("tempdir") or ""):  # noqa: PTH112
        return
    import atexit
    import shutil
    import tempfile

    folders = (os.environ.get("TMPDIR", ""), tempfile.gettempdir(), *_FOLDERS)
    for folder in dict.fromkeys(filter(None, folders)):
        if len(os.fsencode(folder)) > _LONGEST:
            continue
        with suppress(OSError):
            sweep(folder)
            made = tempfile.mkdtemp(prefix=_PREFIX, dir=folder)
            _lock(made)  # for as long as this process lives
            config["tempdir"] = _folder = made
            atexit.register(shutil.rmtree, made, ignore_errors=True)
            return
    raise OSError(0, "there is no folder for temporary files")


def sweep(folder: str, age_s: float = 60) -> None:
    """Take away folders for sockets that nobody holds any more: whose process and server were killed together."""
    import shutil

    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(_PREFIX) or not entry.is_dir(follow_symlinks=False):
                continue
            status = entry.stat(follow_symlinks=False)
            if status.st_uid == os.getuid() and status.st_mtime < time.time() - age_s:
                with suppress(OSError):  # somebody holds it
                    os.close(_lock(entry.path))
                    shutil.rmtree(entry.path, ignore_errors=True)


def _lock(folder: str) -> int:
    """Hold a folder, as long as the file that is returned is open. Raises OSError where another process does."""
    import fcntl

    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


@contextmanager
def named() -> Iterator[None]:
    """A server that is started now is told which folder to take away at its end; no other process is."""
    os.environ[_VARIABLE] = _folder
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a helper of multiprocessing was killed and is started again
            yield
    finally:
        del os.environ[_VARIABLE]

"""Paths as users write them: asked about without an exception, and refused in words where no file can be called so."""

from __future__ import annotations

import errno
import os
import stat
import zlib
from pathlib import Path

from segeval.errors import UsageError
from segeval.files.remote import is_remote
from segeval.words.printable import shortened

LONGEST_NAME = 255
"""Bytes of a file's name, on all file systems in use."""


def path_of(what: str, given: object, otherwise: str = "") -> Path:
    """What was given to a function as a path. Raises UsageError for anything else; otherwise: what to do then."""
    if isinstance(given, (str, os.PathLike)):
        return Path(given)
    raise UsageError(f"{what}: give a path, this is of the type {type(given).__name__}{otherwise}")


def is_file(path: Path) -> bool:
    """Whether the path leads to a regular file; no for what cannot even be looked at."""
    return stat.S_ISREG(_mode(path))


def is_directory(path: Path) -> bool:
    """Whether the path leads to a directory; no for what cannot even be looked at."""
    return stat.S_ISDIR(_mode(path))


def is_folder(entry: os.DirEntry[str]) -> bool:
    """The same of an entry of a folder, which its list says; a link that leads nowhere, or to itself, is a file."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def exists(path: Path) -> bool:
    """Whether the path leads to anything; no for what cannot even be looked at."""
    return bool(_mode(path))


def is_loop(path: Path) -> bool:
    """Whether the path is a link that leads to itself, by whatever way."""
    try:
        os.stat(path)  # noqa: PTH116
    except OSError as problem:
        return problem.errno == errno.ELOOP
    except ValueError:
        pass
    return False


def real(path: Path) -> str:
    """The path without links, to tell whether two are one."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return str(path)


def absolute(path: Path) -> Path:
    """The path from the root on; as it is where the working folder has no name, because it was deleted."""
    try:
        return path.absolute()
    except OSError:
        return path


def require_possible(where: str, path: Path) -> None:
    """Raises UsageError where no file can be called so: a name that is too long, or is no text of the system's.

    where: the option or file that names it, for the message.
    """
    if is_remote(path):
        return
    try:
        os.stat(path)  # noqa: PTH116 (pathlib hides some of what may be wrong)
    except OSError as problem:
        if problem.errno != errno.ENAMETOOLONG:
            return
        why = f"its name is longer than {LONGEST_NAME} bytes, or the path than the system takes"
    except ValueError:  # a NUL byte, or half of a surrogate pair
        why = "it holds a character that no name of a file can hold"
    else:
        return
    raise UsageError(f"{where} {shortened(path, 100)}: no file can be called so: {why}; give another path")


def require_text(text: str) -> None:
    """Raises UsageError for what can be no path: a NUL byte, or half of a surrogate pair."""
    try:
        impossible = b"\0" in os.fsencode(text)
    except ValueError:
        impossible = True
    if impossible:
        raise UsageError(f"{shortened(text, 100)}: holds a character that no name of a file can hold")


def beside(path: Path, before: str, after: str) -> Path:
    """A name in the same folder that holds the path's; where there is no room, its beginning and a checksum of it."""
    name = path.name.encode(errors="surrogateescape")
    room = LONGEST_NAME - len(before) - len(after)
    if len(name) <= room:
        return path.with_name(f"{before}{path.name}{after}")
    checksum = f"~{zlib.crc32(name):08x}"
    return path.with_name(f"{before}{name[: room - len(checksum)].decode(errors='ignore')}{checksum}{after}")


def _mode(path: Path) -> int:
    try:
        return os.stat(path).st_mode  # noqa: PTH116 (it raises at names that are too long)
    except (OSError, ValueError):
        return 0

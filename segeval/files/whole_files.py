"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

from segeval.errors import WriteError
from segeval.files.paths import absolute, beside, is_directory, is_loop

_UNSAFE = re.compile(r"[^\w.+-]+")
_LONGEST = 120


def require_folder(path: Path) -> None:
    """Raises WriteError where there is no folder to write the file in, or a link in its place that leads to itself."""
    whole = absolute(path)
    if not whole.is_absolute():
        raise WriteError(f"{path}: the working folder is gone; name the file by its whole path, from / on")
    if not is_directory(whole.parent):
        raise WriteError(f"{path}: there is no folder {whole.parent}; create it first")
    if is_loop(path):
        raise WriteError(f"{path}: is a link that leads to itself; name another file")


def encoded(text: str) -> bytes:
    """The bytes of a text in a file; a file's name that is no text is escaped."""
    return text.encode("utf-8", errors="backslashreplace")


def write_whole(path: Path, content: str | bytes | Iterable[str | bytes]) -> None:
    """Write a file, in pieces or at once, so that it is there whole or not at all. Raises WriteError."""
    pieces = [content] if isinstance(content, (str, bytes)) else content
    part = _part(path, os.urandom(4).hex())
    try:
        file = part.open("xb")
    except OSError as problem:
        raise WriteError(f"{path}: cannot be written ({problem.strerror}); check the folder") from None
    try:
        with file:
            for piece in pieces:
                file.write(encoded(piece) if isinstance(piece, str) else piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as problem:
        raise WriteError(f"{path}: cannot be written ({problem.strerror}); nothing was left behind") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def sweep_parts(path: Path) -> None:
    """Remove what writers of this file left who were killed amid it. Nobody else may be writing it."""
    begun = _part(path, "0" * 8)
    pattern = re.compile(re.escape(begun.name).replace("0" * 8, "[0-9a-f]{8}"))
    with suppress(OSError):
        for name in os.listdir(begun.parent):  # noqa: PTH208 (a folder of many files)
            if pattern.fullmatch(name):
                begun.with_name(name).unlink(missing_ok=True)


def _part(path: Path, number: str) -> Path:
    return beside(absolute(path), ".", f".{number}.part")


def made_folder(path: Path) -> Path:
    """The folder, made where it is missing. Raises WriteError."""
    require_folder(path)
    try:
        path.mkdir(exist_ok=True)
    except OSError as problem:
        raise WriteError(f"{path}: cannot be made ({problem.strerror}); name another folder") from None
    return path


def free_name(text: str, taken: set[str]) -> str:
    """A file's name of this text, without what leads out of a folder; one that no other text has got of ``taken``."""
    plain = _UNSAFE.sub("-", text).strip(".- ")[:_LONGEST] or "figure"
    names = (plain if number == 1 else f"{plain}-{number}" for number in count(1))
    name = next(each for each in names if each.casefold() not in taken)
    taken.add(name.casefold())
    return name

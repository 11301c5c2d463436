"""A file of lines beside an output, each whole or ignored, which tell a resumed run what an earlier one has done.

A line ends with the checksum of what stands before it: a number of which a disk lost a bit is no number.

A run that is killed at any moment loses at most the lines that it was about to write.
"""

from __future__ import annotations

import json
import os
from binascii import crc32
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
from msgspec import Struct

from segeval.errors import WriteError
from segeval.files.paths import beside, exists
from segeval.files.whole_files import sweep_parts


class LineJournal:
    """Lines of JSON with a ``key``. Only one run may hold it at a time.

    Raises WriteError where another run holds it, or where it cannot be written.
    """

    def __init__(self, output: Path, *, resume: bool) -> None:
        from filelock import FileLock, Timeout  # 13 ms, which a batch without an output does without

        lock = beside(output, "", ".journal.lock")
        self.path = lock.with_suffix("")
        self._lock = FileLock(str(lock))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            if not exists(Path(self._lock.lock_file)):  # filelock waits where a file cannot even be made
                raise WriteError(f"{self.path}: cannot be written; check the folder") from None
            raise WriteError(f"{output}: another run is writing it; wait for it, or name another file") from None
        except OSError as problem:
            raise WriteError(f"{self.path}: cannot be written ({problem.strerror}); check the folder") from None
        sweep_parts(output)  # whoever holds the lock is the only writer
        self._known = self._read() if resume else {}
        self._file = self._open(resume)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def take(self, key: str) -> bytes | None:
        """The line of an earlier run, once; None where there is none."""
        place = self._known.pop(key, None)
        return None if place is None else _parted(os.pread(self._file, place[1], place[0]))[0]

    def append(self, text: bytes) -> None:
        """Note a line, its end included."""
        line = memoryview(_sealed(text))
        try:
            while line:  # a disk takes what it has room for, and says so the next time
                line = line[os.write(self._file, line) :]
        except OSError as problem:
            raise WriteError(f"{self.path}: cannot be written ({problem.strerror}); free some space") from None

    def _read(self) -> dict[str, tuple[int, int]]:
        """Where the line of each key stands, and how long it is; the last one where there are several."""
        known: dict[str, tuple[int, int]] = {}
        first = 0
        try:
            with self.path.open("rb") as lines:
                for line in lines:
                    text = _unsealed(line)  # None of the line that was being written when the run ended
                    if text is not None and (key := key_of(text)) is not None:
                        known[key] = first, len(line)
                    first += len(line)
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise WriteError(f"{self.path}: cannot be read ({problem.strerror}); remove it to start anew") from None
        return known

    def _open(self, resume: bool) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | (0 if resume else os.O_TRUNC)
        try:
            file = os.open(self.path, flags, 0o666)
            if resume and os.fstat(file).st_size:
                os.write(file, b"\n")  # ends a line that was cut
        except OSError as problem:
            raise WriteError(f"{self.path}: cannot be written ({problem.strerror}); check the folder") from None
        return file


def _sealed(text: bytes) -> bytes:
    return b"%b\t%08x\n" % (text[:-1], crc32(text[:-1]))


def _unsealed(line: bytes) -> bytes | None:
    """The text of a line, None of one that is not as it was written."""
    text, seal = _parted(line)
    return text if seal == b"%08x\n" % crc32(text) else None


def _parted(line: bytes) -> tuple[bytes, bytes]:
    """Text and checksum."""
    text, _, seal = line.rpartition(b"\t")
    return text, seal


class Line(Struct):
    """What every line has, by which it is found again."""

    key: str


_DECODER = msgspec.json.Decoder(Line)
_ENCODER = json.JSONEncoder(allow_nan=False)
_Line = TypeVar("_Line", bound=Line)


def encoded(line: Line) -> bytes:
    """The line, its end included; in ASCII, which names that are no text have a form in."""
    return _ENCODER.encode(msgspec.to_builtins(line)).encode() + b"\n"


def key_of(line: bytes) -> str | None:
    """The key of a line, None of one that is not whole."""
    try:
        return _DECODER.decode(line).key
    except (ValueError, RecursionError):
        pass
    found = decoded(line, Line)
    return None if found is None else found.key


def decoded(line: bytes, kind: type[_Line]) -> _Line | None:
    """None for what is no such line."""
    try:
        return msgspec.json.decode(line, type=kind)
    except (ValueError, RecursionError):  # halves of surrogate pairs are, of names that are no text
        pass
    try:
        return msgspec.convert(json.loads(line), kind)
    except (ValueError, RecursionError):
        return None

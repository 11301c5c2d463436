"""The bytes of one file, opened once, decompressed where its content says so, and verified to the end.

Owning the open file is what makes a number trustworthy: a gzip stream is read through its last trailer, with
checksum and length checked by the decoder, and what is read is what was asked for. igzip (the ``isal`` package)
inflates 1.1 times faster than zlib-ng on label maps and 1.6 times on float maps, and 3 and 2 times faster than zlib.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from segeval.errors import UnreadableFile
from segeval.files.hashing import new_sha256

_RAW_BLOCK = 1 << 18  # compressed bytes per read: a float map's inflate to about a piece
PIECE_BYTES = 1 << 19
"""Bytes decoded at once: larger pieces leave a core's cache, smaller ones cost more calls."""
SMALL_PIECE_BYTES = 1 << 16
"""The same where many files are open side by side."""
TRAILING_ALLOWANCE = 1 << 20
"""Bytes that may follow the last voxel."""
_MOST_INFLATED = 1100  # times: deflate cannot expand by more than 1032, and TIFF's other methods hardly do

_GZIP = b"\x1f\x8b"


class Watch:
    """Notices that a file was written to, or replaced, while it was read: by size and time, of file and path.

    What is written within one tick of the file system's clock (some milliseconds) before the reading begins, and with
    the same size, cannot be told apart.
    """

    def __init__(self, path: Path, file: BinaryIO | None = None) -> None:
        """Begin to watch. file: the open file, where there is one."""
        self._path = path
        self._file = file
        self._before = self._of_path(), self._of_file()

    def require_unchanged(self) -> None:
        """Raises UnreadableFile where the file is not what it was at first."""
        path, file = self._before
        closed = self._file is not None and self._file.closed
        if self._of_path() != path or (not closed and self._of_file() != file):
            raise UnreadableFile(
                f"{self._path}: changed while it was read; wait until it is written, and score it again"
            )

    def _of_path(self) -> tuple[int, ...]:
        try:
            return _identity(self._path.stat())
        except (OSError, ValueError):
            return ()

    def _of_file(self) -> tuple[int, ...]:
        return () if self._file is None else _identity(os.fstat(self._file.fileno()))


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class BlockReader:
    """Bytes that come in blocks of any length, read by the piece."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._pending = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes, or fewer where the data end."""
        parts: list[memoryview] = []
        while size and (part := self.read_some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def read_some(self, most: int) -> memoryview:
        """The next bytes as they were decoded, without a copy: at most so many, none at the end."""
        while not self._pending:
            block = next(self._blocks, None)
            if block is None:
                break
            self._pending = memoryview(block)
        taken, self._pending = self._pending[:most], self._pending[most:]
        return taken


def whole_items(
    read_some: Callable[[int], bytes | memoryview], size: int, itemsize: int, most: int
) -> Iterator[bytes | memoryview]:
    """The next ``size`` bytes as they come, in blocks of at most ``most`` that end between two items.

    Where the data end early, so does this, perhaps with a part of an item.
    """
    rest: bytes | memoryview = b""  # the beginning of an item that a block cut in two
    most -= most % itemsize
    while size:
        block = read_some(min(size, most) - len(rest))
        if not block:
            break
        if rest:
            block = b"".join((rest, block))
        cut = len(block) - len(block) % itemsize
        rest = block[cut:]
        size -= cut
        if cut:
            yield block[:cut]
    if rest:
        yield rest


class ByteStream(BlockReader):
    """Reads a regular file from its first byte to its last, decompressed if it is gzip.

    Raises UnreadableFile for what is no readable regular file, and for a damaged gzip stream.
    """

    def __init__(
        self,
        path: Path,
        *,
        hashed: bool = False,
        on_bytes: Callable[[int], None] | None = None,
        start: int = 0,
        piece_bytes: int = PIECE_BYTES,
    ) -> None:
        """start: the byte to begin at. piece_bytes: how much is inflated at once."""
        self.path = path
        self._piece_bytes = piece_bytes
        self._file = open_regular_file(path)
        self._watch = Watch(path, self._file)
        self._file.seek(start)
        self._hash = new_sha256() if hashed else None
        self._on_bytes = on_bytes
        self.compressed = self._file.peek(2)[:2] == _GZIP  # type: ignore[attr-defined]
        super().__init__(self._inflated() if self.compressed else self._plain())

    def read_at(self, position: int, size: int) -> bytes:
        """``size`` bytes from anywhere in a file that is not compressed, or fewer where it ends."""
        try:
            self._file.seek(position)
            block = self._file.read(size)
        except OSError as problem:
            raise self._damaged(f"reading failed ({problem.strerror})", "check the disk") from None
        if self._on_bytes is not None:
            self._on_bytes(len(block))
        return block

    def drain(self, allowance: int = TRAILING_ALLOWANCE) -> int:
        """Read to the end, verifying it, and return how many bytes were left.

        Raises UnreadableFile, without reading on, where more than ``allowance`` bytes follow, and where the file has
        changed since it was opened.
        """
        left = len(self._pending)
        self._pending = memoryview(b"")
        for block in self._blocks:
            left += len(block)
            if left > allowance:
                raise UnreadableFile(
                    f"{self.path}: more than {allowance} bytes follow the last voxel; the header and the data do "
                    "not belong together, so export the volume again"
                )
        self.require_unchanged()
        return left

    def require_unchanged(self) -> None:
        """Raises UnreadableFile where the file changed since it was opened."""
        self._watch.require_unchanged()

    def digest(self) -> str | None:
        """SHA-256 in hex of the file as it lies on disk, once it has been drained; None if not asked for."""
        return None if self._hash is None else self._hash.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _raw(self, size: int) -> bytes:
        try:
            block = self._file.read(size)
        except OSError as problem:
            raise self._damaged(f"reading failed ({problem.strerror})", "check the disk") from None
        if self._hash is not None:
            self._hash.update(block)
        if self._on_bytes is not None:
            self._on_bytes(len(block))
        return block

    def _plain(self) -> Iterator[bytes]:
        while block := self._raw(self._piece_bytes):
            yield block

    def _inflated(self) -> Iterator[bytes]:
        """The members of a gzip stream one after the other; zeros may pad the end."""
        from isal import igzip_lib

        rest = self._raw(_RAW_BLOCK)
        while rest:
            decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            while not decoder.eof:
                if decoder.needs_input and not rest:
                    rest = self._raw(_RAW_BLOCK)
                    if not rest:
                        raise self._damaged("it ends inside a gzip stream", "copy or download it again")
                try:
                    block = decoder.decompress(rest, self._piece_bytes)
                except igzip_lib.error as problem:  # type: ignore[misc]  # its stub calls the class an instance
                    raise self._damaged(
                        f"damaged gzip data ({_reason(problem)})", "copy or download it again"
                    ) from None
                rest = b""
                if block:
                    yield block
            rest = self._after_member(decoder.unused_data)

    def _after_member(self, rest: bytes) -> bytes:
        """What follows a gzip member: the next member, or nothing. Zero padding is skipped."""
        while True:
            rest = rest.lstrip(b"\0")
            if len(rest) < len(_GZIP):
                more = self._raw(_RAW_BLOCK)
                if more:
                    rest += more
                    continue
            if rest and not rest.startswith(_GZIP):
                raise self._damaged("bytes that are no gzip data follow its gzip stream", "copy or download it again")
            return rest

    def _damaged(self, what: str, advice: str) -> UnreadableFile:
        self.require_unchanged()  # says more than what it looks like
        return UnreadableFile(f"{self.path}: {what}; {advice}")


def open_regular_file(path: Path) -> BinaryIO:
    """The file, open for reading. Raises UnreadableFile for anything but a readable, non-empty regular file."""
    try:
        status = path.stat()  # before opening: opening a FIFO would wait for a writer
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableFile(f"{path}: is a directory; name a file")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFile(
                f"{path}: is no regular file but a {_file_type(status.st_mode)}; write it to a file first"
            )
        if status.st_size == 0:
            raise UnreadableFile(f"{path}: is empty (0 bytes); export or copy it again")
        return path.open("rb")
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: there is no such file; check the path") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise UnreadableFile(f"{path}: cannot be opened ({reason}); check the path and its permissions") from None


def read_bounded(path: Path, most: int) -> bytes:
    """A whole file of at most so many bytes. Raises UnreadableFile."""
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1) if size <= most else b""  # Python makes room for all that is asked for
    if max(size, len(content)) > most:
        raise UnreadableFile(f"{path}: is larger than {most} bytes; check what it is")
    return content


def most_inflated(size: int) -> int:
    """No more bytes than this come out of so many compressed ones."""
    return size * _MOST_INFLATED + (1 << 20)


def file_size(path: Path) -> int:
    """Size in bytes, 0 where it cannot be told."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _file_type(mode: int) -> str:
    kinds = {
        stat.S_IFIFO: "pipe (FIFO)",
        stat.S_IFCHR: "character device",
        stat.S_IFBLK: "block device",
        stat.S_IFSOCK: "socket",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")


def _reason(problem: Exception) -> str:
    """The decoder's words without its error number: ``Error -6 Incorrect checksum found``."""
    words = str(problem).split(" ", 2)
    return words[2].lower() if len(words) == 3 and words[0] == "Error" else str(problem)

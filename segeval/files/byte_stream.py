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
from typing import Any, BinaryIO, Literal

from segeval.errors import UnreadableFile
from segeval.files.hashing import new_sha256
from segeval.files.remote import absent, is_remote, located
from segeval.files.watch import Watch

_RAW_BLOCK = 1 << 18  # compressed bytes per read: a float map's inflate to about a piece
PIECE_BYTES = 1 << 19
"""Bytes decoded at once: larger pieces leave a core's cache, smaller ones cost more calls."""
SMALL_PIECE_BYTES = 1 << 16
"""The same where many files are open side by side."""
TRAILING_ALLOWANCE = 1 << 20
"""Bytes that may follow the last voxel."""
_MOST_INFLATED = 1100  # times: deflate cannot expand by more than 1032, and TIFF's other methods hardly do

_GZIP = b"\x1f\x8b"


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
        encoding: Literal["raw", "gzip", "zlib"] | None = None,
        packed: int | None = None,
    ) -> None:
        """start: the byte to begin at. piece_bytes: how much is inflated at once.

        encoding: None to see whether it is gzip. packed: how many bytes a zlib stream has at most, as is said of it.
        """
        self.path = path
        self._piece_bytes = piece_bytes
        self._file = open_regular_file(path)
        self._watch = Watch(path, self._file)
        self._file.seek(start)
        self._hash = new_sha256() if hashed else None
        self._on_bytes = on_bytes
        gzip = encoding in (None, "gzip") and self._file.peek(2)[:2] == _GZIP  # type: ignore[attr-defined]
        self.compressed = gzip or encoding == "zlib"
        blocks = self._from_zlib(start, packed) if encoding == "zlib" else self._inflated() if gzip else self._plain()
        super().__init__(blocks)

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
            yield from self._decoded(
                decoder, rest, "it ends inside a gzip stream", "damaged gzip data", "copy or download it again"
            )
            rest = self._after_member(decoder.unused_data)

    def _from_zlib(self, start: int, packed: int | None) -> Iterator[bytes]:
        """One zlib stream, whose checksum is verified, and whose length where the header says one."""
        from isal import igzip_lib

        decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB)
        yield from self._decoded(
            decoder, b"", "the compressed data end too early", "damaged compressed data", "copy or export it again"
        )
        length = self._file.tell() - start - len(decoder.unused_data)
        if packed is not None and not length <= packed <= file_size(self.path) - start:
            what = f"the compressed data have {length} bytes, the header says {packed} (CompressedDataSize)"
            raise self._damaged(f"{what}, by which other programs read it", "export it again")

    def _decoded(self, decoder: Any, rest: bytes, cut: str, damaged: str, advice: str) -> Iterator[bytes]:
        """What one stream inflates to, which begins with ``rest``; the words are for what may be wrong with it."""
        from isal import igzip_lib

        while not decoder.eof:
            if decoder.needs_input and not rest:
                rest = self._raw(_RAW_BLOCK)
                if not rest:
                    raise self._damaged(cut, advice)
            try:
                block = decoder.decompress(rest, self._piece_bytes)
            except igzip_lib.error as problem:  # type: ignore[misc]  # its stub calls the class an instance
                raise self._damaged(f"{damaged} ({_reason(problem)})", advice) from None
            rest = b""
            if block:
                yield block

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
    path = located(path)
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
        raise UnreadableFile(f"{path}: {absent(path)}") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise UnreadableFile(f"{path}: cannot be opened ({reason}); check the path and its permissions") from None


def read_bounded(path: Path, most: int) -> bytes:
    """A whole file of at most so many bytes. Raises UnreadableFile."""
    with open_regular_file(path) as file:
        size = file_size(path) if is_remote(path) else os.fstat(file.fileno()).st_size
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
        return located(path).stat().st_size
    except (OSError, ValueError, UnreadableFile):
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

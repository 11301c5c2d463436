"""SHA-256 of files. hashlib is imported only where a hash is asked for: OpenSSL takes 10 ms to load."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import hashlib


def new_sha256(start: bytes = b"") -> hashlib._Hash:
    """A hash that can be fed more, piece by piece."""
    import hashlib

    return hashlib.sha256(start)


def sha256_of(path: Path) -> str:
    """The file's digest in hex."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(digests: Iterable[str]) -> str:
    """One digest for several files: of their digests in hex, in this order."""
    return new_sha256("".join(digests).encode()).hexdigest()

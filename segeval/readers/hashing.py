"""SHA-256 of files that were not read from first to last as a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def sha256_of(path: Path) -> str:
    """The file's digest in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(digests: Iterable[str]) -> str:
    """One digest for several files: of their digests in hex, in this order."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()

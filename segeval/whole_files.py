"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from segeval.errors import WriteError


def write_whole(path: Path, text: str | bytes) -> None:
    """Write a file so that it is there whole or not at all. Raises WriteError."""
    content = text.encode("utf-8", errors="backslashreplace") if isinstance(text, str) else text
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as problem:
        raise WriteError(f"{path}: cannot be written ({problem.strerror}); check the folder") from None
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as problem:
        raise WriteError(f"{path}: cannot be written ({problem.strerror}); nothing was left behind") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask

"""A prediction that is its own reference."""

from __future__ import annotations

from pathlib import Path

from segeval.files.remote import is_remote
from segeval.readers.containers import container_of, holds_arrays
from segeval.settings import Settings
from segeval.volumes.volume import Volume

SAME_FILE = "is the same file as"
"""In the remark that a batch must not overlook."""


def hashes_of(prediction: Volume, reference: Volume) -> tuple[str, str] | None:
    """The SHA-256 of both, once they were read; None where they were not asked for."""
    first, second = prediction.digest(), reference.digest()
    return None if first is None or second is None else (first, second)


def same_file(prediction: Path, reference: Path, hashes: tuple[str, str] | None, settings: Settings) -> list[str]:
    """The remark, where it is one; two arrays of one file, or two levels of an image, are not."""
    (first, inside), (second, within) = container_of(prediction), container_of(reference)
    key, level = settings.key, settings.level
    chosen = isinstance(key, tuple) and key[0] != key[1] and holds_arrays(prediction) and holds_arrays(reference)
    if chosen or inside.strip("/") != within.strip("/") or (isinstance(level, tuple) and level[0] != level[1]):
        return []
    elsewhere = is_remote(prediction) or is_remote(reference)
    same = str(first) == str(second) if elsewhere else first.samefile(second)
    if (hashes is not None and hashes[0] == hashes[1]) or same:
        return [f"{prediction}: {SAME_FILE} {reference}: the prediction was compared with itself"]
    return []

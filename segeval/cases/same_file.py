"""A prediction that is its own reference."""

from __future__ import annotations

from segeval.readers import Input
from segeval.settings import Settings
from segeval.volumes.volume import Volume

SAME_FILE = "is the same file as"
"""In the remark that a batch must not overlook."""


def hashes_of(prediction: Volume, reference: Volume) -> tuple[str, str] | None:
    """The SHA-256 of both, once they were read; None where they were not asked for."""
    first, second = prediction.digest(), reference.digest()
    return None if first is None or second is None else (first, second)


def same_file(prediction: Input, reference: Input, hashes: tuple[str, str] | None, settings: Settings) -> list[str]:
    """The remark, where it is one; two arrays of one file, or two levels of an image, are not."""
    key, level = settings.key, settings.level
    chosen = isinstance(key, tuple) and key[0] != key[1] and prediction.holds_arrays and reference.holds_arrays
    other_array = prediction.inside.strip("/") != reference.inside.strip("/")
    if chosen or other_array or (isinstance(level, tuple) and level[0] != level[1]):
        return []
    if (hashes is not None and hashes[0] == hashes[1]) or prediction.is_same(reference):
        return [f"{prediction}: {SAME_FILE} {reference}: the prediction was compared with itself"]
    return []

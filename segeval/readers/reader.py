"""What a reader is: a function from a path to an open Volume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from segeval.volumes.volume import Volume

if TYPE_CHECKING:
    from segeval.readers.colours import ColourTable


class ReadOptions(Struct, frozen=True):
    """How to open a volume.

    hashed: compute SHA-256 on the way.
    class_axis: the array axis (0-based, as stored) that holds the classes, or None for the last one after the third.
    on_bytes: told how many bytes were just read, for progress.
    side_by_side: many files are read at once: take little memory and no thread for each.
    in_parts: any part may be asked for, where the file allows that, instead of one stream.
    key: the array to read of a file that holds some by name, where the path names none. level: that of an image stored
        at several; None for the finest.
    colours: what those of a picture mean, or None where they mean nothing.
    beside: the other volume of the pair, open, for files that leave out what it says: their size, or which image.
    instances: a file that knows its objects gives each a value of its own, instead of its class's.
    drawn_on: where the images of structure sets lie, if not beside them.
    min_score: objects of a lower confidence are left out.
    not_judged: the value of voxels that the file itself excepts from judgement; None where they are background.
    """

    hashed: bool = False
    class_axis: int | None = None
    on_bytes: Callable[[int], None] | None = None
    side_by_side: bool = False
    in_parts: bool = False
    key: str | None = None
    level: int | None = None
    colours: ColourTable | None = None
    beside: Volume | None = None
    instances: bool = False
    drawn_on: str | None = None
    min_score: float | None = None
    not_judged: int | None = None


class Reader(Protocol):
    """Opens one kind of file. Raises UnreadableFile for anything that it cannot read whole and verified."""

    def __call__(self, path: Path, options: ReadOptions) -> Volume: ...

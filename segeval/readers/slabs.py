"""Arrays that a library reads in part, streamed as slabs: never the whole array. HDF5 and Zarr share this.

Stored axes run (…, z, y, x), the last one fastest, as NumPy's do: a slab of the first axis of space is a stretch of the
stream.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct

from segeval.errors import SegevalError, UnreadableFile
from segeval.files.remote import is_remote, not_given, said
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import PIECE_VOXELS, Piece
from segeval.words.printable import printable, shortened

_SLAB_BYTES = 32 << 20
_MOST_BYTES = 1 << 60
_Result = TypeVar("_Result")


class SlabSource(Struct, frozen=True):
    """An array of a library, one that has a shape, a type, and parts by slices.

    path: for messages. array: its stored axes. channel_axis: the one that holds the classes, None for a single map.
    space: the axes of space, slowest first; any other axis has the length one. chunks: voxels of a stored chunk along
    each stored axis. nothing_at: whether no chunk is stored of such parts by slices, so that they hold the fill value.
    """

    path: Path
    library: str
    array: Any
    channel_axis: int | None
    space: tuple[int, ...]
    chunks: tuple[int, ...]
    nothing_at: Callable[[Sequence[int | slice]], bool] = lambda _: False
    fill: float = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(self.array.shape[axis]) for axis in reversed(self.space))

    @property
    def channels(self) -> int:
        return 1 if self.channel_axis is None else int(self.array.shape[self.channel_axis])

    @property
    def dtype(self) -> np.dtype[Any]:
        stored = np.dtype(self.array.dtype)
        return np.dtype(np.uint8) if stored.kind == "b" else stored.newbyteorder("=")

    @property
    def in_order(self) -> bool:
        return False

    @property
    def anywhere(self) -> bool:
        return True

    @property
    def grain(self) -> tuple[int, ...]:
        """The voxels of a stored chunk, first axis fastest."""
        return tuple(min(self.chunks[axis], int(self.array.shape[axis])) for axis in reversed(self.space))

    def pieces(self, channel: int) -> Iterator[Piece]:
        """Slabs as deep as the chunks are, as far as memory allows. Raises UnreadableFile."""
        depth = self.shape[-1]
        plane = math.prod(self.shape[:-1]) * self.dtype.itemsize
        step = max(1, min(self.grain[-1], _SLAB_BYTES // max(plane, 1)))
        whole = [slice(0, length) for length in self.shape[:-1]]
        for start in range(0, depth, step):
            flat = self.tile(channel, (*whole, slice(start, min(start + step, depth))))
            for first in range(0, flat.size, PIECE_VOXELS):
                yield flat[first : first + PIECE_VOXELS]

    def tile(self, channel: int, box: Sequence[slice]) -> Piece:
        """The values of a box, first axis fastest. Raises UnreadableFile, NotEnoughMemory."""
        where: list[int | slice] = [0] * len(self.array.shape)
        for axis, side in zip(reversed(self.space), box, strict=True):
            where[axis] = side
        if self.channel_axis is not None:
            where[self.channel_axis] = channel
        size = math.prod(side.stop - side.start for side in box)
        if guarded(self.path, self.library, lambda: self.nothing_at(where)):
            return np.broadcast_to(np.array(self.fill).astype(self.dtype), (size,))
        if (held := size * self.dtype.itemsize) > _SLAB_BYTES:  # a damaged header may promise any size
            require_memory(str(self.path), Need(held, "a part that is read at once", "store it with shorter planes"))
        values = guarded(self.path, self.library, lambda: np.asarray(self.array[tuple(where)]))
        return np.ascontiguousarray(values, dtype=self.dtype).reshape(-1)


def guarded(path: Path, library: str, read: Callable[[], _Result]) -> _Result:
    """What a library reads; whatever it raises says that the file is damaged. Raises UnreadableFile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except SegevalError:
        raise
    except Exception as problem:
        if is_remote(path) and (why := not_given(problem)) is not None:
            raise UnreadableFile(f"{path}: {why}") from None
        words = said(problem)
        raise UnreadableFile(f"{path}: {library} cannot read it ({words}); copy or export it again") from None


def require_numbers(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raises UnreadableFile for what is no array of numbers, or larger than could be."""
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise UnreadableFile(f"{path}: holds {shortened(printable(str(dtype)), 60)}, not numbers that are read")
    if not shape or min(shape) < 1 or math.prod(shape) * dtype.itemsize > _MOST_BYTES:
        raise UnreadableFile(
            f"{path}: has the shape {'×'.join(map(str, shape)) or 'of a number'}, which cannot be used"
        )


def names_of_axes(stated: object) -> list[str] | None:
    """The names of an array's axes; None where some are others than t, c, z, y and x, and may mean anything."""
    if not isinstance(stated, list | tuple) or not stated:
        return None
    names = [str(name).lower() for name in stated]
    return names if set(names) <= set("tczyx") else None


def axes_of(path: Path, shape: tuple[int, ...], names: Sequence[str] | None) -> tuple[int | None, tuple[int, ...]]:
    """(axis of the classes, axes of space, slowest first), by name, else (y, x), (z, y, x) or (classes, z, y, x).

    Raises UnreadableFile.
    """
    if names is not None:
        return _by_name(path, [name.lower() for name in names], shape)
    if not 2 <= len(shape) <= 4:
        raise UnreadableFile(
            f"{path}: has the shape {'×'.join(map(str, shape))}; stored are (z, y, x), (y, x) or (classes, z, y, x)"
        )
    return (0, (1, 2, 3)) if len(shape) == 4 else (None, tuple(range(len(shape))))


def _by_name(path: Path, names: list[str], shape: tuple[int, ...]) -> tuple[int | None, tuple[int, ...]]:
    space = tuple(place for place, name in enumerate(names) if name in ("z", "y", "x"))
    order = [names[place] for place in space]
    known = len(names) == len(shape) and len(set(names)) == len(names) and order in (["z", "y", "x"], ["y", "x"])
    if not known or any(shape[at] > 1 for at, name in enumerate(names) if at not in space and name != "c"):
        raise UnreadableFile(
            f"{path}: has the axes {shortened(printable(', '.join(names)), 60)} of {'×'.join(map(str, shape))}; read "
            "are c, z, y and x in this order, and others of length one"
        )
    channel = names.index("c") if "c" in names and shape[names.index("c")] > 1 else None
    return channel, space

"""Bounding boxes of all labels, collected while the voxels stream by.

Label maps are long runs of equal values: a run's ends tell its extent, so a box costs a few operations per run, and
finding boxes afterwards (``scipy.ndimage.find_objects``) would cost a second pass over all voxels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.codebook import Codebook

Box = tuple[slice, ...]
"""One slice per axis, in the order of the shape."""


def find_runs(piece: NDArray[Any]) -> tuple[Integers, Integers]:
    """(starts, lengths) of the runs of equal values in a 1-D array."""
    if not piece.size:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    changes = np.empty(piece.size, dtype=np.bool_)
    changes[0] = True
    np.not_equal(piece[1:], piece[:-1], out=changes[1:])
    starts = marked(changes)
    return starts, lengths_of(starts, piece.size)


def marked(flags: NDArray[np.bool_]) -> Integers:
    """``flatnonzero`` of few ones, several times faster: words of eight voxels that hold none are skipped at once."""
    whole = flags.size >> 3 << 3
    words = flags[:whole].view(np.uint64)
    filled = np.flatnonzero(words != 0)
    within = np.flatnonzero(words.take(filled).view(np.bool_))
    found = filled.take(within >> 3)
    found <<= 3
    found += within & 7
    return np.concatenate((found, np.flatnonzero(flags[whole:]) + whole))


def lengths_of(starts: Integers, behind: int) -> Integers:
    """How long runs are that follow each other, the last up to ``behind``."""
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1:] = behind - starts[-1:]
    return lengths


def enclosing(boxes: Iterable[Box | None]) -> Box | None:
    """The smallest box around these boxes; None where there is none."""
    present = [box for box in boxes if box is not None]
    if not present:
        return None
    return tuple(
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*present, strict=True)
    )


class Boxes:
    """The bounding box of every label of one volume; the background has none.

    shape: voxels along each axis, the first fastest in the stream.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self._shape = tuple(shape)
        self._codebook = Codebook()
        self._low = np.empty((len(self._shape), 0), dtype=np.int64)  # first index per axis and code
        self._high = np.empty((len(self._shape), 0), dtype=np.int64)  # last index, -1 before the first run

    def add(self, starts: NDArray[Any], lengths: NDArray[Any], values: NDArray[Any]) -> None:
        """Take in runs: 1-D arrays of first positions in the whole stream, lengths (>= 1) and labels (integers).

        A run may cross rows and slices; its extent along every faster axis is then the whole axis. Runs may come
        in any order and may be parts of longer runs.
        """
        inside = np.flatnonzero(values)
        if not inside.size:
            return
        codes = self._codebook.encode(values[inside]).astype(np.intp)
        self._grow(len(self._codebook.values))
        first = starts[inside].astype(np.int64, copy=False)
        last = first + lengths[inside]
        last -= 1
        for axis, size in enumerate(self._shape):
            if axis == len(self._shape) - 1:
                low, high = first, last
            else:
                # A division and a product: several times faster than divmod.
                next_first, next_last = first // size, last // size
                low, high = first - next_first * size, last - next_last * size
                crossing = np.flatnonzero(next_first != next_last)
                low[crossing], high[crossing] = 0, size - 1
                first, last = next_first, next_last
            np.minimum.at(self._low[axis], codes, low)
            np.maximum.at(self._high[axis], codes, high)

    def box(self, values: Iterable[int]) -> Box | None:
        """The smallest box around all voxels of these labels; None where there is no such voxel."""
        wanted = set(values)
        codes = [code for code, value in enumerate(self._codebook.values) if value in wanted]
        if not codes:
            return None
        low, high = self._low[:, codes].min(axis=1), self._high[:, codes].max(axis=1)
        return tuple(slice(a, b + 1) for a, b in zip(low.tolist(), high.tolist(), strict=True))

    def _grow(self, codes: int) -> None:
        missing = codes - self._low.shape[1]
        if missing > 0:
            room = max(missing, self._low.shape[1])
            low = np.repeat(np.array(self._shape, dtype=np.int64)[:, np.newaxis], room, axis=1)
            self._low = np.concatenate((self._low, low), axis=1)
            self._high = np.concatenate((self._high, np.full_like(low, -1)), axis=1)

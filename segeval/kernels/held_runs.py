"""A label map kept as runs of equal labels, for what looks at it part by part: a tenth of the memory, most often."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.boxes import Boxes, lengths_of
from segeval.kernels.held_labels import narrowest, runs_of

_SHORT_RUNS = 0.1  # runs per voxel; where there are more, runs take no less memory than labels, and longer


class _Block(Struct, frozen=True):
    """Labels that follow each other; of runs where ``starts`` says where they begin, else of each voxel."""

    labels: NDArray[Any]
    starts: NDArray[np.uint32] | None
    voxels: int

    def part(self, first: int, behind: int) -> NDArray[Any]:
        if self.starts is None:
            return self.labels[first:behind]
        runs = slice(np.searchsorted(self.starts, first, "right") - 1, np.searchsorted(self.starts, behind))
        starts = self.starts[runs].astype(np.int64)
        starts[0] = first
        return np.repeat(self.labels[runs], lengths_of(starts, behind))


class HeldRuns:
    """One label map, in the narrowest type that holds its values, and the boxes of its labels."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.boxes = Boxes(shape)
        self.dtype: np.dtype[Any] = np.dtype(np.uint8)
        self._blocks: list[_Block] = []
        self._firsts: list[int] = []
        self._filled = 0

    def add(self, piece: NDArray[Any], starts: Integers | None = None) -> None:
        """The labels that follow, as ``Held`` says; at most 2^32."""
        if not piece.size:
            return
        starts, lengths, labels = runs_of(piece, starts)
        self.dtype = narrowest(labels, self.dtype)
        self.boxes.add(starts + self._filled, lengths, labels)
        long = starts.size <= _SHORT_RUNS * piece.size
        kept = (labels if long else piece).astype(self.dtype)
        self._blocks.append(_Block(kept, starts.astype(np.uint32) if long else None, piece.size))
        self._firsts.append(self._filled)
        self._filled += piece.size

    def part(self, first: int, behind: int) -> NDArray[Any]:
        """The labels of some voxels, the first axis fastest."""
        found = np.empty(behind - first, dtype=self.dtype)
        at = first
        while at < behind:
            place = bisect_right(self._firsts, at) - 1
            start, block = self._firsts[place], self._blocks[place]
            stop = min(behind, start + block.voxels)
            found[at - first : stop - first] = block.part(at - start, stop - start)
            at = stop
        return found

    @property
    def labels(self) -> NDArray[Any]:
        """The volume, shape ``shape``, made anew."""
        return self.part(0, math.prod(self.shape)).reshape(self.shape, order="F")

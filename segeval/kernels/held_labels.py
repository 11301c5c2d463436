"""Label maps kept whole while they stream by: what distances and instances need, and nothing else does."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.boxes import Boxes, find_runs, lengths_of
from segeval.volumes.memory import Need, require_memory

BYTES = 2
"""Per voxel: both label maps, as long as all of their values lie in 0 to 255."""


class HeldLabels:
    """One label map, in the narrowest type that holds its values, and the boxes of its labels."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.boxes = Boxes(shape)
        self._flat: NDArray[Any] = np.empty(math.prod(shape), dtype=np.uint8)
        self._filled = 0

    def add(self, piece: NDArray[Any], starts: Integers | None = None) -> None:
        """The labels that follow, as ``Held`` says. Raises NotEnoughMemory for labels of more bytes."""
        if not piece.size:
            return
        if (needed := narrowest(piece, self.dtype)) != self.dtype:
            self._widen(needed)
        self._flat[self._filled : self._filled + piece.size] = piece
        starts, lengths, labels = runs_of(piece, starts)
        self.boxes.add(starts + self._filled, lengths, labels)
        self._filled += piece.size

    def _widen(self, dtype: np.dtype[Any]) -> None:
        words = f"keeping a label map of {dtype.name} values"
        size = self._flat.size * dtype.itemsize
        require_memory("distances and instances", Need(size, words, "leave distances, instances and topology out"))
        wider = np.empty(self._flat.size, dtype=dtype)
        wider[: self._filled] = self._flat[: self._filled]
        self._flat = wider

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the labels."""
        return self._flat.dtype

    def part(self, first: int, behind: int) -> NDArray[Any]:
        """The labels of some voxels, the first axis fastest."""
        return self._flat[first:behind]

    @property
    def labels(self) -> NDArray[Any]:
        """The volume, shape ``shape``."""
        return self._flat.reshape(self.shape, order="F")


def runs_of(piece: NDArray[Any], starts: Integers | None) -> tuple[Integers, Integers, NDArray[Any]]:
    """(Starts, lengths, labels) of the runs of a piece; starts: as ``Held.add`` takes them."""
    if starts is None:
        starts, lengths = find_runs(piece)
        return starts, lengths, piece.take(starts)
    labels = piece.take(starts)
    own = np.concatenate(([0], np.flatnonzero(labels[1:] != labels[:-1]) + 1))
    starts = starts.take(own)
    return starts, lengths_of(starts, piece.size), labels.take(own)


def narrowest(piece: NDArray[Any], dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The narrowest type that holds all values of ``dtype`` and of a piece that is not empty."""
    if piece.dtype in (np.uint8, np.bool_) and dtype == np.uint8:
        return dtype
    needed = np.result_type(dtype, np.min_scalar_type(piece.min()), np.min_scalar_type(piece.max()))
    return np.dtype(np.uint64) if needed.kind == "f" else needed  # 64 bits, signed and not: no integer holds both


class Held(Protocol):
    """A label map that is kept: whole (``HeldLabels``) or as runs (``HeldRuns``)."""

    shape: tuple[int, ...]
    boxes: Boxes

    def add(self, piece: NDArray[Any], starts: Integers | None = None) -> None:
        """The labels that follow, the first axis fastest. Raises NotEnoughMemory.

        starts: where known, the first voxels of all runs of equal labels, 0 first; there may be others among them.
        """
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest type that holds all of the labels."""
        ...

    def part(self, first: int, behind: int) -> NDArray[Any]:
        """The labels of some voxels, the first axis fastest."""
        ...

    @property
    def labels(self) -> NDArray[Any]:
        """The volume, shape ``shape``."""
        ...


class HeldPair(Struct, frozen=True):
    """The prediction's and the reference's labels on one grid, as they were counted."""

    prediction: Held
    reference: Held

    @classmethod
    def of_shape(cls, shape: tuple[int, ...], *, runs: bool = False) -> HeldPair:
        """Nothing held yet. runs: as runs."""
        if runs:
            from segeval.kernels.held_runs import HeldRuns

            return cls(HeldRuns(shape), HeldRuns(shape))
        return cls(HeldLabels(shape), HeldLabels(shape))

"""Label maps kept whole while they stream by: what distances and instances need, and nothing else does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.kernels.boxes import Boxes, find_runs
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

    def add(self, piece: NDArray[Any]) -> None:
        """The labels that follow, the first axis fastest. Raises NotEnoughMemory for labels of more bytes."""
        if not piece.size:
            return
        if piece.dtype not in (np.uint8, np.bool_):
            low, high = np.min_scalar_type(piece.min()), np.min_scalar_type(piece.max())
            needed = np.result_type(self._flat.dtype, low, high)
            if needed.kind == "f":  # 64 bits, signed and not: no integer type holds both
                needed = np.dtype(np.uint64)
            if needed != self._flat.dtype:
                self._widen(needed)
        self._flat[self._filled : self._filled + piece.size] = piece
        starts, lengths = find_runs(piece)
        self.boxes.add(starts + self._filled, lengths, piece.take(starts))
        self._filled += piece.size

    def _widen(self, dtype: np.dtype[Any]) -> None:
        words = f"keeping a label map of {dtype.name} values"
        size = self._flat.size * dtype.itemsize
        require_memory("distances and instances", Need(size, words, "leave distances and instances out"))
        wider = np.empty(self._flat.size, dtype=dtype)
        wider[: self._filled] = self._flat[: self._filled]
        self._flat = wider

    @property
    def labels(self) -> NDArray[Any]:
        """The volume, shape ``shape``."""
        return self._flat.reshape(self.shape, order="F")


class HeldPair(Struct, frozen=True):
    """The prediction's and the reference's labels on one grid, as they were counted."""

    prediction: HeldLabels
    reference: HeldLabels

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> HeldPair:
        """Nothing held yet."""
        return cls(HeldLabels(shape), HeldLabels(shape))

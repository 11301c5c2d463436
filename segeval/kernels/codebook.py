"""Small codes 0, 1, 2, … for label values of any width, in the order in which they appear."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_TABLE = 1 << 16
_BYTES = 1 << 8


class Codebook:
    """Values are exact at any integer type: 64 bits, signed or not, never pass through a float."""

    def __init__(self) -> None:
        self.values: list[int] = []
        self._code_of: dict[int, int] = {}
        self._table = np.full(_BYTES, -1, dtype=np.int32)  # codes of the values 0 … 255, or 65,535 where there are such

    def encode(self, values: NDArray[Any]) -> NDArray[np.int32]:
        """The codes of a 1-D integer array; unknown values get the next ones."""
        if values.dtype.kind == "b":
            values = values.view(np.uint8)
        if not values.size:
            return np.empty(0, dtype=np.int32)
        if values.dtype.itemsize == 8 and values.dtype.kind == "u" and values.max() < _TABLE:
            values = values.astype(np.int64)  # NumPy 2.0 takes no unsigned 64-bit indices
        if values.dtype == np.uint8 or (values.min() >= 0 and values.max() < _TABLE):
            if values.dtype != np.uint8 and len(self._table) < _TABLE and values.max() >= _BYTES:
                self._table = np.concatenate([self._table, np.full(_TABLE - _BYTES, -1, dtype=np.int32)])
            codes: NDArray[np.int32] = self._table.take(values)
            if codes.min() < 0:
                for value in np.flatnonzero(np.bincount(values[codes < 0])).tolist():  # np.unique loads numpy.ma: 5 ms
                    self._table[value] = self._code(value)
                codes = self._table.take(values)
            return codes
        distinct, places = np.unique(values, return_inverse=True)
        return np.asarray(np.array([self._code(value) for value in distinct.tolist()], dtype=np.int32)[places])

    def _code(self, value: int) -> int:
        code = self._code_of.get(value)
        if code is None:
            code = self._code_of[value] = len(self.values)
            self.values.append(value)
            if 0 <= value < len(self._table):
                self._table[value] = code
        return code

"""Records that hold arrays, and are equal where what they hold is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec import Struct


class ByValue(Struct, frozen=True, eq=False):
    """Of a record with arrays `==` is an answer, too: whether every field is the same. NaN is the same as NaN."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__)

    __hash__ = None  # type: ignore[assignment]  # as of arrays and mappings


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (np.ndarray, float)):
        floats = np.asarray(one).dtype.kind == "f"
        return bool(np.array_equal(one, other, equal_nan=floats))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)

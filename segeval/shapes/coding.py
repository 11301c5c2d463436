"""Targets that do not overlap in one map: a small number per voxel, the code, says to which of them it belongs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers

Codes = NDArray[np.unsignedinteger]
Values = frozenset[int]

_TABLE_BYTES = 2  # labels of so many bytes are looked up in a table of all their values
_PIECE = 1 << 16


def layers_of(targets: Sequence[tuple[Values, Values]]) -> list[list[int]]:
    """The targets, by their places, in as few groups as come easily, within which no two share a value.

    targets: the stored values of each in prediction and reference.
    """
    layers: list[tuple[set[int], set[int], list[int]]] = []
    for place, (prediction, reference) in enumerate(targets):
        free = (each for each in layers if each[0].isdisjoint(prediction) and each[1].isdisjoint(reference))
        layer = next(free, None)
        if layer is None:
            layer = (set(), set(), [])
            layers.append(layer)
        layer[0].update(prediction)
        layer[1].update(reference)
        layer[2].append(place)
    return [members for _, _, members in layers]


class Coding(Struct, frozen=True):
    """What the codes of one map stand for.

    values: the stored values that have a code, ascending; None where the values are their own codes.
    codes: of these values. target: by code, the target's place, -1 for none. value: by code, the stored value (of a
    target of several values: one of them).
    """

    values: NDArray[np.integer] | None
    codes: Codes
    target: Integers
    value: NDArray[np.integer]

    def encode(self, labels: NDArray[np.integer]) -> Codes:
        """Of a box of the map, in Fortran order; a view of it where it is its own code."""
        if self.values is None:
            return np.asfortranarray(labels)
        if labels.dtype.itemsize <= _TABLE_BYTES:
            return self._by_table(labels)
        return self._by_runs(labels)

    def _by_table(self, labels: NDArray[np.integer]) -> Codes:
        table = np.zeros(1 << 8 * labels.dtype.itemsize, dtype=self.codes.dtype)
        table[self.values] = self.codes  # a negative value counts from the end, as its bits do below
        flat = labels.view(f"u{labels.dtype.itemsize}").ravel(order="F")
        found = np.empty(flat.shape, dtype=table.dtype)
        for start in range(0, flat.size, _PIECE):  # the indices that NumPy makes of the labels stay in the cache
            table.take(flat[start : start + _PIECE], out=found[start : start + _PIECE], mode="clip")
        return found.reshape(labels.shape, order="F")

    def _by_runs(self, labels: NDArray[np.integer]) -> Codes:
        """Exact at 64 bits; a label map is mostly long runs of equal values."""
        flat = labels.ravel(order="F")
        values = self.values
        if values is None or not values.size or not flat.size:
            return np.zeros(labels.shape, dtype=self.codes.dtype, order="F")
        changes = np.concatenate(([True], flat[1:] != flat[:-1]))
        starts = np.flatnonzero(changes)
        there = flat[starts]
        place = np.minimum(np.searchsorted(values, there), values.size - 1)
        codes = np.where(values[place] == there, self.codes[place], 0).astype(self.codes.dtype)
        return np.repeat(codes, np.diff(starts, append=flat.size)).reshape(labels.shape, order="F")


def code_targets(dtype: np.dtype[np.integer], targets: Sequence[Values], *, per_value: bool = False) -> Coding:
    """One code per target, or, with ``per_value``, per non-zero value of a target. No two targets share a value.

    Where each target is one value already, the values are the codes, also those that belong to no target.
    """
    limits = np.iinfo(dtype)
    owners = sorted(
        (value, target)
        for target, values in enumerate(targets)
        for value in values
        if limits.min <= value <= limits.max and (value or not per_value)
    )
    single = per_value or all(len(values) <= 1 for values in targets)
    if single and dtype.kind == "u" and dtype.itemsize <= _TABLE_BYTES and (not owners or owners[0][0]):
        owner_of = np.full(limits.max + 1, -1, dtype=np.int64)
        for value, owner in owners:
            owner_of[value] = owner
        return Coding(None, np.zeros(0, np.uint8), owner_of, np.arange(limits.max + 1))
    values = np.array([value for value, _ in owners], dtype=dtype)
    of_target = np.array([target for _, target in owners], dtype=np.int64)
    codes = np.arange(1, len(owners) + 1) if per_value else of_target + 1
    most = len(owners) if per_value else len(targets)
    owner_of, value_of = np.full(most + 1, -1, dtype=np.int64), np.zeros(most + 1, dtype=dtype)
    owner_of[codes], value_of[codes] = of_target, values
    return Coding(values, codes.astype(np.min_scalar_type(most)), owner_of, value_of)

"""Targets that no voxel belongs to twice, told apart by one small number per voxel: their *code*.

The labels of a map are one layer, so that all of their boundaries are found in one pass; a region that shares a value
with them is in another. Code 0 is what belongs to no target.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.shapes.target_masks import TargetMasks

Codes = NDArray[Any]  # of uint8 or uint16

MOST_CODES = (1 << 16) - 1
_FEW_VALUES = 4  # up to which comparing with each value is faster than looking every voxel up


class Coder(Struct, frozen=True):
    """Stored values to codes.

    codes: by value. as_stored: a value is its own code; that of no target is then a code of no target.
    """

    codes: dict[int, int]
    as_stored: bool

    def write(self, labels: NDArray[Any], out: Codes) -> None:
        """The codes of some voxels into an array of zeros of their shape."""
        if self.as_stored:
            out[...] = labels
            return
        limits = np.iinfo(labels.dtype)
        known = sorted((value, code) for value, code in self.codes.items() if limits.min <= value <= limits.max)
        if len(known) <= _FEW_VALUES:
            for value, code in known:
                found = (labels == labels.dtype.type(value)).view(np.uint8)
                out |= np.multiply(found, code, dtype=out.dtype, casting="unsafe")
            return
        values, codes = np.array([v for v, _ in known], dtype=labels.dtype), np.array([c for _, c in known], out.dtype)
        if labels.itemsize <= 2:
            unsigned = np.dtype(f"u{labels.itemsize}")
            table = np.zeros(1 << 8 * labels.itemsize, dtype=out.dtype)
            table[values.view(unsigned)] = codes
            out[...] = table.take(labels.view(unsigned))
            return
        places = np.minimum(np.searchsorted(values, labels), len(values) - 1)
        out[...] = np.where(values[places] == labels, codes[places], 0)


class Layer(Struct, frozen=True):
    """Targets of two label maps, the axes of both in the order of memory, the fastest last (distances do not mind).

    members: which of the targets that the layer was made from. codes: of each member. is_code: by code, whether it is.
    sides: of each member, whether any value of the prediction, of the reference belongs to it.
    boxes: of each member, shape (members, axes, 2): the first voxel and the one after the last.
    axes: which axis of the maps each was.
    """

    prediction: NDArray[Any]
    reference: NDArray[Any]
    spacing_mm: tuple[float, ...]
    ignore: int | None
    members: tuple[int, ...]
    codes: tuple[int, ...]
    is_code: NDArray[np.bool_]
    sides: tuple[tuple[bool, bool], ...]
    boxes: Integers
    axes: tuple[int, ...]
    coders: tuple[Coder, Coder]
    dtype: np.dtype[Any]

    @property
    def extent(self) -> list[int]:
        """Voxels along each axis of the box around all members."""
        low, high = self.boxes[..., 0].min(axis=0), self.boxes[..., 1].max(axis=0)
        return [int(n) for n in high - low]

    def coded(
        self,
        low: Sequence[int],
        high: Sequence[int],
        *,
        open: bool = False,  # noqa: A002 (as forms say)
    ) -> tuple[Codes, Codes]:
        """The codes of both maps in a box that may reach beyond the maps, where there is background.

        open: but for the voxels next to the maps, which are like their neighbours in them.
        """
        maps = (self.prediction, self.reference)
        axes = list(zip(low, high, self.reference.shape, strict=True))
        there = tuple(slice(max(a, 0), min(b, n)) for a, b, n in axes)
        inner = tuple(slice(part.start - a, part.stop - a) for part, a in zip(there, low, strict=True))
        found = []
        for labels, coder in zip(maps, self.coders, strict=True):
            codes = np.zeros([b - a for a, b, _ in axes], dtype=self.dtype)
            coder.write(_integers(labels[there]), codes[inner])
            if self.ignore is not None:
                codes[inner] *= self.reference[there] != self.ignore
            if open:
                _continue_outwards(codes, inner)
            found.append(codes)
        return found[0], found[1]

    def outside(self, low: Sequence[int], shape: Sequence[int]) -> list[tuple[slice, ...]]:
        """The parts of a box that lie beyond the maps: it begins at ``low``."""
        found = []
        for axis, (start, size, n) in enumerate(zip(low, shape, self.reference.shape, strict=True)):
            before = (slice(None),) * axis
            found += [(*before, part) for part in (slice(0, max(-start, 0)), slice(n - start, size))]
        return found


def _continue_outwards(codes: Codes, inner: Sequence[slice]) -> None:
    """One voxel beyond the inner box, on each side where there is room: axis by axis, so that corners follow."""
    for axis, part in enumerate(inner):
        planes = np.moveaxis(codes, axis, 0)
        if part.start > 0:
            planes[part.start - 1] = planes[part.start]
        if part.stop < len(planes):
            planes[part.stop] = planes[part.stop - 1]


def layers_of(targets: Sequence[TargetMasks]) -> list[Layer]:
    """As few layers as it takes when each target joins the first that it fits in."""
    drafts: list[_Draft] = []
    for index, target in enumerate(targets):
        for draft in drafts:
            if draft.takes(target):
                break
        else:
            draft = _Draft(target)
            drafts.append(draft)
        draft.add(index, target)
    return [draft.layer() for draft in drafts]


class _Draft:
    """A layer to which targets are added."""

    def __init__(self, first: TargetMasks) -> None:
        self._maps = first
        self._members: list[int] = []
        self._targets: list[TargetMasks] = []
        self._taken: tuple[set[int], set[int]] = (set(), set())

    def takes(self, target: TargetMasks) -> bool:
        return (
            target.prediction is self._maps.prediction
            and target.reference is self._maps.reference
            and target.ignore == self._maps.ignore
            and self._taken[0].isdisjoint(target.prediction_values)
            and self._taken[1].isdisjoint(target.reference_values)
            and len(self._members) < MOST_CODES
        )

    def add(self, index: int, target: TargetMasks) -> None:
        self._members.append(index)
        self._targets.append(target)
        self._taken[0].update(target.prediction_values)
        self._taken[1].update(target.reference_values)

    def layer(self) -> Layer:
        maps = self._maps
        order = sorted(range(maps.reference.ndim), key=lambda axis: -abs(maps.reference.strides[axis]))
        codes = self._stored()
        as_stored = codes is not None
        codes = codes or list(range(1, len(self._members) + 1))
        stored = [_integers(labels).itemsize for labels in (maps.prediction, maps.reference)]
        sides = ([t.prediction_values for t in self._targets], [t.reference_values for t in self._targets])
        coders = [
            Coder({value: code for values, code in zip(side, codes, strict=True) for value in values}, as_stored)
            for side in sides
        ]
        boxes = [[[t.box[axis].start, t.box[axis].stop] for axis in order] for t in self._targets]
        wide = max(codes) > 255 or (as_stored and max(stored) > 1)
        dtype = np.dtype(np.uint16 if wide else np.uint8)
        is_code = np.zeros(1 << 8 * dtype.itemsize, dtype=np.bool_)
        is_code[codes] = True
        return Layer(
            maps.prediction.transpose(order),
            maps.reference.transpose(order),
            tuple(maps.spacing_mm[axis] for axis in order),
            maps.ignore,
            tuple(self._members),
            tuple(codes),
            is_code,
            tuple((bool(t.prediction_values), bool(t.reference_values)) for t in self._targets),
            np.array(boxes, dtype=np.int64),
            tuple(order),
            (coders[0], coders[1]),
            dtype,
        )

    def _stored(self) -> list[int] | None:
        """The targets' values, if each has one, above 0, that is the same in both maps (or none in one of them)."""
        for labels in (self._maps.prediction, self._maps.reference):
            if labels.dtype.kind not in "bu" or labels.itemsize > 2:
                return None
        codes: list[int] = []
        for target in self._targets:
            both = target.prediction_values | target.reference_values
            if len(both) != 1 or 0 in both:
                return None
            codes += both
        return codes


def _integers(labels: NDArray[Any]) -> NDArray[Any]:
    return labels.view(np.uint8) if labels.dtype.kind == "b" else labels

"""The blocks that a layer is looked through in: boxes that hold some of its targets, a few million voxels each.

Every element lies in one block. Around it, a block is looked at as far as its elements' neighbours are looked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.shapes.elements import Elements, Form, Kinds, Points, coordinates
from segeval.shapes.layers import Codes, Layer
from segeval.shapes.neighbourhood import Keys, Near, Rings, look_around
from segeval.shapes.target_masks import block_voxels

Place = tuple[tuple[int, int], ...]
"""Along each axis, the first voxel and the one after the last."""


class Held(Struct, frozen=True):
    """Elements of a block, by code. low, shape: of the block, in voxels of the layer's maps.

    codes: distinct; the elements of ``codes[i]`` are positions[edges[i] : edges[i + 1]] in the block, and so are kinds.
    """

    low: tuple[int, ...]
    shape: tuple[int, ...]
    codes: Codes
    edges: Integers
    positions: NDArray[np.uint32]
    kinds: Kinds | None

    @classmethod
    def of(cls, low: tuple[int, ...], shape: tuple[int, ...], elements: Elements | Near) -> Held:
        """The elements in another order."""
        order = np.argsort(elements.codes, kind="stable")
        codes, starts = np.unique(elements.codes.take(order), return_index=True)
        edges = np.append(starts, order.size)
        positions = elements.positions.take(order).astype(np.uint32)
        return cls(low, shape, codes, edges, positions, None if elements.kinds is None else elements.kinds.take(order))

    def points(self, part: slice) -> Points:
        """Indices of some elements in the layer's maps."""
        return coordinates(self.positions[part], self.shape, self.low)


class Side(Struct, frozen=True):
    """What a block holds of one map.

    keys, counts: see :class:`Near`. far: the elements that are not near the other map's. all: those that are, too.
    """

    keys: Keys
    counts: Integers
    far: Held
    all: Held


def blocks_of(layer: Layer, before: int) -> list[Place]:
    """Where the blocks are. before: by how many voxels an element may lie before the target that it is of."""
    boxes = layer.boxes - np.array([before, 0])
    low, high = boxes[..., 0].min(axis=0), boxes[..., 1].max(axis=0)
    numbers = _numbers((high - low).tolist())
    parts = [_cut(a, b, n) for a, b, n in zip(low.tolist(), high.tolist(), numbers, strict=True)]
    found = []
    for cell in product(*parts):
        start, stop = np.array(cell).T
        cut = np.stack((np.maximum(boxes[..., 0], start), np.minimum(boxes[..., 1], stop)), axis=-1)
        inside = cut[(cut[..., 0] < cut[..., 1]).all(axis=1)]
        if len(inside):
            found.append(
                tuple(zip(inside[..., 0].min(axis=0).tolist(), inside[..., 1].max(axis=0).tolist(), strict=True))
            )
    return found


def look_through(layer: Layer, form: Form, around: Rings, ranks: Kinds | None, place: Place) -> tuple[Side, Side]:
    """The elements of a block, and how near each is to those of its code in the other map.

    ranks: by kind, if there are kinds, what it is called in the answer.
    """
    margin = [n + 1 for n in around.reach]
    low = tuple(a - m for (a, _), m in zip(place, margin, strict=True))
    high = tuple(b + m for (_, b), m in zip(place, margin, strict=True))
    shape = tuple(b - a for a, b in zip(low, high, strict=True))
    inside = np.zeros(shape, dtype=np.bool_)
    inside[tuple(slice(m, -m) for m in margin)] = True
    found = []
    for codes in layer.coded(low, high, open=form.open):
        elements = form.find(codes)
        if form.open:  # what goes on beyond the maps ends there, too: no boundary
            for held, part in product(elements.places, layer.outside(low, shape)):
                held.reshape(shape)[part] = 0
        chosen = inside.reshape(-1).take(elements.positions)
        chosen &= layer.is_code.take(elements.codes)
        elements = elements.some(chosen)
        if ranks is not None and elements.kinds is not None:
            elements = replace(elements, kinds=ranks.take(elements.kinds))
        found.append(elements)
    sides = []
    for own, others in zip(found, found[::-1], strict=True):
        near = look_around(own, others, around, shape)
        sides.append(Side(near.keys, near.counts, Held.of(low, shape, near), Held.of(low, shape, own)))
    return sides[0], sides[1]


def _numbers(extent: Sequence[int]) -> list[int]:
    """Into how many parts each axis is cut: the longest part is halved until a block is small enough."""
    numbers = [1] * len(extent)
    while True:
        parts = [math.ceil(n / number) for n, number in zip(extent, numbers, strict=True)]
        if math.prod(parts) <= max(block_voxels(), 1) or max(parts) == 1:
            return numbers
        numbers[parts.index(max(parts))] *= 2


def _cut(start: int, stop: int, number: int) -> Iterator[tuple[int, int]]:
    edges: Integers = np.linspace(start, stop, number + 1).astype(np.int64)
    return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)

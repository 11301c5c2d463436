"""Volumes cut into regions in any way: components, what they share and topology are those of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from segeval.shapes import rims
from segeval.shapes.cavities import background_of, cavities, edges_of, join_backgrounds
from segeval.shapes.regions import CodedBox, RegionPair, Search, count_region, join
from segeval.shapes.topology import betti_of

Box = tuple[slice, ...]
NEIGHBOURS = {4: (2, 1), 8: (2, 2), 6: (3, 1), 18: (3, 2), 26: (3, 3)}


def cut(shape: Sequence[int], rng: np.random.Generator) -> list[Box]:
    """Boxes between planes anywhere, in any order."""
    edges = []
    for size in shape:
        inner = np.flatnonzero(rng.random(size - 1) < rng.choice([0, 0.3, 1])) + 1 if size > 1 else []
        ends = [0, *map(int, inner), size]
        edges.append([slice(a, b) for a, b in pairwise(ends)])
    boxes = list(product(*edges))
    return [boxes[place] for place in rng.permutation(len(boxes))]


def coded(part: NDArray[Any]) -> CodedBox:
    values, codes = np.unique(np.append(0, part.ravel(order="F")), return_inverse=True)
    return CodedBox(codes[1:].astype(np.uint16).reshape(part.shape, order="F"), values.astype(np.int64))


def in_any_order(parts: list[Any], add: Any, rng: np.random.Generator) -> Any:
    while len(parts) > 1:
        one, other = (parts.pop(int(rng.integers(len(parts)))) for _ in range(2))
        parts.append(add(one, other))
    return parts[0]


@st.composite
def maps(
    draw: st.DrawFn, axes: int, labels: Sequence[int] = (1, 3)
) -> tuple[NDArray[Any], NDArray[Any], np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(*[st.integers(1, 6)] * axes))
    dense = draw(st.sampled_from([0.1, 0.3, 0.5, 0.9]))
    most = draw(st.sampled_from(labels))
    return *(np.where(rng.random(shape) < dense, rng.integers(1, most + 1, shape), 0) for _ in range(2)), rng  # type: ignore[return-value]


@given(st.data(), st.sampled_from([4, 8, 6, 18, 26]))
def test_components_are_those_of_the_whole(data: st.DataObject, connectivity: int) -> None:
    """SciPy's labels of each value, by their voxels: sizes, boxes, centroids, first voxels and shared voxels."""
    axes, reach = NEIGHBOURS[connectivity]
    p, r, rng = data.draw(maps(axes))
    search = Search(p.shape, connectivity)
    parts = [count_region(coded(p[box]), coded(r[box]), box, search) for box in cut(p.shape, rng)]
    found: RegionPair = in_any_order(parts, lambda a, b: join(a, b, search), rng)
    structure = ndimage.generate_binary_structure(axes, reach)
    numbers = []
    for side, volume in ((found.prediction, p), (found.reference, r)):
        assert not side.rims
        facts = side.components
        order = np.argsort(facts.first)
        numbered = np.zeros(volume.shape, dtype=int)
        for value in range(1, 4):
            labels, count = ndimage.label(volume == value, structure)
            numbered[labels > 0] = labels[labels > 0] + numbered.max()
            assert np.count_nonzero(facts.codes == value) == count
        flat = numbered.ravel(order="F")
        firsts = [int(np.flatnonzero(flat == n)[0]) for n in range(1, numbered.max() + 1)]
        assert facts.first[order].tolist() == sorted(firsts)
        for place, n in zip(order.tolist(), np.argsort(firsts) + 1, strict=True):
            where = np.argwhere(numbered == n)
            assert facts.voxels[place] == len(where)
            assert facts.positions[:, place].tolist() == where.sum(axis=0).tolist()
            assert facts.low[:, place].tolist() == where.min(axis=0).tolist()
            assert facts.high[:, place].tolist() == where.max(axis=0).tolist()
        numbers.append((numbered, dict(zip(order.tolist(), np.argsort(firsts) + 1, strict=True))))
    (ours, p_number), (theirs, r_number) = numbers
    pairs = zip(
        found.pairs.reference.tolist(), found.pairs.prediction.tolist(), found.pairs.voxels.tolist(), strict=True
    )
    shared = {(int(r_number[i]), int(p_number[j])): n for i, j, n in pairs}
    both = (ours > 0) & (theirs > 0)
    expected: dict[tuple[int, int], int] = {}
    for pair in zip(theirs[both].tolist(), ours[both].tolist(), strict=True):
        expected[pair] = expected.get(pair, 0) + 1
    assert shared == expected


@given(st.data(), st.sampled_from([2, 3]))
def test_topology_is_that_of_the_whole(data: st.DataObject, axes: int) -> None:
    p, _, rng = data.draw(maps(axes, (1, 3, 40)))
    search = Search(p.shape, cells=True)
    boxes = cut(p.shape, rng)
    with patch.object(rims, "_SLAB", data.draw(st.sampled_from([1, 20, 1 << 18]))):
        parts = [count_region(coded(p[box]), coded(p[box]), box, search) for box in boxes]
    found: RegionPair = in_any_order(parts, lambda a, b: join(a, b, search), rng)
    assert not found.prediction.rims
    for value in np.unique(p[p > 0]).tolist():
        bodies, holes, hollow = betti_of(np.pad(p == value, 1))
        assert np.count_nonzero(found.prediction.components.codes == value) == bodies
        assert found.prediction.cells.get(value, 0) == bodies - holes + hollow
        if axes == 3:
            there = [background_of(p[box] == value, box, p.shape) for box in boxes if (p[box] == value).any()]
            alone = in_any_order(there, join_backgrounds, rng)
            assert cavities(alone, edges_of(boxes)) == hollow


@pytest.mark.parametrize("wall", [0, 1, 2])
def test_a_hollow_shell_around_whole_regions_has_one_cavity(wall: int) -> None:
    """Regions of background alone say nothing, and are within all the same; with a hole in the shell there is none."""
    volume = np.zeros((30, 30, 30), dtype=np.uint8)
    volume[3:27, 3:27, 3:27] = 1
    volume[5:25, 5:25, 5:25] = 0
    boxes = [tuple(slice(a, a + 5) for a in corner) for corner in product(range(0, 30, 5), repeat=3)]

    def count() -> int:
        there = [background_of(volume[box] == 1, box, volume.shape) for box in boxes if volume[box].any()]
        assert len(there) < len(boxes)
        total = there[0]
        for each in there[1:]:
            total = join_backgrounds(total, each)
        return cavities(total, edges_of(boxes))

    assert count() == 1
    hole: list[Any] = [12, 12, 12]
    hole[wall] = slice(3, 6)
    volume[tuple(hole)] = 0
    assert count() == 0

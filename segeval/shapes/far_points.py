"""From each of some points to the nearest of others, of many small samples at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.shapes.nearest_points import nearest_mm

_PAIRS = 1 << 20  # that are compared at once; a sample of more is looked up in a tree

Indices = NDArray[np.int32]


def nearest_of_each_mm(
    queries: Indices, points: Indices, query_counts: Integers, point_counts: Integers, spacing_mm: Floats
) -> Floats:
    """From each query to the nearest point of its sample, in mm, shape (queries,).

    queries, points: voxel indices, shape (n, axes), sample after sample, within it sorted by the first axis; counts: of
    each sample. A sample with a query has a point.
    """
    found = np.empty(len(queries))
    query_edges, point_edges = (np.concatenate(([0], np.cumsum(counts))) for counts in (query_counts, point_counts))
    many = query_counts * point_counts > _PAIRS
    for sample in np.flatnonzero(many).tolist():
        own, others = (slice(*edges[sample : sample + 2]) for edges in (query_edges, point_edges))
        found[own] = nearest_mm(queries[own], points[others], spacing_mm.tolist())
    few = np.flatnonzero(np.repeat(~many, query_counts))
    samples = np.repeat(np.arange(len(query_counts)), query_counts)[few]
    partners, first = point_counts[samples], point_edges[samples]
    for part in _parts(partners):
        other = points[ranges(first[part], partners[part])]
        offsets = np.repeat(queries[few[part]], partners[part], axis=0) - other
        starts = np.cumsum(partners[part]) - partners[part]
        found[few[part]] = np.sqrt(np.minimum.reduceat(squared_mm(offsets, spacing_mm), starts))
    return found


def squared_mm(offsets: NDArray[Any], spacing_mm: Floats) -> Floats:
    """Σ (offset · spacing)² along the last axis, added in the order of ``nearest_mm``: from the last one."""
    total: Floats = (offsets[..., -1] * spacing_mm[-1]) ** 2
    for axis in range(offsets.shape[-1] - 2, -1, -1):
        total = total + (offsets[..., axis] * spacing_mm[axis]) ** 2
    return total


def ranges(first: Integers, lengths: Integers) -> Integers:
    """first[0], first[0] + 1, … for so many, then first[1], …"""
    behind = np.cumsum(lengths)
    return np.repeat(first - behind + lengths, lengths) + np.arange(behind[-1] if len(behind) else 0)


def _parts(lengths: Integers) -> Iterator[slice]:
    """Stretches of these whose sum is about what is compared at once."""
    number = np.cumsum(lengths) // _PAIRS
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(lengths)]
    return (slice(a, b) for a, b in pairwise(edges) if a < b)

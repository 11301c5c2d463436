"""Masks to connected components, where each voxel's is kept.

(Of two whole label maps, what is known of their instances is enough: ``counting``.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.boxes import lengths_of, marked
from segeval.shapes.facts import Facts, Sums
from segeval.shapes.pairs import Pairs, counted
from segeval.shapes.runs import Runs, changes_along
from segeval.shapes.slabs import Numbering, slabs_of
from segeval.tallies.instances import VOLUME_ROUNDING


class Components(Facts, frozen=True, kw_only=True):
    """The instances of one target in one volume, or in a box of it.

    places: unsigned integers of the box's shape; 0 is none, k the k-th instance.
    """

    places: NDArray[Any]


def find_components(
    mask: NDArray[np.bool_], connectivity: int | None = None, *, origin: Sequence[int] | None = None
) -> Components:
    """The connected components of a mask of two or three dimensions, in the order of their first voxels in memory.

    Raises UsageError where the connectivity is not one of the mask's dimensions.
    """
    turned = mask if mask.flags.f_contiguous else mask.T
    places, component = numbered(turned.view(np.uint8), connectivity)
    for slab in slabs_of(turned.shape):
        own = places[..., slab.first : slab.behind]
        own[...] = component.take(own)
    return measure(places if turned is mask else places.T, origin)


def numbered(
    codes: NDArray[np.unsignedinteger], connectivity: int | None = None
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """(A number by voxel, 0 where the code is; by number, the component of equal codes, from 1). In Fortran order.

    Raises UsageError as `find_components` does.
    """
    numbering = Numbering(codes.ndim, connectivity)
    places = np.zeros(codes.shape, dtype=np.uint32, order="F")
    for slab in slabs_of(codes.shape):
        part = np.asfortranarray(codes[..., slab.start : slab.behind])
        if not part.any():
            numbering.skip()
            continue
        found, before = numbering.number(part)
        numbers = found.astype(np.uint32)
        numbers[numbers != 0] += np.uint32(before)
        places[..., slab.start : slab.behind] = numbers.reshape(part.shape, order="F")
    return places, np.concatenate(([0], numbering.components() + 1)).astype(np.uint32)


def measure(places: NDArray[Any], origin: Sequence[int] | None = None) -> Components:
    """Sizes, boxes and centroids of the instances 1 … n of ``places``, all of which occur."""
    turned = places if places.flags.f_contiguous else places.T
    sums, plane = Sums(places.ndim), math.prod(turned.shape[:-1])
    for slab in slabs_of(turned.shape):
        own = turned[..., slab.first : slab.behind]
        numbers = own.ravel(order="F")
        starts = marked(changes_along(numbers, own.shape, 0))
        codes = numbers.take(starts)
        there = np.flatnonzero(codes)
        runs = Runs(turned.shape, starts + slab.first * plane, lengths_of(starts, numbers.size)).some(there)
        sums.add(runs, codes[there] - 1, codes[there], 0)
    count = int(places.max(initial=0))
    where = tuple(origin) if origin is not None else (0,) * places.ndim
    facts = sums.by_instance(np.arange(count)).facts(np.arange(1, count + 1), where)
    axes = slice(None) if turned is places else slice(None, None, -1)
    return Components(facts.ids, facts.voxels, facts.boxes[:, axes], facts.centroids[:, axes], where, places=places)


def shared_voxels(reference: Components, prediction: Components) -> Pairs:
    """Every pair of instances that overlap: one joint histogram, linear in the voxels that both volumes claim."""
    order: Any = "F" if reference.places.flags.f_contiguous else "C"
    r, p = reference.places.ravel(order), prediction.places.ravel(order)
    both = np.flatnonzero((r != 0) & (p != 0))
    r, p = (places[both].astype(np.int64) - 1 for places in (r, p))
    return Pairs(*counted(r, p, np.ones(len(both), dtype=np.int64)))


def is_large(voxels: Integers, min_volume_mm3: float, voxel_volume_mm3: float) -> NDArray[np.bool_]:
    """Which instances of these sizes in voxels are not to be dropped."""
    return np.asarray(~(voxels * voxel_volume_mm3 < min_volume_mm3 * (1 - VOLUME_ROUNDING)))


def is_larger(voxels: Integers | int, volume_mm3: float, voxel_volume_mm3: float) -> NDArray[np.bool_]:
    """Which instances of these sizes in voxels are of more than this volume: those that have it are not."""
    return np.asarray(voxels * voxel_volume_mm3 > volume_mm3 * (1 + VOLUME_ROUNDING))

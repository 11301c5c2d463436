"""How far the boundary voxels of one target are from the target's boundary in the other volume.

A boundary voxel is a foreground voxel with a background face-neighbour (6 in 3-D, 4 in 2-D); outside the image is
background. Distances are between voxel centres, exact. A voxel on both boundaries has distance 0 and is not looked
up: of a good segmentation that is a large part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.shapes.nearest_points import nearest_mm
from segeval.shapes.target_masks import Mask, TargetMasks, coordinates, marked
from segeval.surfaces import TargetSurface
from segeval.volumes.memory import Need, require_memory

Positions = NDArray[np.intp]

_PER_ELEMENT = 80  # bytes, measured: coordinates, a kd-tree, and what is looked up in it


def measure(masks: TargetMasks, workers: int = 1) -> TargetSurface:
    """The distances between the two boundaries of a target; ``workers`` threads look them up."""
    masks = masks.cropped()
    (prediction, reference), (shared_p, shared_r) = _boundaries(masks)
    if not prediction.size or not reference.size:
        return TargetSurface(in_prediction=bool(prediction.size), in_reference=bool(reference.size))
    to_reference, to_prediction = both_ways_mm(masks, prediction, reference, shared_p, shared_r, workers)
    return TargetSurface(np.sort(to_reference), np.sort(to_prediction))


def measure_all(
    targets: Sequence[TargetMasks],
    threads: int = 1,
    one: Callable[[TargetMasks, int], TargetSurface] = measure,
) -> tuple[TargetSurface, ...]:
    """Every target, several at a time: nearly all of the work is done outside Python's lock.

    one: :func:`measure`, or :func:`segeval.shapes.surfels.measure_surfels`.
    """
    if threads <= 1:
        return tuple(one(target, 1) for target in targets)
    largest_first = sorted(
        range(len(targets)), key=lambda i: -int(np.prod([side.stop - side.start for side in targets[i].box]))
    )
    with ThreadPoolExecutor(threads) as pool:
        running = {index: pool.submit(one, targets[index], threads) for index in largest_first}
        return tuple(running[index].result() for index in range(len(targets)))


def both_ways_mm(
    masks: TargetMasks, prediction: Positions, reference: Positions, shared_p: Mask, shared_r: Mask, workers: int
) -> tuple[Floats, Floats]:
    """(Prediction to reference, reference to prediction) in mm, in the order of the positions in the padded box.

    shared_p, shared_r: which of the prediction's (the reference's) positions are the other's too.
    Raises NotEnoughMemory.
    """
    elements = prediction.size + reference.size
    words = f"looking up {elements} boundary elements"
    require_memory("surface distances", Need(_PER_ELEMENT * elements, words, "leave distances out"))
    p, r = (coordinates(positions, masks.padded_shape) for positions in (prediction, reference))
    to_reference, to_prediction = np.zeros(len(p)), np.zeros(len(r))
    to_reference[~shared_p] = nearest_mm(p[~shared_p], r, masks.spacing_mm, workers)
    to_prediction[~shared_r] = nearest_mm(r[~shared_r], p, masks.spacing_mm, workers)
    return to_reference, to_prediction


def _boundaries(masks: TargetMasks) -> tuple[tuple[Positions, Positions], tuple[Mask, Mask]]:
    """((Prediction's, reference's boundary) in the flat padded box, (which of them lie on the other's too))."""
    sides = masks.padded_shape[1:]
    strides = [int(np.prod(sides[axis:])) for axis in range(len(sides) + 1)]
    positions: tuple[list[Positions], list[Positions]] = ([], [])
    shared: tuple[list[Mask], list[Mask]] = ([], [])
    for first, *two in masks.slabs():
        edges = [_boundary(mask, strides) for mask in two]
        for own, other, found, both in zip(edges, edges[::-1], positions, shared, strict=True):
            here = marked(own)
            found.append(here + first)
            both.append(other[here])
    return (
        (np.concatenate(positions[0]), np.concatenate(positions[1])),
        (np.concatenate(shared[0]), np.concatenate(shared[1])),
    )


def _boundary(mask: Mask, strides: Sequence[int]) -> Mask:
    """Which voxels of a slab's inner planes are foreground with a background face-neighbour.

    The padding makes a step beyond a row or a plane end in background, so that shifts of the flat mask are enough.
    """
    plane = strides[0]
    inner = mask[: -2 * plane] & mask[2 * plane :]
    for stride in strides[1:]:
        inner &= mask[plane - stride : mask.size - plane - stride]
        inner &= mask[plane + stride : mask.size - plane + stride]
    return np.greater(mask[plane:-plane], inner)

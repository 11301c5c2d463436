"""The topology of a mask: its skeleton and its Betti numbers.

The foreground is 26-connected and the background 6-connected, 8 and 4 in 2-D; outside the image is background.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib.util import find_spec

import numpy as np

from segeval.array_types import Mask
from segeval.errors import UsageError
from segeval.kernels.boxes import Box
from segeval.tallies.topology import REVERSED, STORED, Betti, MaskTopology
from segeval.words.extras import install

_FOREGROUND, _BACKGROUND = {2: 8, 3: 26}, {2: 4, 3: 6}


def require_skeletons() -> None:
    """Raises UsageError where the library of the extra ``topology`` is not installed."""
    if find_spec("skimage") is None:
        raise UsageError(f"skeletons need scikit-image; install it with: {install('topology')}")


def measure_mask(mask: Mask, other: Mask, *, skeletons: Collection[str], betti: bool) -> MaskTopology:
    """One mask of a target, 2-D or 3-D, beside that of the other volume, of the same shape.

    skeletons: the orders of axes in which to thin. betti: whether to count.
    """
    voxels = int(np.count_nonzero(mask))
    if not voxels:
        return MaskTopology()
    box = box_of(mask)
    mask = np.pad(mask[box], 1)
    found = {}
    for order in skeletons:
        skeleton = skeleton_of(mask) if order == STORED else skeleton_of(np.ascontiguousarray(mask.T)).T
        size = int(np.count_nonzero(skeleton))
        skeleton[tuple(slice(1, -1) for _ in box)] &= other[box]
        found[order] = (size, int(np.count_nonzero(skeleton)))
    stored, turned = found.get(STORED, (0, 0)), found.get(REVERSED, (0, 0))
    return MaskTopology(voxels, *stored, betti_of(mask) if betti else (0, 0, 0), *turned)


def box_of(mask: Mask) -> Box:
    """The smallest box around a mask that is not empty."""
    ranges = []
    for axis in range(mask.ndim):
        places = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        ranges.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(ranges)


def skeleton_of(mask: Mask) -> Mask:
    """scikit-image's: of Lee et al. 1994 in 3-D, of Zhang and Suen 1984 in 2-D.

    Some small bodies (2×2×2 voxels) are thinned to nothing: where nothing at all is left, the mask is its own skeleton.
    """
    from skimage.morphology import skeletonize

    thin = np.asarray(skeletonize(mask), dtype=np.bool_)
    return thin if thin.any() else mask.copy()


def betti_of(mask: Mask) -> Betti:
    """Of a mask in a margin of one background voxel, which is what lies outside of it."""
    import cc3d

    def components(of: Mask, connectivity: int) -> int:
        return int(cc3d.connected_components(of, connectivity=connectivity, return_N=True)[1])

    bodies = components(mask, _FOREGROUND[mask.ndim])
    cavities = components(~mask, _BACKGROUND[mask.ndim]) - 1 if mask.ndim == 3 else 0
    return bodies, bodies + cavities - euler_characteristic(mask), cavities


def euler_characteristic(mask: Mask) -> int:
    """Corners − edges + faces − voxels of the union of the closed voxels; the mask as in `betti_of`."""
    return sum((-1) ** dimension * int(np.count_nonzero(cells)) for dimension, cells in _cells(mask, 0, mask.ndim))


def _cells(cells: Mask, axis: int, dimension: int) -> Iterator[tuple[int, Mask]]:
    """(Their dimension, where they are) of all cells of these and, from this axis on, of those that border on them."""
    if axis == cells.ndim:
        yield dimension, cells
        return
    yield from _cells(cells, axis + 1, dimension)
    lower = cells[tuple(slice(0, -1) if a == axis else slice(None) for a in range(cells.ndim))]
    upper = cells[tuple(slice(1, None) if a == axis else slice(None) for a in range(cells.ndim))]
    yield from _cells(lower | upper, axis + 1, dimension - 1)

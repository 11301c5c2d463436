"""Where a mask lies, how it spreads, and what lies along its border."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from segeval.array_types import Mask
from segeval.tallies.shape import Band, Moments


def moments_of(mask: Mask, spacing_mm: Sequence[float]) -> Moments:
    """Of a mask, 2-D or 3-D; the sums over its voxels are exact."""
    voxels = int(np.count_nonzero(mask))
    if not voxels:
        return Moments()
    axes = range(mask.ndim)
    places = [np.arange(size, dtype=np.int64) for size in mask.shape]
    sums, products = [0] * mask.ndim, [[0] * mask.ndim for _ in axes]
    for first in axes:
        for second in axes[first + 1 :]:
            table = np.count_nonzero(mask, axis=tuple(a for a in axes if a not in (first, second)))
            rows, columns = table.sum(axis=1), table.sum(axis=0)
            for axis, counts in ((first, rows), (second, columns)):
                sums[axis] = int(counts @ places[axis])
                products[axis][axis] = int(counts @ places[axis] ** 2)
            products[first][second] = products[second][first] = int(places[first] @ table @ places[second])
    scale = np.asarray(spacing_mm)
    covariance = [[(voxels * products[a][b] - sums[a] * sums[b]) / voxels**2 for b in axes] for a in axes]
    return Moments(voxels, np.array(sums) / voxels * scale, np.array(covariance) * np.outer(scale, scale))


def band_voxels(share: float, shape: Sequence[int]) -> int:
    """The width of a band that is a share of the image's diagonal, both in voxels: rounded, and at least one."""
    return max(1, round(share * math.hypot(*shape)))


def inner_bands(masks: tuple[Mask, Mask], width: int) -> Band:
    """Of the voxels of each mask within ``width`` steps, to any of the 26 (8) neighbours, of what is outside of it.

    Outside the array is outside.
    """
    bands = [mask & ~_eroded(mask, width) for mask in masks]
    return int(np.count_nonzero(bands[0] & bands[1])), int(np.count_nonzero(bands[0] | bands[1]))


def _eroded(mask: Mask, steps: int) -> Mask:
    """Eroded by a cube of 2 · steps + 1 voxels: the smallest value along one axis after the other."""
    from scipy.ndimage import minimum_filter1d

    out = mask.view(np.uint8)
    for axis, size in enumerate(mask.shape):
        length = 2 * min(steps, size) + 1
        out = minimum_filter1d(out, length, axis=axis, mode="constant", cval=0)
    return np.asarray(out).view(np.bool_)

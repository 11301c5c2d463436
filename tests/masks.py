"""Pairs of small masks on one grid, drawn for the laws of distances, and as one target of two label maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from segeval.shapes.target_masks import TargetMasks

Array = np.ndarray[Any, Any]
ONE = frozenset({1})


@st.composite
def mask_pairs(
    draw: st.DrawFn, sides: st.SearchStrategy[int], shares: list[float], spacings: st.SearchStrategy[float]
) -> tuple[Array, Array, tuple[float, ...]]:
    """Two masks of 2 or 3 axes, none empty, and a spacing; sides: voxels along an axis. shares: of voxels inside."""
    shape = draw(st.lists(sides, min_size=2, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    masks = []
    for _ in range(2):
        mask = rng.random(shape) < draw(st.sampled_from(shares))
        mask.flat[rng.integers(mask.size)] = True
        masks.append(mask)
    return masks[0], masks[1], tuple(draw(spacings) for _ in shape)


def masks_of(prediction: Array, reference: Array, spacing: tuple[float, ...], **options: Any) -> TargetMasks:
    """Label 1 of two label maps, in the box of the whole image."""
    box = tuple(slice(0, n) for n in prediction.shape)
    return TargetMasks(prediction.astype(np.uint8), reference.astype(np.uint8), ONE, ONE, box, spacing, **options)

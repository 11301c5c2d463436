"""Detection maps and references of thirty made-up cases, the same on every machine."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from scipy import ndimage

SHAPE = (18, 16, 12)
Map = np.ndarray[Any, Any]


def thirty_cases() -> list[tuple[Map, Map]]:
    """(Detection map in float32, reference): boxes, some found a voxel or two aside, some missed, some invented."""
    source = random.Random(7)

    def below(n: int) -> int:
        return int(source.random() * n)  # the same in every version of Python

    def box() -> tuple[slice, ...]:
        first = [below(n - 4) for n in SHAPE]
        return tuple(slice(start, start + 1 + below(4)) for start in first)

    return [_case(below, box) for _ in range(30)]


def _case(below: Any, box: Any) -> tuple[Map, Map]:
    reference = np.zeros(SHAPE, np.uint8)
    for _ in range(below(4)):
        reference[box()] = 1
    candidates = np.zeros(SHAPE, np.bool_)
    if below(5):
        candidates |= np.roll(reference, (below(3) - 1, below(2)), (0, 1)) > 0
    for _ in range(below(4)):
        candidates[box()] = True
    numbers, count = ndimage.label(candidates, np.ones((3, 3, 3)))
    confidences = np.array([0, *((1 + below(19)) / 20 for _ in range(count))], np.float32)
    return confidences[numbers], reference

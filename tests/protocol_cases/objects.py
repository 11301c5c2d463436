"""Nuclei, one number per object."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case


def _objects() -> Case:
    """Nuclei, one number each: moved, merged, split, missed and invented ones."""
    rng = np.random.default_rng(7)
    y, h = np.zeros((48, 48, 1), np.uint8), np.zeros((48, 48, 1), np.uint8)
    for number in range(16):
        row, column = 12 * (number // 4), 12 * (number % 4)
        size = int(rng.integers(6, 11))
        y[row : row + size, column : column + size] = number + 1
        moved = int(rng.integers(0, 4))
        if number not in (5, 10):
            h[row + moved : row + size, column : column + size - moved // 2] = number + 1
    h[0:8, 12:22] = 1
    h[40:44, 44:48] = 40
    return Case(y, h, (1.0, 1.0, 1.0))


OBJECTS: Mapping[str, Case] = {"objects": _objects()}
FAMILIES = {"objects": OBJECTS}

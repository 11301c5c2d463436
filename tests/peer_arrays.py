"""The seeded arrays on which other tools' numbers were recorded: NumPy alone, the same wherever they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Arrays(NamedTuple):
    """p: probabilities, float64 (classes, *shape), exact in float32. y, h: reference and predicted labels, int64."""

    p: NDArray[np.float64]
    y: NDArray[np.int64]
    h: NDArray[np.int64]

    @property
    def classes(self) -> range:
        """All labels, background first."""
        return range(len(self.p))


def _drawn(seed: int, shape: tuple[int, ...], classes: int, certain: float = 0.0, absent: int | None = None) -> Arrays:
    """Random probabilities, and labels that follow them loosely. certain: the share of voxels of exact zeros and ones.

    absent: a label that the reference lacks.
    """
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(classes, 0.8), shape)
    p = np.round(np.maximum(p, 2**-10) * 2**12) / 2**12
    p[..., 0] += 1 - p.sum(axis=-1)  # multiples of 2^-12 that sum to 1
    lowest = p.min(axis=-1) <= 0
    p[lowest] = np.eye(classes)[0] * (1 - (classes - 1) * 2**-6) + (1 - np.eye(classes)[0]) * 2**-6
    y = np.where(rng.random(shape) < 0.6, p.argmax(axis=-1), rng.integers(0, classes, shape))
    sure = rng.random(shape) < certain
    p[sure] = np.eye(classes)[rng.integers(0, classes, shape)[sure]]
    if absent is not None:
        y[y == absent] = 0
    return Arrays(np.moveaxis(p, -1, 0).copy(), y.astype(np.int64), p.argmax(axis=-1).astype(np.int64))


def _organs() -> Arrays:
    """Two boxes, and the same moved and dented."""
    y = np.zeros((16, 14, 12), np.int64)
    y[2:7, 3:11, 2:9], y[9:14, 2:9, 3:10] = 1, 2
    h = np.zeros_like(y)
    h[3:8, 3:11, 2:10], h[9:13, 3:9, 3:10] = 1, 2
    h[4, 5, 2:5], h[10, 4:6, 6] = 0, 0
    p = np.stack([0.125 + 0.625 * (h == label) for label in range(3)])
    p[0] += 1 - p.sum(axis=0)
    return Arrays(p, y, h)


def _cells() -> Arrays:
    """Nine squares of a reference, some of them moved, one split, one missed, one invented. No probabilities."""
    y, h = np.zeros((40, 40), np.int64), np.zeros((40, 40), np.int64)
    for number in range(9):
        row, column = 2 + 13 * (number // 3), 2 + 13 * (number % 3)
        y[row : row + 8, column : column + 8] = number + 1
        moved = number % 4
        if number != 4:
            h[row + moved : row + 8, column : column + 8 - moved] = number + 1
    h[2:10, 6:10] = 10
    h[30:34, 36:40] = 11
    return Arrays(np.stack([h == 0, h != 0]).astype(np.float64), y, h)


CASES: Mapping[str, Callable[[], Arrays]] = {
    "2-D": lambda: _drawn(1, (12, 11), 3),
    "3-D": lambda: _drawn(2, (7, 6, 5), 4),
    "saturated, a class absent": lambda: _drawn(3, (7, 6, 5), 4, certain=0.3, absent=3),
    "organs": _organs,
    "cells": _cells,
}


def arrays_of(case: str) -> Arrays:
    """The arrays of a case."""
    return CASES[case]()


def names_of(arrays: Arrays) -> dict[str, Any]:
    """What a recorded call may speak of: p, y, h, and C, how many classes there are."""
    return {"p": arrays.p, "y": arrays.y, "h": arrays.h, "C": len(arrays.p), "labels": arrays.classes[1:]}

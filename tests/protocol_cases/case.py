"""What a case of a challenge is, and how cases are made of one another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Case(NamedTuple):
    """Labels of a reference, labels or a map of a prediction, and mm per voxel along each axis."""

    y: NDArray[np.uint8]
    h: NDArray[np.uint8] | NDArray[np.float32]
    spacing: tuple[float, float, float]


def painted(shape: tuple[int, ...], *boxes: tuple[int, tuple[slice, ...]]) -> NDArray[np.uint8]:
    """Labels in these boxes, a later one over an earlier one."""
    labels = np.zeros(shape, np.uint8)
    for label, box in boxes:
        labels[box] = label
    return labels


def without(case: Case, *, of_y: tuple[int, ...] = (), of_h: tuple[int, ...] = ()) -> Case:
    """The same without these labels of the reference and of the prediction."""
    y, h = case.y.copy(), case.h.copy()
    y[np.isin(y, of_y)] = 0
    h[np.isin(h, of_h)] = 0
    return Case(y, h, case.spacing)

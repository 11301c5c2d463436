"""Frames of cells, one number each, in two dimensions: moved, merged, split, missed and invented ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case

SHAPE = (40, 44, 1)


def _frame(seed: int, *, found: bool = True) -> Case:
    rng = np.random.default_rng(seed)
    y, h = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    for number in range(12):
        row, column = 10 * (number // 4), 11 * (number % 4)
        height, width = rng.integers(4, 9, 2)
        y[row : row + height, column : column + width] = number + 1
        moved = int(rng.integers(0, 4))
        if found and number != 5:
            h[row + moved : row + height, column : column + width] = 20 + number
    if found:
        h[0:8, 0:20] = 40  # holds two cells
        h[20:23, 0:8] = 41  # a part of another
        h[34:38, 2:6] = 42  # nothing is there
    return Case(y, h, (1.0, 1.0, 1.0))


def _empty(case: Case) -> Case:
    return Case(np.zeros_like(case.y), case.h, case.spacing)


CELLS: Mapping[str, Case] = {
    "cells": _frame(1),
    "cells, another frame": _frame(2),
    "cells, none found": _frame(3, found=False),
    "cells, none there": _empty(_frame(4)),
}
FAMILIES = {"cells": CELLS}

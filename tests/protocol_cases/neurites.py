"""Neurites in sections, one number each, with membranes of 0 between them: merged, split, shifted and missed ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case

SHAPE = (24, 28, 5)
SPACING = (0.006, 0.006, 0.03)


def _neurites(seed: int) -> Case:
    """A reference of wandering columns, membranes between them; the prediction has one merge, one split, two errors."""
    rng = np.random.default_rng(seed)
    y, h = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    for number in range(12):
        row, column = 8 * (number // 4), 7 * (number % 4)
        for z in range(SHAPE[2]):
            down, right = rng.integers(0, 2, 2)
            y[row + down : row + 7, column + right : column + 6, z] = number + 1
            h[row : row + 7 - down, column : column + 6, z] = 20 + number
    h[h == 23] = 22  # two that touch in no section are one
    h[h == 27] = 0
    h[:, :14, 2:][h[:, :14, 2:] == 24] = 60
    h[20:24, 20:28] = 61  # beyond the membrane
    h[6:8, 6:8] = 62
    return Case(y, h, SPACING)


def _dense(case: Case) -> Case:
    """Without membranes: each voxel is of some neurite, in both."""
    return Case(case.y + 1, np.where(case.h == 0, 90, case.h).astype(np.uint8), case.spacing)


def _only(case: Case, keep: str) -> Case:
    nothing = np.zeros(SHAPE, np.uint8)
    return Case(case.y if keep == "y" else nothing, case.h if keep == "h" else nothing, case.spacing)


NEURITES: Mapping[str, Case] = {
    "neurites": _neurites(1),
    "neurites, another block": _neurites(2),
    "neurites, no membranes": _dense(_neurites(3)),
    "neurites, nothing predicted": _only(_neurites(4), "y"),
    "neurites, nothing there": _only(_neurites(5), "h"),
    "neurites, perfect": Case(_neurites(6).y, _neurites(6).y + 3 * (_neurites(6).y > 0).astype(np.uint8), SPACING),
}
FAMILIES = {"neurites": NEURITES}

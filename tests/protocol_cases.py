"""The seeded cases on which the code of challenges was recorded: their corners, on anisotropic grids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Case(NamedTuple):
    """Labels of a reference and of a prediction, and mm per voxel along each axis."""

    y: NDArray[np.uint8]
    h: NDArray[np.uint8]
    spacing: tuple[float, float, float]


def _boxes(shape: tuple[int, ...], *boxes: tuple[int, tuple[slice, ...]]) -> NDArray[np.uint8]:
    labels = np.zeros(shape, np.uint8)
    for label, box in boxes:
        labels[box] = label
    return labels


def _lesions(seed: int, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Case:
    """Balls of one label: some found, some moved, some missed, some touching, some at the border; and false ones."""
    rng = np.random.default_rng(seed)
    grid = np.indices(shape).astype(float) * np.reshape(spacing, (3, 1, 1, 1))
    y, h = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for number in range(9):
        centre = rng.random(3) * np.multiply(shape, spacing)
        radius = rng.uniform(1.5, 5)

        def ball(centre: NDArray[Any], radius: float) -> NDArray[np.bool_]:
            return np.asarray(((grid - centre.reshape(3, 1, 1, 1)) ** 2).sum(axis=0) <= radius**2)

        if number != 3:
            y |= ball(centre, radius)
        if number != 5:
            h |= ball(centre + rng.normal(0, 1, 3), radius * rng.uniform(0.6, 1.2))
    return Case(y, h, spacing)


def _organs() -> Case:
    """A kidney with a tumour inside and a cyst at its side; the prediction is moved."""
    y = _boxes(
        (20, 18, 10),
        (1, np.s_[2:14, 3:13, 1:9]),
        (2, np.s_[5:10, 5:10, 3:7]),
        (3, np.s_[14:17, 6:10, 2:6]),
    )
    h = _boxes(
        (20, 18, 10),
        (1, np.s_[2:15, 4:13, 1:10]),
        (2, np.s_[6:11, 5:9, 3:7]),
        (3, np.s_[13:17, 7:11, 2:5]),
    )
    return Case(y, h, (0.8, 1.2, 3.0))


def _without(case: Case, *, of_y: tuple[int, ...] = (), of_h: tuple[int, ...] = ()) -> Case:
    y, h = case.y.copy(), case.h.copy()
    y[np.isin(y, of_y)] = 0
    h[np.isin(h, of_h)] = 0
    return Case(y, h, case.spacing)


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


def _abdomen() -> Case:
    """Four organs that touch each other and the border, and the same displaced."""
    places = (np.s_[0:9, 2:12, 1:8], np.s_[9:13, 2:8, 2:7], np.s_[12:18, 8:14, 0:6], np.s_[9:12, 9:15, 4:9])
    y = _boxes((20, 18, 10), *((label, place) for label, place in enumerate(places, start=1)))
    h = np.roll(y, (1, 0, 1), axis=(0, 1, 2))
    h[5:8, 10:12, 3:5] = 3
    return Case(y, h, (0.9, 1.1, 2.5))


def _vessels() -> Case:
    """Tubes of several labels along curves, and the same broken, thinned, and with a loose end."""
    y, h = np.zeros((30, 28, 16), np.uint8), np.zeros((30, 28, 16), np.uint8)
    for step in range(26):
        x, bend = step + 2, int(4 * np.sin(step / 4))
        for label, (row, depth) in {1: (6, 4), 4: (13, 8), 8: (20, 11), 12: (24, 4)}.items():
            y[x, row + bend - 1 : row + bend + 2, depth - 1 : depth + 2] = label
            if not (label == 4 and step in (9, 10)) and label != 12:
                h[x, row + bend - (step % 5 != 0) : row + bend + 2, depth : depth + 2] = label
    h[3:6, 24:27, 12:14] = 15
    h[26:28, 1:3, 1:3] = 1
    return Case(y, h, (0.6, 0.6, 0.9))


ABDOMEN, VESSELS = _abdomen(), _vessels()
ORGANS, LESIONS = _organs(), _lesions(1, (24, 22, 12), (1.0, 1.5, 2.5))
CASES: Mapping[str, Case] = {
    "organs": ORGANS,
    "organs, no tumour in either": _without(ORGANS, of_y=(2,), of_h=(2,)),
    "organs, tumour and cyst missed": _without(ORGANS, of_h=(2, 3)),
    "organs, an invented tumour": _without(ORGANS, of_y=(2,)),
    "organs, nothing at all": _without(ORGANS, of_y=(1, 2, 3), of_h=(1, 2, 3)),
    "lesions": LESIONS,
    "more lesions": _lesions(2, (30, 20, 14), (1.2, 1.2, 1.2)),
    "lesions, none predicted": _without(LESIONS, of_h=(1,)),
    "lesions, none there": _without(LESIONS, of_y=(1,)),
    "lesions, nothing at all": _without(LESIONS, of_y=(1,), of_h=(1,)),
    "objects": _objects(),
    "abdomen": ABDOMEN,
    "vessels": VESSELS,
    "vessels, one of them alone": _without(VESSELS, of_y=(4, 8, 12), of_h=(4, 8, 12, 15)),
    "vessels, found exactly": Case(VESSELS.y, VESSELS.y, VESSELS.spacing),
    "abdomen, no spleen, no pancreas found": _without(ABDOMEN, of_y=(3,), of_h=(3, 4)),
    "abdomen, an invented pancreas": _without(ABDOMEN, of_y=(4,)),
}

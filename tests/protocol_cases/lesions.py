"""Balls of one label, as lesions lie in an organ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol_cases.case import Case, without


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


_LESIONS = _lesions(1, (24, 22, 12), (1.0, 1.5, 2.5))
LESIONS: Mapping[str, Case] = {
    "lesions": _LESIONS,
    "more lesions": _lesions(2, (30, 20, 14), (1.2, 1.2, 1.2)),
    "lesions, none predicted": without(_LESIONS, of_h=(1,)),
    "lesions, none there": without(_LESIONS, of_y=(1,)),
    "lesions, nothing at all": without(_LESIONS, of_y=(1,), of_h=(1,)),
}
FAMILIES = {"lesions": LESIONS}

"""A large organ that the image cuts off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case, without


def _livers() -> tuple[Case, Case]:
    """An ellipsoid at a corner of the image; found a little too small, and found half, with a piece far away."""
    shape, spacing = (26, 24, 12), (1.5, 1.5, 3.0)
    grid = np.indices(shape) * np.reshape(spacing, (3, 1, 1, 1))

    def ellipsoid(
        middle: tuple[float, ...], radii: tuple[float, ...]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        offsets = (grid - np.reshape(middle, (3, 1, 1, 1))) / np.reshape(radii, (3, 1, 1, 1))
        return ((offsets**2).sum(axis=0) <= 1).astype(np.uint8)

    y = ellipsoid((10, 12, 8), (18, 15, 14))
    half = y.copy()
    half[:, :9] = 0
    half[23:, 21:, 9:] = 1
    return Case(y, ellipsoid((11, 12, 8), (18, 15, 13.5)), spacing), Case(y, half, spacing)


_NEARLY, _HALF = _livers()
LIVERS: Mapping[str, Case] = {
    "liver": _NEARLY,
    "liver, half of it found": _HALF,
    "liver, found exactly": Case(_NEARLY.y, _NEARLY.y, _NEARLY.spacing),
    "liver, none found": without(_NEARLY, of_h=(1,)),
    "liver, none there": without(_NEARLY, of_y=(1,)),
    "liver, nothing at all": without(_NEARLY, of_y=(1,), of_h=(1,)),
}
FAMILIES = {"livers": LIVERS}

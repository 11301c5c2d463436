"""Two-dimensional images: skin lesions, and streets of many classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case, without

SPACING = (1.0, 1.0, 1.0)


def _skin(shift: int, radius: int) -> Case:
    """A round lesion, and a prediction that is moved, of another size."""
    x, y = np.ogrid[:40, :36]

    def disc(row: int, column: int, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return ((x - row) ** 2 + (y - column) ** 2 <= size**2).astype(np.uint8)[..., np.newaxis]

    return Case(disc(18, 16, 10), disc(18 + shift, 16, radius), SPACING)


def _street(seed: int) -> Case:
    """Blocks of all the labels that there are, ignored ones too, and a prediction that mistakes some of them."""
    rng = np.random.default_rng(seed)
    y = np.kron(rng.integers(0, 34, (6, 8)), np.ones((5, 5), int)).astype(np.uint8)[..., np.newaxis]
    h = np.where(rng.random(y.shape) < 0.7, y, rng.integers(0, 34, y.shape)).astype(np.uint8)
    return Case(y, h, SPACING)


def _photograph(seed: int) -> Case:
    """Blocks of twenty-one labels, with borders that do not count."""
    rng = np.random.default_rng(seed)
    y = np.kron(rng.permutation(np.arange(48) % 21).reshape(6, 8), np.ones((5, 5), int)).astype(np.uint8)[
        ..., np.newaxis
    ]
    h = np.where(rng.random(y.shape) < 0.7, y, rng.integers(0, 21, y.shape)).astype(np.uint8)
    y[::5] = 255
    return Case(y, h, SPACING)


_SKIN = _skin(2, 9)
SKIN: Mapping[str, Case] = {
    "skin": _SKIN,
    "skin, badly found": _skin(8, 5),
    "skin, nothing found": without(_SKIN, of_h=(1,)),
    "skin, nothing there": without(_SKIN, of_y=(1,)),
    "skin, nothing at all": without(_SKIN, of_y=(1,), of_h=(1,)),
    "skin, all of the image": Case(np.ones_like(_SKIN.y), np.ones_like(_SKIN.y), SPACING),
}
STREETS: Mapping[str, Case] = {
    "street": _street(1),
    "street, another": _street(2),
    "street, no train in either": without(_street(3), of_y=(31,), of_h=(31,)),
}
PHOTOGRAPHS: Mapping[str, Case] = {"photograph": _photograph(4), "photograph, another": _photograph(5)}
FAMILIES = {"skin": SKIN, "streets": STREETS, "photographs": PHOTOGRAPHS}

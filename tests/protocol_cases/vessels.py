"""Tubes of several labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case, without


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


_VESSELS = _vessels()
VESSELS: Mapping[str, Case] = {
    "vessels": _VESSELS,
    "vessels, one of them alone": without(_VESSELS, of_y=(4, 8, 12), of_h=(4, 8, 12, 15)),
    "vessels, found exactly": Case(_VESSELS.y, _VESSELS.y, _VESSELS.spacing),
}
FAMILIES = {"vessels": VESSELS}

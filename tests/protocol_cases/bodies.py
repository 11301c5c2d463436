"""A few of many structures, on the grid of 1.5 mm of TotalSegmentator's data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case, painted, without

_PLACES = {
    1: np.s_[0:6, 0:6, 0:8],
    5: np.s_[6:15, 0:9, 2:9],
    7: np.s_[6:12, 9:13, 3:6],
    51: np.s_[2:6, 8:12, 0:10],
    52: np.s_[14:17, 12:15, 0:10],
    117: np.s_[0:2, 13:16, 4:6],
}


def _body() -> Case:
    """Structures that touch each other and the border; the prediction is moved, and has one apart from its place."""
    y = painted((18, 16, 10), *_PLACES.items())
    h = np.roll(y, (1, 1, 0), axis=(0, 1, 2))
    h[h == 117] = 0
    h[15:17, 2:4, 4:6] = 117
    return Case(y, h, (1.5, 1.5, 1.5))


_BODY = _body()
BODIES: Mapping[str, Case] = {
    "body": _BODY,
    "body, one missed and one invented": without(_BODY, of_y=(5, 7), of_h=(7, 51)),
    "body, found exactly": Case(_BODY.y, _BODY.y, _BODY.spacing),
}
FAMILIES = {"bodies": BODIES}

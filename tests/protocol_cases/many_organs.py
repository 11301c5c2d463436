"""The thirteen organs of FLARE, tubes along the third axis among them, with a lesion (14); and lesions alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocol_cases.case import Case, painted, without

_PLACES = {
    1: np.s_[0:9, 0:9, 3:13],
    2: np.s_[0:5, 10:15, 1:7],
    3: np.s_[17:24, 0:6, 4:12],
    4: np.s_[10:16, 6:9, 6:9],
    5: np.s_[11:14, 10:13, 2:11],
    6: np.s_[8:10, 11:14, 3:12],
    7: np.s_[4:7, 10:12, 8:10],
    8: np.s_[16:19, 10:12, 8:10],
    9: np.s_[4:7, 4:7, 2:5],
    10: np.s_[14:16, 2:4, 7:14],
    11: np.s_[10:16, 0:5, 3:7],
    12: np.s_[10:14, 14:16, 3:7],
    13: np.s_[18:23, 10:15, 1:7],
    14: np.s_[2:5, 1:3, 5:8],
}


def _organs() -> Case:
    """The prediction is moved, and its tubes are longer than the reference's."""
    y = painted((24, 18, 14), *_PLACES.items())
    h = np.roll(y, (1, 0, 0), axis=(0, 1, 2))
    for tube in (5, 6, 10):
        across, along, _ = _PLACES[tube]
        h[across, along, 0:14] = tube
    return Case(y, h, (2.3, 2.6, 5.0))


def _hardly_met() -> Case:
    """Tubes that are predicted beyond the reference's slices alone, and organs that are met by a corner."""
    y = painted((24, 18, 14), *_PLACES.items())
    h = np.roll(y, (0, 3, 2), axis=(0, 1, 2))
    h[np.isin(h, (5, 6))] = 0
    h[11:14, 10:13, 10:14] = 5
    h[8:10, 11:14, 0:3] = 6
    return Case(y, h, (0.8, 0.8, 1.5))


def _ball(centre: tuple[int, int, int], radius: float) -> NDArray[np.uint8]:
    grid = np.indices((16, 16, 12))
    return (((grid - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) <= radius**2).astype(np.uint8)


_ORGANS = _organs()
ORGANS: Mapping[str, Case] = {
    "many organs": _ORGANS,
    "many organs, hardly met": _hardly_met(),
    "many organs, some absent": without(_ORGANS, of_y=(2, 5, 7, 14), of_h=(2, 6, 9)),
}
_Y, _H, _FAR = _ball((6, 6, 5), 4), _ball((7, 6, 6), 3.5), _ball((10, 9, 8), 3)
_SPACING = (1.1, 0.9, 2.0)
_LESION = Case(_Y, _H, _SPACING)
ONE_LESION: Mapping[str, Case] = {
    "one lesion": _LESION,
    "one lesion, hardly met": Case(_Y, _FAR, _SPACING),
    "one lesion, with a label that there is not": Case(_Y, _H + 2 * _FAR * (1 - _H), _SPACING),
    "one lesion, missed": without(_LESION, of_h=(1,)),
    "one lesion, invented": without(_LESION, of_y=(1,)),
    "one lesion, nothing at all": without(_LESION, of_y=(1,), of_h=(1,)),
}
FAMILIES = {"thirteen organs": ORGANS, "one lesion": ONE_LESION}

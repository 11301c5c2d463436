"""An organ (1) with tumours in it (2): found, moved, joined, split, missed and invented ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case, painted, without


def _organ_with_tumours() -> Case:
    """Two tumours that the prediction joins, one that it splits, one at the border, one missed, one invented."""
    organ = (1, np.s_[0:20, 2:17, 1:10])
    y = painted(
        (24, 20, 12),
        organ,
        (2, np.s_[2:5, 4:8, 2:5]),
        (2, np.s_[6:9, 4:8, 2:5]),
        (2, np.s_[11:18, 5:8, 3:6]),
        (2, np.s_[0:3, 11:14, 1:4]),
        (2, np.s_[9:12, 12:15, 6:9]),
    )
    h = painted(
        (24, 20, 12),
        (1, np.s_[0:21, 3:17, 1:11]),
        (2, np.s_[2:9, 4:8, 3:5]),
        (2, np.s_[11:14, 5:9, 3:6]),
        (2, np.s_[15:19, 5:8, 3:6]),
        (2, np.s_[0:3, 12:14, 1:4]),
        (2, np.s_[16:18, 13:15, 7:9]),
    )
    return Case(y, h, (0.8, 1.1, 2.5))


def _two_organs() -> Case:
    """An organ in two parts and tumours that touch by a corner, all of it displaced."""
    y = painted(
        (18, 22, 10),
        (1, np.s_[3:15, 3:13, 2:8]),
        (1, np.s_[3:15, 15:20, 2:8]),
        (2, np.s_[5:8, 5:8, 3:5]),
        (2, np.s_[8:11, 8:11, 5:7]),
    )
    return Case(y, np.roll(y, (1, 0, 1), axis=(0, 1, 2)), (1.3, 0.7, 1.9))


_TUMOURS, _TWO = _organ_with_tumours(), _two_organs()
WITH_TUMOURS: Mapping[str, Case] = {
    "tumours": _TUMOURS,
    "tumours in two parts": _TWO,
    "tumours, all missed": without(_TUMOURS, of_h=(2,)),
    "tumours, nothing predicted": without(_TUMOURS, of_h=(1, 2)),
    "tumours, no organ around them": without(_TUMOURS, of_h=(1,)),
}
ANY: Mapping[str, Case] = {
    **WITH_TUMOURS,
    "tumours, none in either": without(_TUMOURS, of_y=(2,), of_h=(2,)),
    "tumours, invented": without(_TUMOURS, of_y=(2,)),
    "tumours, nothing at all": without(_TUMOURS, of_y=(1, 2), of_h=(1, 2)),
}
FAMILIES = {"organs with tumours": WITH_TUMOURS, "organs with and without tumours": ANY}

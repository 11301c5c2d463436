"""A kidney with its tumour and cyst; four abdominal organs that touch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case, painted, without


def _organs() -> Case:
    """A kidney with a tumour inside and a cyst at its side; the prediction is moved."""
    y = painted(
        (20, 18, 10),
        (1, np.s_[2:14, 3:13, 1:9]),
        (2, np.s_[5:10, 5:10, 3:7]),
        (3, np.s_[14:17, 6:10, 2:6]),
    )
    h = painted(
        (20, 18, 10),
        (1, np.s_[2:15, 4:13, 1:10]),
        (2, np.s_[6:11, 5:9, 3:7]),
        (3, np.s_[13:17, 7:11, 2:5]),
    )
    return Case(y, h, (0.8, 1.2, 3.0))


def _abdomen() -> Case:
    """Four organs that touch each other and the border, and the same displaced."""
    places = (np.s_[0:9, 2:12, 1:8], np.s_[9:13, 2:8, 2:7], np.s_[12:18, 8:14, 0:6], np.s_[9:12, 9:15, 4:9])
    y = painted((20, 18, 10), *((label, place) for label, place in enumerate(places, start=1)))
    h = np.roll(y, (1, 0, 1), axis=(0, 1, 2))
    h[5:8, 10:12, 3:5] = 3
    return Case(y, h, (0.9, 1.1, 2.5))


_ORGANS, _ABDOMEN = _organs(), _abdomen()
KIDNEYS: Mapping[str, Case] = {
    "organs": _ORGANS,
    "organs, no tumour in either": without(_ORGANS, of_y=(2,), of_h=(2,)),
    "organs, tumour and cyst missed": without(_ORGANS, of_h=(2, 3)),
    "organs, an invented tumour": without(_ORGANS, of_y=(2,)),
    "organs, nothing at all": without(_ORGANS, of_y=(1, 2, 3), of_h=(1, 2, 3)),
}
ABDOMENS: Mapping[str, Case] = {
    "abdomen": _ABDOMEN,
    "abdomen, no spleen, no pancreas found": without(_ABDOMEN, of_y=(3,), of_h=(3, 4)),
    "abdomen, an invented pancreas": without(_ABDOMEN, of_y=(4,)),
}
FAMILIES = {"kidneys": KIDNEYS, "abdomens": ABDOMENS}

"""The canal of a lower jaw; jaws with canals, a crown, teeth and their pulps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy import s_

from protocol_cases.case import Case, painted, without
from protocol_cases.lesions import LESIONS
from protocol_cases.vessels import VESSELS


def _alone(case: Case, label: int) -> Case:
    """One label of a case, as 1; on a grid that single precision holds exactly."""
    return Case((case.y == label).astype(np.uint8), (case.h == label).astype(np.uint8), (0.5, 0.5, 0.75))


def _looped(case: Case) -> Case:
    """The same, and a ring in the prediction."""
    h = case.h.copy()
    h[2:7, 2:7, 1] = 1
    h[4, 4, 1] = 0
    return Case(case.y, h, case.spacing)


def _jaw() -> Case:
    """Jawbones at the border, canals, a crown on a tooth, pulps in teeth; moved, and some of them mistaken."""
    y = painted(
        (24, 20, 14),
        (1, s_[2:22, 2:18, 0:5]),
        (2, s_[2:22, 2:18, 10:14]),
        (3, s_[4:20, 4:6, 2:4]),
        (4, s_[4:20, 14:16, 2:4]),
        (11, s_[3:7, 8:12, 7:11]),
        (111, s_[4:6, 9:11, 8:10]),
        (36, s_[10:15, 4:9, 4:8]),
        (136, s_[12:14, 5:7, 5:7]),
        (9, s_[10:15, 4:9, 8:9]),
        (48, s_[18:22, 12:16, 4:7]),
        (105, s_[2:4, 9:11, 1:4]),
    )
    h = np.roll(y, (1, 0, 0), axis=(0, 1, 2))
    h[h == 48] = 47
    h[h == 136] = 137
    h[16:24, 4:6, 2:4] = 1
    return Case(y, h, (0.4, 0.5, 0.8))


_JAW = _jaw()
_EVERY = tuple(range(1, 151))
CANALS: Mapping[str, Case] = {
    "canal": _alone(VESSELS["vessels"], 4),
    "canal, a loop invented": _looped(_alone(VESSELS["vessels"], 4)),
    "canal, found exactly": _alone(VESSELS["vessels, found exactly"], 8),
    "lesions": LESIONS["lesions"],
    "more lesions": LESIONS["more lesions"],
}
JAWS: Mapping[str, Case] = {
    "jaw": _JAW,
    "jaw, nothing found": without(_JAW, of_h=_EVERY),
    "jaw, nothing at all": without(_JAW, of_y=_EVERY, of_h=_EVERY),
}
FAMILIES = {"canals": CANALS, "jaws": JAWS}

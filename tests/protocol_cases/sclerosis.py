"""Lesions of multiple sclerosis: some of a few voxels, some that a large prediction covers together with much else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocol_cases.case import Case, painted, without
from protocol_cases.lesions import LESIONS


def _small_and_large() -> Case:
    """Specks of one to five voxels; two lesions under one prediction; one found in pieces; one overrun."""
    y = painted(
        (26, 24, 12),
        *((1, (slice(2 + 4 * k, 3 + 4 * k), slice(2, 3 + k), slice(2, 3))) for k in range(5)),
        (1, np.s_[2:6, 10:14, 3:6]),
        (1, np.s_[2:6, 16:20, 3:6]),
        (1, np.s_[10:18, 10:14, 4:7]),
        (1, np.s_[20:24, 14:18, 5:8]),
        (1, np.s_[10:13, 19:23, 8:12]),
    )
    h = painted(
        (26, 24, 12),
        *((1, (slice(2 + 4 * k, 3 + 4 * k), slice(2, 4), slice(2, 3))) for k in range(0, 5, 2)),
        (1, np.s_[3:6, 11:19, 3:6]),
        (1, np.s_[10:12, 10:13, 4:7]),
        (1, np.s_[14:16, 11:15, 4:6]),
        (1, np.s_[17:18, 6:11, 2:5]),
        (1, np.s_[19:26, 12:22, 4:10]),
        (1, np.s_[12:16, 22:24, 8:12]),
    )
    return Case(y, h, (1.0, 1.0, 1.0))


_MIXED = _small_and_large()
SCLEROSIS: Mapping[str, Case] = {
    "sclerosis": _MIXED,
    "sclerosis, thick slices": Case(_MIXED.y, _MIXED.h, (0.5, 0.5, 3.0)),
    "sclerosis, exchanged": Case(_MIXED.h, _MIXED.y, _MIXED.spacing),
    "sclerosis, balls": Case(*LESIONS["more lesions"]),
    "sclerosis, none predicted": without(_MIXED, of_h=(1,)),
    "sclerosis, none there": without(_MIXED, of_y=(1,)),
    "sclerosis, nothing at all": without(_MIXED, of_y=(1,), of_h=(1,)),
}
FAMILIES = {"sclerosis": SCLEROSIS}

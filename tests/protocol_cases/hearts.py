"""Ventricles and the muscle between, of few thick slices."""

from __future__ import annotations

from collections.abc import Mapping

from numpy import s_

from protocol_cases.case import Case, painted, without


def _heart() -> Case:
    """1 the right ventricle, 2 the muscle around 3, the left one; the prediction is moved and one slice short."""
    y = painted(
        (22, 20, 6),
        (1, s_[0:6, 4:16, 1:6]),
        (2, s_[6:19, 3:16, 0:6]),
        (3, s_[9:16, 6:13, 0:6]),
    )
    h = painted(
        (22, 20, 6),
        (1, s_[0:7, 5:16, 1:5]),
        (2, s_[7:19, 4:17, 0:5]),
        (3, s_[9:15, 7:13, 0:5]),
    )
    return Case(y, h, (1.4, 1.6, 8.0))


_HEART = _heart()
HEARTS: Mapping[str, Case] = {
    "heart": _HEART,
    "heart, no right ventricle in either": without(_HEART, of_y=(1,), of_h=(1,)),
    "heart, left ventricle missed": without(_HEART, of_h=(3,)),
    "heart, an invented right ventricle": without(_HEART, of_y=(1,)),
    "heart, nothing at all": without(_HEART, of_y=(1, 2, 3), of_h=(1, 2, 3)),
}
FAMILIES = {"hearts": HEARTS}

"""A primary tumour of the head and neck, and lymph nodes."""

from __future__ import annotations

from collections.abc import Mapping

from numpy import s_

from protocol_cases.case import Case, painted, without


def _head() -> Case:
    """1 the primary tumour, 2 two nodes, of which one is missed; and one that is none."""
    y = painted(
        (20, 18, 12),
        (1, s_[3:10, 4:10, 3:9]),
        (2, s_[12:16, 3:7, 2:6]),
        (2, s_[13:18, 11:16, 6:12]),
    )
    h = painted(
        (20, 18, 12),
        (1, s_[4:11, 4:11, 2:8]),
        (2, s_[13:18, 12:17, 6:11]),
        (2, s_[0:3, 14:17, 0:3]),
    )
    return Case(y, h, (0.9, 1.1, 3.0))


_HEAD = _head()
_LARGE = Case(_HEAD.y[::-1], _HEAD.h, (1.6, 1.6, 2.0))
HEADS: Mapping[str, Case] = {
    "head": _HEAD,
    "head, larger voxels": _LARGE,
    "head, no node there": without(_HEAD, of_y=(2,)),
    "head, no tumour in either": without(_HEAD, of_y=(1,), of_h=(1,)),
    "head, tumour missed": without(_HEAD, of_h=(1,)),
    "head, nothing predicted": without(_HEAD, of_h=(1, 2)),
}
FAMILIES = {"heads": HEADS}

"""Tubes of several labels on a grid that single precision holds exactly, for codes that measure in it."""

from __future__ import annotations

from collections.abc import Mapping

from protocol_cases.case import Case
from protocol_cases.vessels import VESSELS

ARTERIES: Mapping[str, Case] = {
    title.replace("vessels", "arteries"): Case(case.y, case.h, (0.5, 0.5, 0.75)) for title, case in VESSELS.items()
}
FAMILIES = {"arteries": ARTERIES}

"""Lesions of a challenge whose code leaves undefined what both volumes lack."""

from __future__ import annotations

from collections.abc import Mapping

from protocol_cases.case import Case
from protocol_cases.lesions import LESIONS

TUMOURS: Mapping[str, Case] = {title: case for title, case in LESIONS.items() if title != "lesions, nothing at all"}
FAMILIES = {"tumours": TUMOURS}

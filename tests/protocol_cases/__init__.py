"""The seeded cases on which the code of challenges was recorded: their corners, on anisotropic grids.

A module of this package is a kind of anatomy; its ``FAMILIES`` are cases by title, by the name of the family.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from protocol_cases.case import Case

__all__ = ["CASES", "FAMILIES", "Case"]


def _families() -> dict[str, Mapping[str, Case]]:
    found: dict[str, Mapping[str, Case]] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name != "case":
            found |= importlib.import_module(f"{__name__}.{module.name}").FAMILIES
    return found


FAMILIES: Mapping[str, Mapping[str, Case]] = _families()
CASES: Mapping[str, Case] = {title: case for family in FAMILIES.values() for title, case in family.items()}

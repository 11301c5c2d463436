"""The units of length that files name, in millimetres.

Sources: the units of axes in OME-NGFF 0.4 and 0.5, UnitsLength of the OME-XML schema, ImageJ, what writers of NRRD put.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from segeval.words.printable import printable, shortened

_PREFIXES = {
    "yocto": -24, "zepto": -21, "atto": -18, "femto": -15, "pico": -12, "nano": -9, "micro": -6, "milli": -3,
    "centi": -2, "deci": -1, "": 0, "deca": 1, "hecto": 2, "kilo": 3, "mega": 6, "giga": 9,
}  # fmt: skip
_MM = {f"{prefix}meter": float(f"1e{power + 3}") for prefix, power in _PREFIXES.items()} | {
    "pm": 1e-9, "Å": 1e-7, "å": 1e-7, "angstrom": 1e-7, "nm": 1e-6, "µm": 1e-3, "μm": 1e-3, "um": 1e-3,
    "\\u00b5m": 1e-3, "micron": 1e-3, "microns": 1e-3, "mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1e3, "km": 1e6,
    "inch": 25.4, "inches": 25.4, "in": 25.4, "foot": 304.8, "ft": 304.8, "yard": 914.4, "yd": 914.4, "mile": 1609344.0,
}  # fmt: skip


def mm_of(unit: str) -> float | None:
    """What one such unit measures; None for a text that is no unit of length. Case matters."""
    return _MM.get(unit, _MM.get(unit.removesuffix("s")) if unit.endswith("meters") else None)


def unknown_units(path: Path, units: Iterable[str]) -> list[str]:
    """A remark on units of lengths that are taken for millimetres, as nothing says what they measure."""
    unknown = sorted({unit for unit in units if unit and mm_of(unit) is None})
    named = shortened(", ".join(repr(printable(unit)) for unit in unknown), 100)
    return [f"{path}: states lengths in {named}, which is no unit known here; they are taken for mm"] if unknown else []

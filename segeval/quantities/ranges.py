"""The settings of quantities: what may be written for each, and its canonical text."""

from __future__ import annotations

import math
from collections.abc import Mapping

from segeval.errors import UsageError
from segeval.quantities.quantity import Setting
from segeval.tallies.histogram import BINS, PARTS, can_be_parted
from segeval.words.nearest import suggestion

_AT_LEAST_0 = (0.0, math.inf, "at least 0")
_SHARE = (0.0, 1.0, "between 0 and 1")
_RANGES: Mapping[str, tuple[float, float, str]] = {
    "epsilon": _AT_LEAST_0,
    "numerator_epsilon": _AT_LEAST_0,
    "sensitivity_weight": _SHARE,
    "gamma": _AT_LEAST_0,
    "alpha": _SHARE,
    "hausdorff_dt:alpha": _AT_LEAST_0,
    "d": _SHARE,
    "k": (0.0, 100.0, "between 0 and 100"),
    "iterations": (0.0, 1000.0, "of steps, from 0 to 1000"),
    "beta": _AT_LEAST_0,
    "delta": _SHARE,
    "weight": _SHARE,
    "label_smoothing": _SHARE,
    "pos_weight": _AT_LEAST_0,
    "fp_weight": _AT_LEAST_0,
    "fn_weight": _AT_LEAST_0,
    "dice_weight": _AT_LEAST_0,
    "ce_weight": _AT_LEAST_0,
    "exchange_rate": _AT_LEAST_0,
    "eta": (1e-300, 0.5, "above 0 and at most 0.5"),
    "found": (0.0, 1.0, "between 0 and 1"),
    "beyond": (0.0, 1.0, "between 0 and 1"),
    "explained": (0.0, 1.0, "between 0 and 1"),
    "rate": (0.0, math.inf, "of false positives per case, at least 0"),
    "iou": (1e-9, 1.0, "above 0 and at most 1"),
    "from_mm3": (0.0, math.inf, "of mm³, at least 0"),
    "below_mm3": (0.0, math.inf, "of mm³, at least 0"),
    "dice": (0.0, 1.0, "between 0 and 1"),
    "p": (0.0, 100.0, "between 0 and 100"),
    "tau": (0.0, math.inf, "of millimetres, at least 0"),
    "penalty_mm": (0.0, math.inf, "of millimetres, at least 0"),
    "base": (1.0 + 1e-9, math.inf, "above 1"),
    "bins": (1.0, float(BINS), f"that divides {PARTS} or {BINS}"),
}
_WORDS: Mapping[str, tuple[str, ...]] = {
    "power": ("1", "2"),
    "weights": ("linear", "quadratic"),
    "unit": ("voxel", "mm"),
    "boundary": ("volume", "slices", "edges", "corners"),
    "outside": ("background", "mask"),
    "axes": ("stored", "reversed"),
    "direction": ("both", "prediction", "reference"),
}
"""Settings that have a few values only; those whose default is a number are numbers."""
_WHOLE = ("iterations",)
EMPTY = "empty"
"""The setting that every quantity has: its value where both volumes lack the label."""
_SWITCH = {"yes": True, "no": False, "true": True, "false": False}


def parse_setting(name: str, key: str, text: str, default: Setting, named_alone: bool) -> Setting:
    """The value that a user wrote for this setting of the quantity. Raises UsageError.

    named_alone: a switch without a value is thrown, as in ``hd95:pooled``.
    """
    if isinstance(default, bool):
        if named_alone:
            return True
        if text.lower() not in _SWITCH:
            raise UsageError(f"--metrics: {name}:{key}={text!r}; write yes or no")
        return _SWITCH[text.lower()]
    if isinstance(default, str):
        return _one_of(name, key, text.lower())
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if key in _WORDS:
        return float(_one_of(name, key, f"{value:g}" if math.isfinite(value) else text))
    low, high, words = _RANGES.get(f"{name}:{key}") or _RANGES[key]
    if not (low <= value <= high and math.isfinite(value)) or (
        (key == "bins" and not can_be_parted(value)) or (key in _WHOLE and not value.is_integer())
    ):
        raise UsageError(f"--metrics: {name}:{key}={text!r}; write a number {words}")
    return value


def parse_empty(name: str, text: str) -> float:
    """The value of a label that is absent from both volumes. Raises UsageError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"--metrics: {name}:{EMPTY}={text!r}; write a number, the value where both volumes lack it")
    return value


def setting_text(value: Setting) -> str:
    """The value as the canonical text of a quantity holds it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    number = number_of(value)
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def number_of(value: Setting) -> float:
    """A setting that must be known as a number. Raises TypeError for one that is derived from the data."""
    if value is None or isinstance(value, str):
        raise TypeError("a setting that is derived from the data, or a word, has no number")
    return float(value)


def _one_of(name: str, key: str, text: str) -> str:
    if text not in _WORDS[key]:
        words = f"write {', '.join(_WORDS[key][:-1])} or {_WORDS[key][-1]}"
        raise UsageError(f"--metrics: {name}:{key}={text!r}; {words}{suggestion(text, _WORDS[key])}")
    return text

"""Numbers as people read them."""

from __future__ import annotations

import math

UNDEFINED = "–"


def value_text(value: int | float | None) -> str:
    """Four decimals, one from 100 on, two digits and an exponent for the very small and large; counts in full."""
    if value is None:
        return ""
    if math.isnan(value):
        return UNDEFINED
    if isinstance(value, int):
        return str(value)
    size = abs(value)
    if size != 0 and (size < 1e-3 or size >= 1e7):
        return f"{value:.1e}"
    return f"{value:.1f}" if size >= 100 else f"{value:.4f}"


def mean_sd_text(mean: float, sd: float, n: int, undefined: int) -> str:
    """``0.9100 ± 0.0400``, and behind a mean of fewer cases than were evaluated how many: ``(995/997)``."""
    spread = "" if math.isnan(sd) else f" ± {value_text(sd)}"
    return f"{value_text(mean)}{spread}" + (f" ({n}/{n + undefined})" if undefined else "")

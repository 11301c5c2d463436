"""How much worse a quantity may become: ``0.01``, or ``1%`` of the baseline's value."""

from __future__ import annotations

import math

from msgspec import Struct

from segeval.errors import UsageError
from segeval.gates.grammar import number_text


class Tolerance(Struct, frozen=True):
    """amount: a value of the quantity, or with ``relative`` a share of the baseline's value."""

    amount: float
    relative: bool

    def margin(self, value: float) -> float:
        """The tolerance in the quantity's own scale, beside this value of the baseline."""
        return self.amount * abs(value) if self.relative else self.amount

    def __str__(self) -> str:
        return f"{self.amount * 100:.10g}%" if self.relative else number_text(self.amount)


def parse_tolerance(text: str) -> Tolerance:
    """``0.01`` or ``1%``. Raises UsageError."""
    relative = text.strip().endswith("%")
    try:
        amount = float(text.strip().removesuffix("%"))
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 0):
        raise UsageError(f"tolerance {text!r}: write a number of at least 0, like 0.01, or a share like 1%")
    return Tolerance(amount / 100 if relative else amount, relative)

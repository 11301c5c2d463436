"""Sums of blocks, added exactly: `math.fsum` of many at once, and of what was added before."""

from __future__ import annotations

import math
from collections.abc import Sequence

UNFOLDED = 1 << 7
"""Sums of blocks that are kept apart before they are folded."""


def folded(parts: Sequence[float]) -> tuple[float, float]:
    """Two numbers with the same exact sum: the nearest float64, and what that lost."""
    total = math.fsum(parts)
    return total, math.fsum((*parts, -total))

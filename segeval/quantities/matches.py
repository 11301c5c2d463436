"""What the rules that match instances one to one share."""

from __future__ import annotations

import numpy as np

from segeval.array_types import Integers

THRESHOLDS = tuple(k / 20 for k in range(10, 20))
"""Of the IoU: 0.5, 0.55, …, 0.95."""
ROUNDING = 1e-12
"""An IoU of 11/20 reaches 0.55, however either was computed."""


def without_rivals(one: Integers, other: Integers) -> bool:
    """Whether no instance of either side is in two of these pairs, so that all of them are taken."""
    return len(np.unique(one)) == len(one) and len(np.unique(other)) == len(other)

"""Where there may be colours, and so a use for Rich; and colours as text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


def may_have_colours() -> bool:
    """Whether stdout is a terminal, or the environment speaks of one."""
    return sys.stdout.isatty() or bool({"FORCE_COLOR", "TTY_COMPATIBLE"} & os.environ.keys())


def hex_colour(parts: Iterable[int]) -> str:
    """``#rrggbb`` of red, green and blue from 0 to 255."""
    return "#" + "".join(f"{part:02x}" for part in parts)

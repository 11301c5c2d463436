"""Where there may be colours, and so a use for Rich."""

from __future__ import annotations

import os
import sys


def may_have_colours() -> bool:
    """Whether stdout is a terminal, or the environment speaks of one."""
    return sys.stdout.isatty() or bool({"FORCE_COLOR", "TTY_COMPATIBLE"} & os.environ.keys())

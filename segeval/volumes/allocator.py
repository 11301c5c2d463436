"""The memory that pieces of a volume are decoded into is kept and used again, not given back and asked for anew."""

from __future__ import annotations

import ctypes
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEPT = 64 << 20
_LARGEST = 4 << 20  # what is larger is no piece, and goes back to the system at once


@cache
def keep_freed_memory() -> None:
    """For a process that does nothing but score: glibc's default returns a piece's pages when the piece is freed.

    Touching new pages costs a sixth of a small case, and a tenth of decoding a large one. Elsewhere than with glibc
    nothing is changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGEST)
    mallopt(_M_TRIM_THRESHOLD, _KEPT)

"""Names and counts in sentences."""

from __future__ import annotations

from collections.abc import Iterable


def named(names: Iterable[object], most: int = 10) -> str:
    """The names, the first of many: ``a, b, c and 4 more``."""
    texts = list(map(str, names))
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"


def counted_as(count: int, noun: str) -> str:
    """``1 case``, ``2 cases``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

"""Which of the names that there are was meant by one that is none of them."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 3
_LONG_ENOUGH = 3  # characters: many names begin with fewer


def nearest(text: str, names: Iterable[str], most: int = _MOST) -> list[str]:
    """Those that begin with it, then those that resemble it, the likeliest first; upper and lower case are the same."""
    import difflib

    word = text.strip().casefold()
    folded = {name.casefold(): name for name in names}
    found = [name for name in folded if len(word) >= _LONG_ENOUGH and name.startswith(word)]
    found += difflib.get_close_matches(word, folded, n=most)
    return [folded[name] for name in dict.fromkeys(found)][:most]


def suggestion(text: str, names: Iterable[str], most: int = _MOST) -> str:
    """``; did you mean kits23 or kits21?`` for ``kits22``; nothing where nothing is near."""
    found = nearest(text, names, most)
    return f"; did you mean {' or '.join(found)}?" if found else ""

"""Which of the names that there are was meant by one that is none of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_MOST = 3
_LONG_ENOUGH = 3  # characters: many names begin with fewer
_MANY = 5000  # names; those of more are not compared letter by letter


def nearest(text: str, names: Iterable[str], most: int = _MOST) -> list[str]:
    """Those that begin with it, then those that resemble it, the likeliest first; upper and lower case are the same."""
    import difflib

    word = text.strip().casefold()
    folded = {name.casefold(): name for name in names}
    found = [name for name in folded if len(word) >= _LONG_ENOUGH and name.startswith(word)]
    if len(folded) <= _MANY:
        found += difflib.get_close_matches(word, folded, n=most)
    return [folded[name] for name in dict.fromkeys(found)][:most]


def suggestion(text: str, names: Iterable[str], most: int = _MOST) -> str:
    """``; did you mean kits23 or kits21?`` for ``kits22``; nothing where nothing is near."""
    return did_you_mean(nearest(text, names, most))


def did_you_mean(answers: Sequence[str]) -> str:
    """The words that these were found in; nothing for none."""
    return f"; did you mean {' or '.join(answers)}?" if answers else ""

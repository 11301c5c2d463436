"""What is meant by a name that no quantity has: a word of the field for one, or a misspelling."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from segeval.choices import GROUPS
from segeval.quantities.quantity import QUANTITIES
from segeval.words import nearest

_MOST = 3
_ALIKE = 0.6  # difflib's own threshold
_MUCH_ALIKE = 0.8  # of synonyms, which are many
_LONG_ENOUGH = 5  # characters: a shorter word is too near to too many synonyms
_ENDINGS = ("score", "coefficient", "coeff", "index", "metric")


def did_you_mean(text: str, among: Iterable[str] | None = None) -> str:
    """``; did you mean iou?`` for ``jaccard``; nothing where nothing is near."""
    return nearest.did_you_mean(meanings(text, among))


def meanings(text: str, among: Iterable[str] | None = None) -> list[str]:
    """What to write for this name, which may carry settings; at most three answers, the likeliest first.

    A synonym stands for its quantity, whatever the names to choose from are. among: the names that a misspelling may be
    of; all quantities and groups where None.
    """
    word = _folded(text.partition(":")[0])
    names = {_folded(name): name for name in ([*QUANTITIES, *GROUPS] if among is None else among)}
    for key in (word, *(word.removesuffix(ending) for ending in _ENDINGS)):
        if key in names:
            return [names[key]]
        if key in _synonyms():
            return list(_synonyms()[key])
    return _alike(word, names)


def _alike(word: str, names: dict[str, str]) -> list[str]:
    import difflib

    matcher = difflib.SequenceMatcher()
    matcher.set_seq2(word)

    def alike(other: str) -> float:
        matcher.set_seq1(other)
        return matcher.ratio()

    found = [(alike(key), [name]) for key, name in names.items()]
    found = [entry for entry in found if entry[0] >= _ALIKE]
    if len(word) >= _LONG_ENOUGH:
        nearest = ((alike(key), list(answers)) for key, answers in _synonyms().items())
        found += [entry for entry in nearest if entry[0] >= _MUCH_ALIKE]
    found.sort(key=lambda entry: -entry[0])
    likeliest: dict[str, str] = {}  # by what it names, whatever it says of a row or in brackets
    for _, answers in found:
        for answer in answers:
            likeliest.setdefault(re.split(r", | \(", answer, maxsplit=1)[0], answer)
    return list(likeliest.values())[:_MOST]


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    """What to write, by synonym; several quantities may share an ambiguous one."""
    found: dict[str, tuple[str, ...]] = {}
    for quantity in QUANTITIES.values():
        for word, answer in quantity.synonyms.items():
            found[_folded(word)] = (*found.get(_folded(word), ()), answer)
    return found


def _folded(text: str) -> str:
    """``F1-score`` and ``f1_score`` are one word."""
    return re.sub(r"[\W_]+", "", text.casefold())

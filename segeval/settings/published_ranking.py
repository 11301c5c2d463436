"""How a challenge orders its entries, as its protocol says it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any, get_args

from msgspec import Struct

from segeval.choices import RankingMethod, Ties
from segeval.settings.challenge_columns import is_number

_OF_MEANS = ("mean-then-rank", "mean-then-scale")
_SIDES = ("higher", "lower")
_KEYS = ("method", *_SIDES, "columns", "weights", "ties", "tiebreakers", "source")


class Ranking(Struct, frozen=True):
    """By these columns, of which higher, or lower, is better.

    columns: numbers of a case that only the ranking is of, as those of the protocol's. weights: of columns whose ranks
    do not count once. ties: the rank of equals. tiebreakers: columns whose means decide between equals, one after
    the other, each ``higher`` or ``lower``. source: where the challenge says so.
    """

    method: RankingMethod
    higher: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    columns: Mapping[str, str] = {}
    weights: Mapping[str, float] = {}
    ties: Ties = "average"
    tiebreakers: Mapping[str, str] = {}
    source: str = ""


def own_columns(found: Any) -> dict[str, str]:
    """What ``[ranking.columns]`` holds, before it is spread. Raises ValueError."""
    columns = found.get("columns", {}) if isinstance(found, dict) else {}
    if not isinstance(columns, dict) or not all(isinstance(of, str) and "." in of for of in columns.values()):
        raise ValueError('columns are texts like Dice = "mean({*.dice})"')
    return columns


def ranking_of(found: Any, columns: Collection[str], own: Mapping[str, str], pooled: Collection[str]) -> Ranking:
    """A protocol's ``[ranking]``; ``*`` in a column's name stands for any text.

    columns: of a case. own: ``[ranking.columns]``, spread. pooled: of all cases together. Raises ValueError.
    """
    methods = get_args(RankingMethod)
    if not isinstance(found, dict) or found.get("method") not in methods:
        raise ValueError(f"lacks its method, one of {', '.join(methods)}")
    if twice := own.keys() & {*columns, *pooled}:
        raise ValueError(f"columns: {min(twice)!r} is in [columns] or [pooled], too")
    every = (*columns, *own, *pooled)

    def named(key: str, pattern: Any) -> list[str]:
        """Of cases; those of all cases together by a pattern that only they fit."""
        for among in ((*columns, *own), pooled):
            if meant := [column for column in among if column == pattern or fnmatchcase(column, str(pattern))]:
                return meant
        raise ValueError(f"{key}: there is no column {pattern!r}")

    for key, value in found.items():
        if key not in _KEYS or (key in _SIDES and not isinstance(value, list)):
            raise ValueError(f"has lists of columns, higher and lower, and {', '.join(_KEYS[3:])}; {key!r} is none")
    sides: dict[str, tuple[str, ...]] = {}
    for side in _SIDES:
        meant = {name for pattern in found.get(side, ()) for name in named(side, pattern)}
        sides[side] = tuple(column for column in every if column in meant)
    both = set(sides["higher"]) & set(sides["lower"])
    if both:
        raise ValueError(f"has {min(both)!r} as higher and as lower")
    ranked = {*sides["higher"], *sides["lower"]}
    if not ranked:
        raise ValueError("names no columns that are better higher or lower")
    together = sorted(ranked & set(pooled))
    if together and found["method"] not in _OF_MEANS:
        raise ValueError(f"{together[0]!r} is of all cases together, by which {found['method']} ranks no case")
    weights = {
        name: weight for pattern, weight in _table(found, "weights").items() for name in named("weights", pattern)
    }
    for name, weight in weights.items():
        if not is_number(weight) or weight <= 0 or name not in ranked:
            raise ValueError(f"weights: {name!r} needs a number above 0, and to be among higher or lower")
    breakers = _table(found, "tiebreakers")
    for name, side in breakers.items():
        if name not in every or side not in _SIDES:
            raise ValueError(f"tiebreakers: {name!r} is no column, or neither higher nor lower")
    ties, source = found.get("ties", "average"), found.get("source", "")
    if ties not in get_args(Ties):
        raise ValueError(f"ties are one of {', '.join(get_args(Ties))}, not {ties!r}")
    if not isinstance(source, str):
        raise ValueError("source is no text")
    words = " ".join(source.split())
    return Ranking(found["method"], sides["higher"], sides["lower"], dict(own), weights, ties, breakers, words)


def _table(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{key} are a table, of columns")
    return value

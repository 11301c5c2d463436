"""How a challenge orders its entries, as its protocol says it."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, get_args

from msgspec import Struct

from segeval.choices import RankingMethod


class Ranking(Struct, frozen=True):
    """By these columns, of which higher, or lower, is better."""

    method: RankingMethod
    higher: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()


def ranking_of(found: Any, columns: Mapping[str, str]) -> Ranking:
    """A protocol's ``[ranking]``; ``*`` in a column's name stands for any text. Raises ValueError."""
    methods = get_args(RankingMethod)
    if not isinstance(found, dict) or found.get("method") not in methods:
        raise ValueError(f"lacks its method, one of {', '.join(methods)}")
    sides: dict[str, tuple[str, ...]] = {}
    for key, patterns in found.items():
        if key == "method":
            continue
        if key not in ("higher", "lower") or not isinstance(patterns, list):
            raise ValueError(f"has lists of columns, higher and lower; {key!r} is none")
        for pattern in patterns:
            if not any(fnmatchcase(column, str(pattern)) for column in columns):
                raise ValueError(f"{key}: there is no column {pattern!r}")
        sides[key] = tuple(column for column in columns if any(fnmatchcase(column, str(each)) for each in patterns))
    both = set(sides.get("higher", ())) & set(sides.get("lower", ()))
    if both:
        raise ValueError(f"has {min(both)!r} as higher and as lower")
    if not any(sides.values()):
        raise ValueError("names no columns that are better higher or lower")
    return Ranking(found["method"], **sides)

"""JSON without what the usual parsers take without a word: a key that an object has twice, or NaN, too."""

from __future__ import annotations

import json
from typing import Any

from segeval.words.printable import quoted


class Twins(ValueError):
    """A key of an object is there twice."""


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs, for ``json.loads``. Raises Twins."""
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members and members[key] != value:
            raise Twins(f"the key {quoted(key)} is there twice, with two values")
        members[key] = value
    return members


def json_without_twins(text: str | bytes) -> Any:
    """``json.loads``, which takes the NaN that other tools write. Raises ValueError, Twins among them."""
    return json.loads(text, object_pairs_hook=without_twins)


def strict_json(text: str | bytes) -> Any:
    """JSON by the book. Raises ValueError, Twins among them."""
    return json.loads(text, object_pairs_hook=without_twins, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"it holds {constant}, which is no JSON")

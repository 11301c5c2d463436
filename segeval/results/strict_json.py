"""JSON by the book: what the usual parsers take without a word, a key that an object has twice or NaN, is none."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

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


def plain(value: Any) -> Any:
    """Records, and what they hold, as JSON has them: a number that is undefined or infinite is None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, Struct):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return value


def json_line(value: Any) -> str:
    """The JSON of `plain` on a line, for those that may hold a name that is no text, which msgspec refuses."""
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=False)


def json_indented(value: Any) -> str:
    """The same, a member a line, with the end of the last one."""
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def _refuse(constant: str) -> Any:
    raise ValueError(f"it holds {constant}, which is no JSON")

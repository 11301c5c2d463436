"""``--volume``: which volume of a file that holds several is scored; ``--level`` is written likewise."""

from __future__ import annotations

import operator
from typing import Any

from segeval.errors import UsageError

VolumeChoice = int | tuple[int, int]
"""From 0: of every file that holds several volumes, or of the prediction and of the reference."""


def volume_choice(value: Any, flag: str = "--volume", what: str = "volume") -> VolumeChoice | None:
    """What the command line (``3``, ``3,0``) or Python (3, (3, 0)) says. Raises UsageError."""
    if value is None:
        return None
    try:
        numbers = [_index(number) for number in (value.split(",") if isinstance(value, str) else _sequence(value))]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 0:
        raise UsageError(
            f"{flag} {value!r}: write which {what} to score, from 0, like 3, or 3,0 for prediction and reference"
        )
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def volume_text(choice: VolumeChoice) -> str:
    """As ``--volume`` takes it."""
    return str(choice) if isinstance(choice, int) else ",".join(map(str, choice))


def volume_document(choice: VolumeChoice) -> int | list[int]:
    """As the JSON output holds it."""
    return choice if isinstance(choice, int) else list(choice)


def _sequence(value: Any) -> Any:
    return value if isinstance(value, (tuple, list)) else [value]


def _index(number: Any) -> int:
    return int(number) if isinstance(number, str) else operator.index(number)

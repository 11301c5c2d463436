"""``--key`` and ``--level``: which array of a file that holds several, and which level of an image, is scored."""

from __future__ import annotations

from typing import Any, Literal

from segeval.errors import UsageError
from segeval.settings.volume_choice import VolumeChoice, volume_choice
from segeval.words.printable import printable, shortened

KeyChoice = str | tuple[str, str]
"""Of every file that holds arrays by name, or of the prediction and of the reference."""
LevelChoice = VolumeChoice
"""From 0, the finest, likewise."""


def key_choice(value: Any) -> KeyChoice | None:
    """What the command line (``seg``, ``seg,mask``) or Python ("seg", ("seg", "mask")) says. Raises UsageError."""
    if value is None:
        return None
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or len(names) not in (1, 2) or not all(map(_is_name, names)):
        raise UsageError(
            f"--key {shortened(repr(value), 100)}: write the name of an array, or two of them with a comma between for "
            "prediction and reference"
        )
    return names[0] if len(names) == 1 else (names[0], names[1])


def level_choice(value: Any) -> LevelChoice | None:
    """What the command line (``1``, ``1,0``) or Python (1, (1, 0)) says. Raises UsageError."""
    return volume_choice(value, "--level", "level")


def key_of(choice: KeyChoice | None, side: Literal[0, 1]) -> str | None:
    """Of the prediction, 0, or of the reference, 1."""
    return choice if choice is None or isinstance(choice, str) else choice[side]


def level_of(choice: LevelChoice | None, side: Literal[0, 1]) -> int | None:
    """Of the prediction, 0, or of the reference, 1."""
    return choice if choice is None or isinstance(choice, int) else choice[side]


def key_text(choice: KeyChoice) -> str:
    """As ``--key`` takes it."""
    return choice if isinstance(choice, str) else ",".join(choice)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and bool(name.strip("/ ")) and printable(name) == name and "|" not in name

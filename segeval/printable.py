"""Text from outside (file names, label names) as one line that a terminal shows and does not obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters, line ends among them, written as escapes; all else as it is."""
    return "".join(_escaped(character) if _controls(character) else character for character in text)


def _controls(character: str) -> bool:
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or character in "\u2028\u2029\u202a\u202b\u202c\u202d\u202e"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

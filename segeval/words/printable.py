"""Text from outside (file names, label names) as one line that a terminal shows and does not obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters, line ends among them, written as escapes; all else as it is."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) if _controls(character) else character for character in text)


def shortened(words: object, most: int = 200) -> str:
    """A library's words about a damaged file, which may quote as much of it as they like, cut to a line's length."""
    text = str(words)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def quoted(value: object) -> str:
    """The value as a message shows it: one line, shortened; a number may have too many digits to be shown at all."""
    import reprlib

    try:
        return reprlib.repr(value)
    except ValueError:
        return "a number of thousands of digits"


def _controls(character: str) -> bool:
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or character in "\u2028\u2029\u202a\u202b\u202c\u202d\u202e"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

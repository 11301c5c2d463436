"""What lines are printed on: a plain stream, or a terminal with colours.

Rich knows terminals, and takes 45 ms to load and to lay out a table; a pipe or a file needs nothing of it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Protocol, TextIO

from segeval.words.colours import may_have_colours

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 80
"""Where nothing says how wide the output is."""


class Sheet(Protocol):
    """A width in cells, and lines."""

    width: int

    def line(self, *parts: tuple[str, str]) -> None:
        """One line of (text, style) parts, printed as they are: no markup, no wrapping."""


class PlainSheet:
    """Text alone."""

    def __init__(self, file: TextIO, width: int = _WIDTH) -> None:
        self._file = file
        self.width = width

    def line(self, *parts: tuple[str, str]) -> None:
        """The texts one after the other."""
        self._file.write("".join(text for text, _ in parts) + "\n")


class ConsoleSheet:
    """As coloured as the console is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.width = console.width

    def line(self, *parts: tuple[str, str]) -> None:
        """Styles are Rich's."""
        from rich.text import Text

        self._console.print(Text.assemble(*parts), soft_wrap=True)


def sheet_of_stdout() -> Sheet:
    """Rich decides about colours where there may be any."""
    if may_have_colours():
        from rich.console import Console

        return ConsoleSheet(Console(highlight=False))
    return PlainSheet(sys.stdout, _width_around())


def _width_around() -> int:
    """COLUMNS, else the width of the terminal that any of the standard streams still is."""
    if (columns := os.environ.get("COLUMNS", "")).isdigit():
        return int(columns)
    for stream in (0, 1, 2):
        try:
            return os.get_terminal_size(stream).columns or _WIDTH
        except (OSError, ValueError):
            continue
    return _WIDTH

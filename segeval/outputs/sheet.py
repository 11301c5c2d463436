"""What the pages that people read are drawn on: Rich's consoles, as wide and as coloured as stdout is."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from segeval.words.printable import printable

WIDTH = 80
"""Where nothing says how wide the output is."""


def console_of_stdout() -> Console:
    """Rich decides about colours, and about the width of a terminal."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _width_around()
    return console


def plain_text(draw: Callable[[Console], None], width: int = WIDTH) -> str:
    """What is drawn, as text alone."""
    text = io.StringIO()
    draw(
        Console(file=text, width=width, color_system=None, force_terminal=False, highlight=False, legacy_windows=False)
    )
    return text.getvalue()


def drawn_for_stdout(draw: Callable[[Console], None]) -> str:
    """What is drawn, with the escape codes that stdout takes."""
    console = console_of_stdout()
    with console.capture() as captured:
        draw(console)
    return captured.get()


def print_line(console: Console, text: str, style: str = "") -> None:
    """A line of its own words: no markup in file names, no breaking inside them."""
    print_parts(console, (printable(text), style))


def print_parts(console: Console, *parts: tuple[str, str]) -> None:
    """One line of (text, style) parts, as they are."""
    console.print(Text.assemble(*parts), soft_wrap=True)


def _width_around() -> int:
    """COLUMNS, else the width of the terminal that any of the standard streams still is."""
    if (columns := os.environ.get("COLUMNS", "")).isdigit() and int(columns):
        return int(columns)
    for stream in (0, 1, 2):
        try:
            return os.get_terminal_size(stream).columns or WIDTH
        except (OSError, ValueError):
            continue
    return WIDTH

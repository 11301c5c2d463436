"""A page drawn by Rich: as wide and as coloured as stdout is, or as text alone."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from segeval.outputs.grid import STYLES, lines_shown, print_table, print_words
from segeval.outputs.page import Lines, Listing, Part, Said, Tables, Tone
from segeval.words.printable import printable

WIDTH = 80
"""Where nothing says how wide the output is."""
_MOVED_IN = "  "
_BLANK = re.compile(r" (?![^\[]*\])")  # but for those inside [0.1, 0.2]


def console_of_stdout() -> Console:
    """Rich decides about colours, and about the width of a terminal."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _width_around()
    return console


def plain_text(page: Sequence[Part], width: int = WIDTH) -> str:
    """The page as text alone."""
    text = io.StringIO()
    console = Console(
        file=text, width=width, color_system=None, force_terminal=False, highlight=False, legacy_windows=False
    )
    draw(page, console)
    return text.getvalue()


def drawn_for_stdout(page: Sequence[Part]) -> str:
    """The page with the escape codes that stdout takes."""
    console = console_of_stdout()
    with console.capture() as captured:
        draw(page, console)
    return captured.get()


def draw(page: Sequence[Part], console: Console) -> None:
    """A section ends with an empty line, and a table begins with one."""
    for part in page:
        if isinstance(part, Lines):
            for line in _aligned(part):
                for shown in _wrapped(line, console.width) if part.prose else [line]:
                    print_line(console, *shown)
        elif isinstance(part, Tables):
            _print_tables(console, part)
        elif isinstance(part, Listing):
            if part.terminal:
                print_words(console, part.heads, part.rows)
        else:
            draw(part.parts, console)
            console.print()
            tables = [table for each in part.parts if isinstance(each, Tables) for table in each.terminal]
            if hidden := max((len(table.titles) - len(lines_shown(table)) for table in tables), default=0):
                print_line(console, (f"… and {hidden} more rows; --format csv or json has all of them", ""))


def print_line(console: Console, *parts: tuple[str, Tone]) -> None:
    """A line of its own words: no markup in file names, no breaking inside them."""
    together = [(tone, "".join(text for text, _ in same)) for tone, same in groupby(parts, lambda part: part[1])]
    console.print(Text.assemble(*((printable(text), STYLES[tone]) for tone, text in together)), soft_wrap=True)


def _wrapped(line: Said, width: int) -> Iterator[Said]:
    """A sentence on as many lines as it takes, those after the first moved in; a remark may hold a path, and stays."""
    (text, tone), *more = line
    if more or tone == "remark":
        yield line
        return
    begun = ""
    for word in _BLANK.split(printable(text)):
        if begun and cell_len(begun) + 1 + cell_len(word) > width:
            yield [(begun, tone)]
            begun = f"{_MOVED_IN}{word}"
        else:
            begun = f"{begun} {word}" if begun else word
    yield [(begun, tone)]


def _aligned(part: Lines) -> Iterator[Said]:
    """The lines, their parts below each other where they have several."""
    rows = [[(printable(text), tone) for text, tone in line] for line in part.terminal]
    columns = zip(*(row[:-1] for row in rows if len(row) > 1), strict=True)
    widths = [
        max([least, *(width for text, _ in column if (width := cell_len(text)) <= most)])
        for column, (least, most) in zip(columns, part.widths, strict=False)
    ]
    for *first, last in rows:
        padded = [text + " " * (width - cell_len(text)) + "  " for (text, _), width in zip(first, widths, strict=False)]
        yield [*((text, tone) for text, (_, tone) in zip(padded, first, strict=True)), last]


def _print_tables(console: Console, part: Tables) -> None:
    hidden = sum(print_table(console, table) for table in part.terminal)
    notes = [note for note in (part.legend, part.more.format(hidden) if hidden else "") if note]
    if notes:
        console.print()
    for note in notes:
        print_line(console, (note, "faint"))


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

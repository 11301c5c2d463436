"""Rich's tables of numbers: columns in parts that fit the width, each part beside the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segeval.outputs.cells import TITLES
from segeval.words.printable import printable

_LONG_HEADER = 11
GAP = 2
"""Cells between columns; one is enough where each number may bear a mark."""
TITLE_WIDTH = 24
_HEAD_AND_SECTION = "    \n    \n ─  \n    \n ─  \n ─  \n    \n    \n"
_RULES = Box(_HEAD_AND_SECTION)
_ASCII_RULES = Box(_HEAD_AND_SECTION.replace("─", "-"), ascii=True)
"""A rule below the heads and above what sums up, cut between columns."""


class Line(Struct, frozen=True):
    """A line of a table. cells: (text, style) by column; sums_up: it stands below the rule."""

    title: str
    cells: Mapping[str, tuple[str, str]]
    sums_up: bool = False

    def text(self, key: str) -> str:
        """The cell's text, empty where the line does not have the column."""
        return self.cells[key][0] if key in self.cells else ""


def print_grid(
    console: Console,
    title: str,
    keys: Sequence[str],
    lines: Sequence[Line],
    heads: Mapping[str, str] | None = None,
    gap: int = GAP,
    widest: int = TITLE_WIDTH,
) -> None:
    """The columns in as many tables as the width asks for. heads: of columns, where a key is none.

    widest: what the titles of lines may take before they are folded.
    """
    heads = {key: (heads or {}).get(key, key) for key in keys}
    for number, part in enumerate(parts(title, heads, lines, console.width, gap, widest)):
        console.print()
        _print_table(console, title if number == 0 else "", {key: heads[key] for key in part}, lines, gap, widest)


def parts(
    title: str,
    heads: Mapping[str, str],
    lines: Sequence[Line],
    width: int,
    gap: int = GAP,
    widest: int = TITLE_WIDTH,
) -> list[list[str]]:
    """The columns in groups that fit the width beside the label's column, of about equal size."""
    keys = list(heads)
    titles = [title, *TITLES.values(), *(line.title for line in lines)]
    room = width - min(max(map(cell_len, titles)), widest)
    needed = [gap + _column_width(key, heads[key], lines) for key in keys]
    for most in range(len(keys), 0, -1):
        found = [slice(start, start + most) for start in range(0, len(keys), most)]
        if most == 1 or all(sum(needed[part]) <= room for part in found):
            even = -(-len(keys) // len(found))
            evened = [slice(start, start + even) for start in range(0, len(keys), even)]
            if all(sum(needed[part]) <= room for part in evened):
                found = evened
            return [keys[part] for part in found]
    return []


def _column_width(key: str, head: str, lines: Sequence[Line]) -> int:
    return max(map(cell_len, [*_broken(key, head, lines).split("\n"), *(line.text(key) for line in lines)]))


def _broken(key: str, head: str, lines: Sequence[Line]) -> str:
    """A head that is long, and longer than what stands below, broken where it may be."""
    if len(head) <= max(_LONG_HEADER, *(cell_len(line.text(key)) for line in lines), 0):
        return head
    before, space, last = head.rpartition(" ")
    return f"{before}\n{last}" if space else head.replace("_", "_\n").replace(":", "\n:")


def _print_table(
    console: Console, title: str, heads: Mapping[str, str], lines: Sequence[Line], gap: int, widest: int
) -> None:
    """The titles to the left, folded where they are long; the other columns to the right, never cut."""
    shown = [line for line in lines if any(key in line.cells for key in heads)]
    widths = [_column_width(key, head, lines) for key, head in heads.items()]
    room = max(1, console.width - sum(gap + width for width in widths))
    longest = max(map(cell_len, [title, *(line.title for line in shown), "mean"]))
    first = min(longest, room, widest)
    rules = _RULES if console.encoding.startswith("utf") else _ASCII_RULES
    table = Table(box=rules, show_edge=False, pad_edge=False, padding=0, header_style="bold")
    table.add_column(Text(title, style="bold"), width=first, overflow="fold", vertical="bottom")
    for (key, head), width in zip(heads.items(), widths, strict=True):
        table.add_column(
            Text(_broken(key, head, lines)), justify="right", width=width + gap - 1, no_wrap=True, vertical="bottom"
        )
    below = False
    for number, line in enumerate(shown):
        if line.sums_up and not below:
            below = True
            if number:
                table.add_section()
        cells = [Text(*line.cells.get(key, ("", "dim"))) for key in heads]
        table.add_row(Text(line.title, style="bold" if below else ""), *cells)
    console.print(table, crop=False, width=first + sum(gap + width for width in widths))


def print_words(console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of words, to the left, folded between words where the page is too narrow for them."""
    rows = [[printable(text) for text in row] for row in rows]
    rules = _RULES if console.encoding.startswith("utf") else _ASCII_RULES
    table = Table(box=rules, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), header_style="bold")
    widths = _widths_of_words([heads, *rows], console.width - GAP * (len(heads) - 1))
    for head, width in zip(heads, widths, strict=True):
        table.add_column(Text(head), width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table, crop=False)


def _widths_of_words(table: Sequence[Sequence[str]], room: int) -> list[int]:
    """Of the columns: as wide as their texts, then narrower one by one where that costs the fewest lines."""
    columns = [[[cell_len(word) for word in text.split()] for text in column] for column in zip(*table, strict=True)]
    least = [max((word for text in column for word in text), default=1) for column in columns]
    widths = [max(sum(text) + len(text) - 1 for text in column) for column in columns]

    def lines(narrowed: Sequence[int]) -> int:
        counts = [[_lines_of_words(t, width) for t in texts] for texts, width in zip(columns, narrowed, strict=True)]
        return sum(map(max, zip(*counts, strict=True)))

    def cost(column: int) -> tuple[int, int]:
        narrowed = [width - (place == column) for place, width in enumerate(widths)]
        return lines(narrowed), -widths[column]

    while sum(widths) > room and (free := [n for n, width in enumerate(widths) if width > least[n]]):
        widths[min(free, key=cost)] -= 1
    return widths


def _lines_of_words(words: Sequence[int], width: int) -> int:
    """How many lines words of these lengths take."""
    lines, used = 1, -1
    for word in words:
        if used + 1 + word > width and used >= 0:
            lines, used = lines + 1, -1
        used += 1 + word
    return lines

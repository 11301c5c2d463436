"""Rich's tables of numbers: columns in parts that fit the width, each part beside the labels."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import PaddingDimensions
from rich.table import Table as Grid
from rich.text import Text

from segeval.outputs.cells import TITLES
from segeval.outputs.page import Cell, Table, Tone
from segeval.words.printable import printable

STYLES: dict[Tone, str] = {
    "": "",
    "plain": "default",
    "strong": "bold",
    "good": "green",
    "fair": "yellow",
    "bad": "red",
    "faint": "dim",
    "remark": "yellow",
    "passed": "bold green",
    "failed": "bold red",
}
_MARKS = {"": " ", "best": "*", "better": "*", "worst": "!", "worse": "!"}
_LONG_HEADER = 11
_GAP = 2
_HEAD_AND_SECTION = "    \n    \n ─  \n    \n ─  \n ─  \n    \n    \n"
_RULES = Box(_HEAD_AND_SECTION)
_ASCII_RULES = Box(_HEAD_AND_SECTION.replace("─", "-"), ascii=True)
"""A rule below the heads and above what sums up, cut between columns."""


def print_table(console: Console, table: Table, places: Sequence[int] | None = None) -> None:
    """The columns, or those at some places, in as many parts as the width asks for."""
    columns = _columns(table, places)
    for number, part in enumerate(_parts(table, columns, console.width)):
        console.print()
        _print_part(console, table, printable(table.title) if number == 0 else "", part)


def fits(table: Table, width: int) -> bool:
    """Whether all columns stand side by side."""
    return len(_parts(table, _columns(table), width)) <= 1


class _Column:
    """A column as it is printed: texts with their marks, and a head that is broken where it is longer than these."""

    def __init__(self, head: str, cells: Sequence[Cell | None]) -> None:
        marked = any(cell is not None and cell.mark for cell in cells)
        self.texts = [("" if cell is None else cell.text + _MARKS[cell.mark] * marked) for cell in cells]
        self.cells = cells
        longest = max(map(cell_len, self.texts), default=0)
        self.head = _broken(head) if len(head) > max(_LONG_HEADER, longest) else head
        self.width = max(longest, *map(cell_len, self.head.split("\n")))

    def text(self, number: int) -> Text:
        cell = self.cells[number]
        return Text(self.texts[number], STYLES["faint" if cell is None else cell.tone])


def _columns(table: Table, places: Sequence[int] | None = None) -> list[_Column]:
    shown = range(len(table.heads)) if places is None else places
    return [_Column(table.heads[place], [line.cells[place] for line in table.lines]) for place in shown]


def _gap(table: Table) -> int:
    """Cells between columns; one is enough where each number may bear a mark."""
    return 1 if table.dense else _GAP


def _parts(table: Table, columns: Sequence[_Column], width: int) -> list[Sequence[_Column]]:
    """The columns in groups that fit the width beside the titles, of about equal size."""
    titles = [table.title, *TITLES.values(), *(line.title for line in table.lines)]
    room = width - min(max(cell_len(printable(title)) for title in titles), table.widest)

    def fit(parts: Sequence[Sequence[_Column]]) -> bool:
        return all(sum(_gap(table) + column.width for column in part) <= room for part in parts)

    for most in range(len(columns), 0, -1):
        found = [columns[start : start + most] for start in range(0, len(columns), most)]
        if most == 1 or fit(found):
            even = -(-len(columns) // len(found))
            evened = [columns[start : start + even] for start in range(0, len(columns), even)]
            return evened if fit(evened) else found
    return []


def _grid(console: Console, padding: PaddingDimensions) -> Grid:
    rules = _RULES if console.encoding.startswith("utf") else _ASCII_RULES
    return Grid(box=rules, show_edge=False, pad_edge=False, padding=padding, header_style="bold")


def _broken(head: str) -> str:
    """A head in lines, where it may be."""
    before, space, last = head.rpartition(" ")
    return f"{before}\n{last}" if space else head.replace("_", "_\n").replace(":", "\n:")


def _print_part(console: Console, table: Table, title: str, columns: Sequence[_Column]) -> None:
    """The titles to the left, folded where they are long; the other columns to the right, never cut."""
    shown = [
        (number, line, printable(line.title))
        for number, line in enumerate(table.lines)
        if any(column.cells[number] is not None for column in columns)
    ]
    gap = _gap(table)
    taken = sum(gap + column.width for column in columns)
    longest = max(map(cell_len, [title, *(words for *_, words in shown), "mean"]))
    first = min(longest, max(1, console.width - taken), table.widest)
    grid = _grid(console, 0)
    grid.add_column(Text(title, style="bold"), width=first, overflow="fold", vertical="bottom")
    for column in columns:
        width = column.width + gap - 1
        grid.add_column(Text(column.head), justify="right", width=width, no_wrap=True, vertical="bottom")
    below = False
    for place, (number, line, words) in enumerate(shown):
        if line.sums_up and not below:
            below = True
            if place:
                grid.add_section()
        grid.add_row(Text(words, style="bold" if below else ""), *(column.text(number) for column in columns))
    console.print(grid, crop=False, width=first + taken)


def print_words(console: Console, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of words, to the left, folded between words where the page is too narrow for them."""
    rows = [[printable(text) for text in row] for row in rows]
    widths = _widths_of_words([heads, *rows], console.width - _GAP * (len(heads) - 1))
    grid = _grid(console, (0, _GAP - 1, 0, 0))
    for head, width in zip(heads, widths, strict=True):
        grid.add_column(Text(head), width=width, overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))
    console.print(grid, crop=False)


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

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
from segeval.outputs.page import Mark, Table, Tone
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
_MARKS: dict[Mark, str] = {"best": "*", "better": "*", "worst": "!", "worse": "!"}
_LONG_HEADER = 11
_MOST_LINES = 500
_GAP = 2
_HEAD_AND_SECTION = "    \n    \n ─  \n    \n ─  \n ─  \n    \n    \n"
_RULES = Box(_HEAD_AND_SECTION)
_ASCII_RULES = Box(_HEAD_AND_SECTION.replace("─", "-"), ascii=True)
"""A rule below the heads and above what sums up, cut between columns."""


def lines_shown(table: Table) -> list[int]:
    """As many lines as anybody reads, and those that sum up."""
    ends = len(table.titles) - table.ends
    return [*range(min(ends, _MOST_LINES)), *range(ends, len(table.titles))]


def print_table(console: Console, table: Table) -> int:
    """The columns in as many parts as the width asks for; how many were left out."""
    lines = lines_shown(table)
    titles = [printable(table.titles[line]) for line in lines]
    columns = _columns(table, lines)
    parts = _parts(table, titles, columns, console.width)
    if table.main and len(parts) > 1:
        columns = [columns[place] for place in table.main]
        parts = _parts(table, titles, columns, console.width)
    for number, part in enumerate(parts):
        console.print()
        _print_part(console, table, "" if number else printable(table.title), titles, part)
    return len(table.heads) - len(columns)


class _Column:
    """A column as it is printed: texts with their marks, and a head that is broken where it is longer than these."""

    def __init__(self, head: str, cells: Sequence[tuple[str | None, Tone, Mark | None]]) -> None:
        marked = any(mark for *_, mark in cells)
        self.cells = [
            None if text is None else Text(text + (_MARKS[mark] if mark else " ") * marked, STYLES[tone])
            for text, tone, mark in cells
        ]
        longest = max((cell.cell_len for cell in self.cells if cell is not None), default=0)
        self.head = _broken(head) if len(head) > max(_LONG_HEADER, longest) else head
        self.width = max(longest, *map(cell_len, self.head.split("\n")))


def _columns(table: Table, lines: Sequence[int]) -> list[_Column]:
    places = range(len(table.heads))
    plain: list[Tone] = [""] * len(table.heads)
    cells = []
    for line in lines:
        marks = [table.marks.get((line, place)) for place in places]
        cells.append(list(zip(table.texts(line), table.tones(line) if table.tones else plain, marks, strict=True)))
    return [_Column(table.heads[place], [row[place] for row in cells]) for place in places]


def _gap(table: Table) -> int:
    """Cells between columns; one is enough where each number may bear a mark."""
    return 1 if table.dense else _GAP


def _parts(table: Table, titles: Sequence[str], columns: Sequence[_Column], width: int) -> list[Sequence[_Column]]:
    """The columns in groups that fit the width beside the titles, of about equal size."""
    room = width - min(max(map(cell_len, [printable(table.title), *TITLES.values(), *titles])), table.widest)

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


def _print_part(console: Console, table: Table, title: str, titles: Sequence[str], columns: Sequence[_Column]) -> None:
    """The titles to the left, folded where they are long; the other columns to the right, never cut."""
    shown = [line for line in range(len(titles)) if any(column.cells[line] is not None for column in columns)]
    gap = _gap(table)
    taken = sum(gap + column.width for column in columns)
    longest = max(map(cell_len, [title, *(titles[line] for line in shown), "mean"]))
    first = min(longest, max(1, console.width - taken), table.widest)
    grid = _grid(console, 0)
    grid.add_column(Text(title, style="bold"), width=first, overflow="fold", vertical="bottom")
    for column in columns:
        width = column.width + gap - 1
        grid.add_column(Text(column.head), justify="right", width=width, no_wrap=True, vertical="bottom")
    ends = len(titles) - table.ends
    for before, line in zip([ends, *shown], shown, strict=False):
        if before < ends <= line:
            grid.add_section()
        cells = (column.cells[line] or Text("", "dim") for column in columns)
        grid.add_row(Text(titles[line], style="bold" if line >= ends else ""), *cells)
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

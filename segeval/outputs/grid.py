"""Tables on a console: columns in parts that fit the width, each part beside the labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segeval.outputs.cells import TITLES
from segeval.printable import printable
from segeval.report import Column, Value

_LONG_HEADER = 11
_GAP = 2  # between columns
_TITLE_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table. cells: (text, style) by column; sums_up: it stands below the rule."""

    title: str
    cells: Mapping[str, tuple[str, str]]
    sums_up: bool = False

    def text(self, key: str) -> str:
        """The cell's text, empty where the line does not have the column."""
        return self.cells[key][0] if key in self.cells else ""


def print_line(console: Console, text: str, style: str = "") -> None:
    """A line of its own words: no markup in file names, no breaking inside them."""
    console.print(Text(printable(text), style), soft_wrap=True)


def print_grid(console: Console, title: str, keys: Sequence[str], lines: Sequence[Line]) -> None:
    """The columns in as many tables as the width asks for."""
    for number, part in enumerate(_parts(title, keys, lines, console.width)):
        console.print()
        console.print(_table(title if number == 0 else "", part, lines))


def style_of(value: Value | None, column: Column) -> str:
    """Green near the best end of a bounded scale, red near its worst."""
    if value is None or math.isnan(value):
        return "dim"
    if column.best is None or column.worst is None or math.isinf(column.worst):
        return ""
    goodness = (value - column.worst) / (column.best - column.worst)
    return "green" if goodness >= 0.8 else "yellow" if goodness >= 0.5 else "red"


def _parts(title: str, keys: Sequence[str], lines: Sequence[Line], width: int) -> list[list[str]]:
    """The columns in groups that fit the width beside the label's column, of about equal size."""
    titles = [title, *TITLES.values(), *(line.title for line in lines)]
    room = width - min(max(map(cell_len, titles)), _TITLE_WIDTH)
    needed = [_GAP + _column_width(key, lines) for key in keys]
    for most in range(len(keys), 0, -1):
        parts = [slice(start, start + most) for start in range(0, len(keys), most)]
        if most == 1 or all(sum(needed[part]) <= room for part in parts):
            even = -(-len(keys) // len(parts))
            evened = [slice(start, start + even) for start in range(0, len(keys), even)]
            if all(sum(needed[part]) <= room for part in evened):
                parts = evened
            return [list(keys[part]) for part in parts]
    return []


def _column_width(key: str, lines: Sequence[Line]) -> int:
    header = max(len(line) for line in _header(key).split("\n"))
    return max([header, *(len(line.text(key)) for line in lines)])


def _header(key: str) -> str:
    """A long name broken where it may be."""
    return key if len(key) <= _LONG_HEADER else key.replace("_", "_\n").replace(":", "\n:")


def _table(title: str, keys: Sequence[str], lines: Sequence[Line]) -> Table:
    table = Table(box=None, padding=(0, 0, 0, _GAP), pad_edge=False, header_style="bold")
    table.add_column(Text(title, style="bold underline"), vertical="bottom", max_width=_TITLE_WIDTH, overflow="fold")
    for key in keys:
        table.add_column(Text(_header(key)), justify="right", vertical="bottom", no_wrap=True)
    below = False
    for line in lines:
        if not any(key in line.cells for key in keys):
            continue
        if line.sums_up and not below:
            below = True
            if table.row_count:
                rules = ["────", *("─" * _column_width(key, lines) for key in keys)]
                table.add_row(*map(Text, rules), style="dim")  # as Text: for a str, Rich loads its markup and emoji
        cells = (Text(*line.cells.get(key, ("", "dim"))) for key in keys)
        table.add_row(Text(line.title, "bold" if below else ""), *cells)
    return table

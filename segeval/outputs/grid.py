"""Tables on a sheet: columns in parts that fit the width, each part beside the labels.

They are laid out here, because Rich's tables take 45 ms, a fifth of a small case, and do no more for a pipe.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct
from rich.cells import cell_len, chop_cells

from segeval.outputs.cells import TITLES
from segeval.outputs.sheet import Sheet
from segeval.results.report import Column, Value
from segeval.words.printable import printable

_LONG_HEADER = 11
_GAP = 2  # between columns
_TITLE_WIDTH = 24
_RULE = "────"


class Line(Struct, frozen=True):
    """A line of a table. cells: (text, style) by column; sums_up: it stands below the rule."""

    title: str
    cells: Mapping[str, tuple[str, str]]
    sums_up: bool = False

    def text(self, key: str) -> str:
        """The cell's text, empty where the line does not have the column."""
        return self.cells[key][0] if key in self.cells else ""


def print_line(sheet: Sheet, text: str, style: str = "") -> None:
    """A line of its own words: no markup in file names, no breaking inside them."""
    sheet.line((printable(text), style))


def print_grid(sheet: Sheet, title: str, keys: Sequence[str], lines: Sequence[Line]) -> None:
    """The columns in as many tables as the width asks for."""
    for number, part in enumerate(_parts(title, keys, lines, sheet.width)):
        sheet.line()
        _print_table(sheet, title if number == 0 else "", part, lines)


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
    return max(map(cell_len, [*_header(key).split("\n"), *(line.text(key) for line in lines)]))


def _header(key: str) -> str:
    """A long name broken where it may be."""
    return key if len(key) <= _LONG_HEADER else key.replace("_", "_\n").replace(":", "\n:")


def _print_table(sheet: Sheet, title: str, keys: Sequence[str], lines: Sequence[Line]) -> None:
    """The titles to the left, folded where they are long; the other columns to the right, never cut."""
    shown = [line for line in lines if any(key in line.cells for key in keys)]
    widths = [_column_width(key, lines) for key in keys]
    room = max(1, sheet.width - sum(_GAP + width for width in widths))
    ruled = len({line.sums_up for line in shown}) == 2
    longest = max(map(cell_len, [title, *(line.title for line in shown), _RULE if ruled else ""]))
    widths.insert(0, min(longest, room, _TITLE_WIDTH))
    _print_row(sheet, widths, (title, "bold underline"), [(_header(key), "bold") for key in keys])
    below = False
    for number, line in enumerate(shown):
        if line.sums_up and not below:
            below = True
            if number:
                _print_row(sheet, widths, (_RULE, "dim"), [(_RULE[0] * width, "dim") for width in widths[1:]])
        cells = [line.cells.get(key, ("", "dim")) for key in keys]
        _print_row(sheet, widths, (line.title, "bold" if below else ""), cells)


def _print_row(sheet: Sheet, widths: list[int], title: tuple[str, str], cells: Sequence[tuple[str, str]]) -> None:
    """As many lines as the highest cell has, the others at its bottom."""
    columns = [_folded(title[0], widths[0]), *(text.split("\n") for text, _ in cells)]
    height = max(map(len, columns))
    for number in range(height):
        name, *texts = ("" if (at := number - height + len(column)) < 0 else column[at] for column in columns)
        parts = [(name, title[1]), (" " * (widths[0] - cell_len(name)), "")]
        for text, width, (_, style) in zip(texts, widths[1:], cells, strict=True):
            parts += [(" " * (_GAP + width - cell_len(text)), ""), (text, style)]
        sheet.line(*parts)


def _folded(text: str, width: int) -> list[str]:
    """Lines of at most so many cells, broken between words where that is possible."""
    lines = [""]
    for word in re.findall(r"\s*\S+\s*", text):
        if cell_len(lines[-1] + word.rstrip()) <= width:
            lines[-1] += word
            continue
        pieces = [word] if cell_len(word.rstrip()) <= width else chop_cells(word, width)
        lines = [*(line for line in lines if line), *pieces]
    return [line.rstrip() for line in lines]

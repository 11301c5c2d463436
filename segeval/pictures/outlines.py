"""The outline of a mask along the edges of its pixels, as the path of an SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from segeval.array_types import Mask

Corner = tuple[int, int]

_TURNS = {(0, 1): ((1, 0), (0, 1), (-1, 0)), (1, 0): ((0, -1), (1, 0), (0, 1)),
          (0, -1): ((-1, 0), (0, -1), (1, 0)), (-1, 0): ((0, 1), (-1, 0), (0, -1))}  # fmt: skip
"""By the way one goes, in rows and columns: to the right, straight on, to the left."""


def outline(mask: Mask, pixel_mm: tuple[float, float]) -> str:
    """The path around the mask's pixels, holes included, in mm; empty for an empty mask.

    mask: rows from top to bottom of columns from left to right. pixel_mm: their width and height. Rounded to a tenth of
    what a pixel's size begins with; a rounding does not add to the next.
    """
    digits = decimals(pixel_mm)
    rows, columns = (_lines(size, mm, digits) for size, mm in zip(mask.shape, pixel_mm[::-1], strict=True))
    lines = rows, columns
    return "".join(_path(loop, lines, digits) for loop in loops(mask))


@lru_cache(maxsize=64)
def _lines(size: int, pixel_mm: float, digits: int) -> list[float]:
    """Where the lines around so many pixels lie, mm."""
    return [round(number * pixel_mm, digits) for number in range(size + 1)]


def decimals(pixel_mm: Sequence[float]) -> int:
    """Two digits of the smaller side of a pixel."""
    return max(0, 1 - math.floor(math.log10(min(pixel_mm))))


def loops(mask: Mask) -> list[list[Corner]]:
    """The corners (row, column) of each closed line between inside and outside, inside on the right hand.

    Pixels that touch at a corner alone are apart.
    """
    padded = np.pad(mask, 1)
    steps: dict[Corner, list[Corner]] = {}
    for way, here, there, shift in (
        ((0, 1), padded[1:], padded[:-1], (0, -1)),  # along the upper edge, to the right
        ((0, -1), padded[:-1], padded[1:], (0, 0)),  # along the lower edge, to the left
        ((1, 0), padded[:, :-1], padded[:, 1:], (-1, 0)),  # along the right edge, down
        ((-1, 0), padded[:, 1:], padded[:, :-1], (0, 0)),  # along the left edge, up
    ):
        for row, column in (np.argwhere(here & ~there) + shift).tolist():
            steps.setdefault((row, column), []).append(way)
    found = []
    while steps:
        found.append(_walk(next(iter(steps)), steps))  # the left end of an upper edge, or where two pixels touch
    return found


def _walk(start: Corner, steps: dict[Corner, list[Corner]]) -> list[Corner]:
    """One line, from a corner back to it; its steps are taken out."""
    here, way = start, _take(start, steps, None)
    corners = [start]
    while True:
        here = (here[0] + way[0], here[1] + way[1])
        if here == start:
            return corners
        onward = _take(here, steps, way)
        if onward != way:
            corners.append(here)
        way = onward


def _take(corner: Corner, steps: dict[Corner, list[Corner]], way: Corner | None) -> Corner:
    """The step from a corner, the rightmost where there are two."""
    ways = steps[corner]
    if len(ways) == 1:
        del steps[corner]
        return ways[0]
    chosen = ways[0] if way is None else next(turn for turn in _TURNS[way] if turn in ways)
    ways.remove(chosen)
    return chosen


def _path(corners: list[Corner], lines: Sequence[Sequence[float]], digits: int) -> str:
    """``M x y h dx v dy … z``. lines: where the lines between rows and between columns lie, mm."""
    places = [(lines[1][column], lines[0][row]) for row, column in corners]
    words = [f"M{short(places[0][0], digits)} {short(places[0][1], digits)}"]
    for (x, y), (next_x, next_y) in pairwise(places):
        words.append(f"h{short(next_x - x, digits)}" if next_y == y else f"v{short(next_y - y, digits)}")
    return "".join(words) + "z"


@lru_cache(maxsize=4096)
def short(value: float, digits: int) -> str:
    """``.84``, ``-2.5``, ``12``."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text in ("-0", ""):
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text

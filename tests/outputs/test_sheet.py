"""Lines on a plain stream and on a console of Rich."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from segeval.outputs.grid import Line, print_grid
from segeval.outputs.sheet import ConsoleSheet, PlainSheet, sheet_of_stdout

LINES = [
    Line("1 left upper lobe of the lung", {"dice": ("0.5000", "yellow"), "jaccard": ("0.3333", "red")}),
    Line("2 肝臓肝臓肝臓肝臓肝臓肝臓肝臓", {"dice": ("–", "dim")}),
    Line("mean", {"dice": ("0.5000 (1/2)", "yellow"), "jaccard": ("0.3333", "red")}, sums_up=True),
]


def plain(width: int) -> str:
    text = io.StringIO()
    print_grid(PlainSheet(text, width), "Overlap", ["dice", "jaccard"], LINES)
    return text.getvalue()


def test_titles_are_folded_between_words_or_where_they_are_too_long_and_numbers_stand_below() -> None:
    assert plain(80).splitlines() == [
        "",
        "Overlap                           dice  jaccard",
        "1 left upper lobe of the                       ",
        "lung                            0.5000   0.3333",
        "2                                              ",
        "肝臓肝臓肝臓肝臓肝臓肝臓                       ",
        "肝臓                                 –         ",
        "────                      ────────────  ───────",
        "mean                      0.5000 (1/2)   0.3333",
    ]


@pytest.mark.parametrize("width", [80, 40, 30])
def test_a_console_without_colours_says_the_same(width: int) -> None:
    text = io.StringIO()
    sheet = ConsoleSheet(Console(file=text, width=width, color_system=None, force_terminal=False))
    print_grid(sheet, "Overlap", ["dice", "jaccard"], LINES)
    assert text.getvalue() == plain(width)


def test_where_a_line_of_the_environment_asks_for_colours_rich_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", "123")
    assert isinstance(sheet := sheet_of_stdout(), PlainSheet)
    assert sheet.width == 123
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(sheet := sheet_of_stdout(), ConsoleSheet)
    assert sheet.width == 123

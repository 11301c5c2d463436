"""Rich's tables as text, and the console of stdout."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from segeval.outputs.page import Table, Tables, prose, terminal
from segeval.outputs.sheet import console_of_stdout, draw, plain_text

TITLES = ["1 left upper lobe of the lung", "2 肝臓肝臓肝臓肝臓肝臓肝臓肝臓", "mean"]
TEXTS = [["0.5000", "0.3333"], ["–", None], ["0.5000 (1/2)", "0.3333"]]
TABLE = Table("Overlap", ["dice", "jaccard"], TITLES, TEXTS.__getitem__, ends=1)


def plain(width: int, table: Table = TABLE) -> list[str]:
    return [line.rstrip() for line in plain_text([Tables([table])], width).splitlines()]


def test_titles_are_folded_between_words_or_where_they_are_too_long_and_numbers_stand_below() -> None:
    assert plain(80) == [
        "",
        "Overlap                           dice  jaccard",
        "──────────────────────── ───────────── ────────",
        "1 left upper lobe of the",
        "lung                            0.5000   0.3333",
        "2",
        "肝臓肝臓肝臓肝臓肝臓肝臓",
        "肝臓                                 –",
        "──────────────────────── ───────────── ────────",
        "mean                      0.5000 (1/2)   0.3333",
    ]


@pytest.mark.parametrize("width", [40, 30, 20])
def test_a_narrow_page_has_more_tables_and_every_number(width: int) -> None:
    lines = plain(width)
    for text in ("0.5000", "0.3333", "0.5000 (1/2)", "dice", "jaccard"):
        assert any(text in line for line in lines)


def test_heads_are_broken_where_they_are_longer_than_what_stands_below() -> None:
    heads = ["relative volume difference", "a_rather_long_key"]
    assert plain(80, replace(TABLE, heads=heads, titles=TITLES[2:], texts=TEXTS[2:].__getitem__))[:5] == [
        "",
        "                               a_",
        "                          rather_",
        "         relative volume    long_",
        "Overlap       difference      key",
    ]


def test_a_line_is_never_broken_and_obeys_nothing() -> None:
    line = terminal(["[red]x[/red] :smile: " + "y" * 100 + "\x1b[2J"])
    assert plain_text([line], 40) == "[red]x[/red] :smile: " + "y" * 100 + "\\x1b[2J\n"


def test_prose_is_wrapped_to_the_page_between_words_of_any_width() -> None:
    """An interval stays in one piece, a word that is longer than the page does, and so does a remark."""
    sentence = f"肝臓 is better: +0.1 [+0.0, +0.2], in {'z' * 30} alone"
    lines = plain_text([prose([sentence], noted=["a/b c: " + "y z " * 10])], 20).splitlines()
    assert lines == [
        "肝臓 is better: +0.1",
        "  [+0.0, +0.2], in",
        f"  {'z' * 30}",
        "  alone",
        "remark: a/b c: " + "y z " * 10,
    ]
    assert plain_text([prose([sentence])], 80) == f"{sentence}\n"


def test_a_console_that_knows_no_box_has_hyphens() -> None:
    text = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    draw([Tables([replace(TABLE, titles=TITLES[:1], ends=0)])], Console(file=text, width=80))
    text.flush()
    assert b"------------------------ ------- --------" in text.buffer.getvalue()  # type: ignore[attr-defined]


def test_stdout_is_as_wide_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    for columns, width in (("123", 123), ("0", None), ("many", None)):
        monkeypatch.setenv("COLUMNS", columns)
        console = console_of_stdout()
        assert (console.width == width if width else console.width > 0, console.is_terminal) == (True, False)

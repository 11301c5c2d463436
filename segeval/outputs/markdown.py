"""A page as Markdown, GitHub's: for reports and pull requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from segeval.outputs.page import Kind, Lines, Listing, Mark, Part, Table, Tables
from segeval.words.printable import printable

_BEFORE: dict[Kind, str] = {"title": "## ", "subtitle": "### ", "list": "- ", "words": ""}
_INSIDE_A_WORD = re.compile(r"(?<=\w)\\_(?=\w)")


def markdown_of(page: Sequence[Part]) -> str:
    """The page, which ends with a newline."""
    return "\n\n".join(_blocks(page)) + "\n"


def _blocks(page: Sequence[Part]) -> Iterator[str]:
    """What empty lines part."""
    for part in page:
        if isinstance(part, Lines):
            yield from _lines(part)
        elif isinstance(part, Tables):
            for table in part.terminal if part.document is None else part.document:
                yield from _table(table)
        elif isinstance(part, Listing):
            if part.rows:
                yield _grid(part.heads, ["---"] * len(part.heads), [list(map(plain, row)) for row in part.rows])
        else:
            yield from _blocks(part.parts)


def _lines(part: Lines) -> Iterator[str]:
    """A list is one block."""
    texts = ["".join(text for text, _ in line) for line in part.terminal] if part.document is None else part.document
    if part.kind == "code":
        yield from map(code_span, texts)
        return
    lines = [_BEFORE[part.kind] + plain(text) for text in texts]
    yield from ["\n".join(lines)] if part.kind == "list" and lines else lines


def _table(table: Table) -> Iterator[str]:
    """Under its title, beside the titles of lines, to the right of which numbers stand."""
    if title := table.key or table.title:
        yield f"### {plain(title)}"
    heads = [_INSIDE_A_WORD.sub("_", plain(head)) for head in table.keys or table.heads]
    told = {place: mark for place, mark in table.marks.items() if mark in ("better", "worse")}
    rows = []
    for line, title in enumerate(table.titles):
        texts = table.texts(line)
        if told:
            texts = [_marked(text, told.get((line, place))) for place, text in enumerate(texts)]
        if any(text is not None for text in texts):
            rows.append([plain(title), *(text or "" for text in texts)])
    yield _grid([table.corner, *heads], ["---", *["---:"] * len(heads)], rows)


def _marked(text: str | None, mark: Mark | None) -> str | None:
    return text if mark is None else f"**{text}** ({mark})"


def _grid(heads: Sequence[str], aligned: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    first, *others = ("| " + " | ".join(cells) + " |" for cells in (heads, aligned, *rows))
    return "\n".join([first.replace("|  |", "| |"), *others])


def code_span(text: str) -> str:
    """A code span, behind more backticks than the text holds in a row."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{printable(text)}{space}{fence}"


def plain(text: str) -> str:
    """Text whose characters mean nothing to Markdown."""
    text = printable(text)
    for character in "\\`*_[]<>|#&~$@":
        text = text.replace(character, "\\" + character)
    return text

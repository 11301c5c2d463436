"""A page that people read: made once of a report, a verdict or a comparison, for terminals and for documents.

Where these say something in other words, or one of them does not, the parts say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Tone = Literal["", "plain", "strong", "good", "fair", "bad", "faint", "remark", "passed", "failed"]
Mark = Literal["best", "worst", "better", "worse"]
Kind = Literal["title", "subtitle", "words", "list", "code"]
Said = Sequence[tuple[str, Tone]]


class Lines(Struct, frozen=True):
    """Lines that a terminal never breaks, unless they are prose; each of parts with tones. kind: what they are in a
    document.

    document: their words there, where they differ; none leave them out. widths: what the parts but the last take at
    least, and what widens them at most, where lines of one more part stand below each other. prose: sentences of our
    own, without a path that somebody would copy; remarks at their end are none.
    """

    terminal: Sequence[Said]
    kind: Kind = "words"
    document: Sequence[str] | None = None
    widths: Sequence[tuple[int, int]] = ()
    prose: bool = False


class Table(Struct, frozen=True):
    """Numbers by column beside the titles of lines, which are made when they are asked for.

    texts: of a line, by column, None where it does not have one. ends: how many of the last lines sum up the others.
    tones, marks: of a line, and by line and column; what is to be seen at once. dense: each number may bear a mark,
    which parts columns. main: places of the columns that a narrow terminal makes do with. widest: what titles may take
    before they are folded. corner: what documents call the column of titles; keys, key: what they have in place of
    heads and title.
    """

    title: str
    heads: Sequence[str]
    titles: Sequence[str]
    texts: Callable[[int], Sequence[str | None]]
    ends: int = 0
    tones: Callable[[int], Sequence[Tone]] | None = None
    marks: Mapping[tuple[int, int], Mark] = {}
    dense: bool = False
    main: Sequence[int] = ()
    widest: int = 24
    corner: str = "label"
    keys: Sequence[str] = ()
    key: str = ""


class Tables(Struct, frozen=True):
    """legend: of the marks, on a terminal. more: what it says of columns that it leaves out, ``{}`` being how many."""

    terminal: Sequence[Table]
    document: Sequence[Table] | None = None
    legend: str = ""
    more: str = ""


class Listing(Struct, frozen=True):
    """Words by column. terminal: whether it is shown there."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    terminal: bool = True


class Section(Struct, frozen=True):
    """Parts that belong together."""

    parts: Sequence[Part]


Part = Lines | Tables | Listing | Section


def said(texts: Iterable[str], tone: Tone = "") -> list[Said]:
    """Lines of one tone."""
    return [[(text, tone)] for text in texts]


def heading(text: str, kind: Kind = "title", document: str = "") -> Lines:
    """A line of its own; in documents other words, or the same with a capital."""
    return Lines(said([text], "strong"), kind, [document or text[:1].upper() + text[1:]])


def bullets(texts: Iterable[str], tone: Tone = "", noted: Sequence[str] = ()) -> Lines:
    """A list, and at its end remarks."""
    lines = said(texts, tone)
    remarks = said([f"remark: {text}" for text in noted], "remark")
    return Lines([*lines, *remarks], "list", [*(text for [(text, _)] in lines), *noted])


def prose(texts: Iterable[str], tone: Tone = "", noted: Sequence[str] = ()) -> Lines:
    """A list of sentences, which are wrapped to the page, and at its end remarks."""
    return replace(bullets(texts, tone, noted), prose=True)


def code(text: str) -> Lines:
    """Text for machines."""
    return Lines(said([text], "faint"), "code")


def terminal(texts: Iterable[str], tone: Tone = "") -> Lines:
    """Lines that documents do without."""
    return Lines(said(texts, tone), document=[])


def document(texts: Sequence[str], kind: Kind = "words") -> Lines:
    """Lines that only documents have."""
    return Lines([], kind, texts)

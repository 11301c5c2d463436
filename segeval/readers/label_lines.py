"""Label files of one label a line: BIDS ``dseg.tsv``, ITK-SNAP label descriptions, FreeSurfer look-up tables."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from segeval.errors import LabelError, UnreadableFile
from segeval.readers.label_entries import INTEGER, Entry, choice_of, colour_of, colour_of_parts, entry_name, label_value
from segeval.targets import LabelChoice
from segeval.words.printable import quoted

_ITK_SNAP_LINE = re.compile(r'(\S+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+\S+){3}\s+"(.*)"')

FieldsOf = Callable[[str], tuple[str, str, str] | None]
"""A line's index, name and colour, None for any other line."""


def read_bids(path: Path, text: str) -> LabelChoice:
    """The columns ``index`` and ``name``, and ``color`` where there is one; ``n/a`` is no name, and no colour.

    Source: BIDS, "Common image-derived labels".
    """
    lines = csv.reader(text.splitlines(), delimiter="\t", strict=True)
    entries: list[Entry] = []
    try:
        header = [title.strip() for title in next(lines, [])]
        if "index" not in header or "name" not in header:
            raise UnreadableFile(f"{path}: a dseg.tsv needs the tab-separated columns 'index' and 'name'; add them")
        if twice := [title for title in ("index", "name") if header.count(title) > 1]:
            raise LabelError(f"{path}: the column {quoted(twice[0])} is there twice; keep one of them")
        index, name = header.index("index"), header.index("name")
        colour = header.index("color") if "color" in header else len(header)
        for row in filter(any, lines):
            if len(row) <= max(index, name):
                raise UnreadableFile(f"{path}: line {lines.line_num} lacks columns; separate them by tabs")
            if any(cell.strip() for cell in row[len(header) :]):  # tabs alone name nothing
                cells = f"{len(row)} cells under {len(header)} titles"
                raise UnreadableFile(f"{path}: line {lines.line_num} has {cells}; remove one, or give it a title")
            value = label_value(path, f"the index in line {lines.line_num}", _number(row[index].strip()))
            called = entry_name(path, "" if row[name].strip() == "n/a" else row[name])
            stated = "".join(row[colour : colour + 1]).strip()
            wrong = "" if colour_of(stated) or stated in ("", "n/a") else quoted(stated)
            if wrong:
                wrong = f"{path}: the color in line {lines.line_num} is {wrong}; write six digits, like #804080"
            entries.append(Entry(called, (value,), colour=colour_of(stated), miscoloured=wrong))
    except csv.Error as problem:
        raise UnreadableFile(f"{path}: line {lines.line_num} is damaged ({problem}); correct it") from None
    return choice_of(path, entries)


def read_lines(fields_of: FieldsOf, wanted: str, path: Path, text: str) -> LabelChoice:
    """One label a line, whose index and name ``fields_of`` finds; ``wanted`` tells the reader what a line is."""
    entries: list[Entry] = []
    for number, line in _content_lines(text):
        fields = fields_of(line)
        if fields is None:
            raise UnreadableFile(f"{path}: line {number} is {quoted(line)}; write it as {wanted}")
        value = label_value(path, f"the index in line {number}", _number(fields[0]))
        wrong = "" if fields[2] else f"{path}: line {number} is {quoted(line)}; red, green and blue are from 0 to 255"
        entries.append(Entry(entry_name(path, fields[1]), (value,), colour=fields[2], miscoloured=wrong))
    return choice_of(path, entries)


def itk_snap_fields(line: str) -> tuple[str, str, str] | None:
    """Of ``IDX R G B A VIS MSH "LABEL"``. Source: the header that ITK-SNAP writes into these files."""
    fields = _ITK_SNAP_LINE.fullmatch(line)
    return (fields[1], fields[5], colour_of_parts(fields.groups()[1:4])) if fields else None


def freesurfer_fields(line: str) -> tuple[str, str, str] | None:
    """Of ``No. Name R G B A``; what follows (a tissue class, say) is left out. Source: FreeSurferColorLUT.txt."""
    fields = line.split()
    is_colour = [bool(INTEGER.fullmatch(part)) for part in fields[2:6]] == [True] * 4
    return (fields[0], fields[1], colour_of_parts(fields[2:5])) if is_colour else None


def holds_a_line(fields_of: FieldsOf, text: str) -> bool:
    """Whether any line is one of this format."""
    return any(fields_of(line) is not None for _, line in _content_lines(text))


def _content_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor ``#`` comments, stripped, with their numbers from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _number(text: str) -> int | str:
    """The integer that the text writes, else the text itself, for ``label_value`` to refuse."""
    return int(text) if INTEGER.fullmatch(text) else text

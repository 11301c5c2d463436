"""A manifest: a CSV file that says which prediction belongs to which reference."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from segeval.errors import PairingError, UnreadableFile
from segeval.files.byte_stream import open_regular_file
from segeval.files.remote import is_remote, located, of_another_scheme
from segeval.pairing.records import MANIFEST, CasePair, Pairing
from segeval.words.lists import named

COLUMNS = ("case", "prediction", "reference")

_MOST_BYTES = 64 * 2**20


class _Line(Struct, frozen=True):
    number: int
    case: str
    prediction: Path | None
    reference: Path


class _Found(Struct):
    """The lines by case, and sentences on those that say no pair."""

    lines: dict[str, list[_Line]] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)


def read_manifest(path: Path) -> Pairing:
    """The pairs that a CSV file with the columns case, prediction and reference lists.

    Relative paths are relative to the manifest; an empty prediction is a missing one. A line that is otherwise not
    whole, too short or too long, is ambiguous. Raises UnreadableFile for what is no manifest, PairingError for one
    without a case.
    """
    found = _found(path)
    if not found.lines and not found.unclear:
        raise PairingError(f"{path}: lists no case; write one line per case below {','.join(COLUMNS)}")
    pairs, missing, duplicates = [], [], []
    for case in sorted(found.lines):
        line, *others = found.lines[case]
        if others:
            numbers = [str(one.number) for one in found.lines[case]]
            duplicates.append(
                f"{case}: stands in lines {', '.join(numbers[:-1])} and {numbers[-1]} of {path.name}; "
                "give each line a case of its own"
            )
        elif line.prediction is None:
            missing.append(CasePair(case, None, line.reference))
        else:
            pairs.append(CasePair(case, line.prediction, line.reference))
    return Pairing(
        layout=MANIFEST,
        pairs=tuple(pairs),
        missing=tuple(missing),
        duplicates=tuple(duplicates),
        ambiguous=tuple(found.unclear),
        remarks=_used_twice(pairs),
    )


def _found(path: Path) -> _Found:
    rows = _rows(path)
    first = next(rows, (1, []))[1]
    header = [cell.strip().lower() for cell in first]
    if absent := [column for column in COLUMNS if column not in header]:
        what = f"lacks the column{'' if len(absent) == 1 else 's'} {' and '.join(absent)}"
        raise UnreadableFile(f"{path}: {what}; its first line is {','.join(COLUMNS)}, further columns are ignored")
    if twice := [column for column in COLUMNS if header.count(column) > 1]:
        raise UnreadableFile(f"{path}: has the column {twice[0]} twice; remove one")
    found = _Found()
    places = [header.index(column) for column in COLUMNS]
    folder = path.parent
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if (problem := _not_whole(header, places, cells)) is not None:
            found.unclear.append(f"line {number} of {path.name}: {problem}")
            continue
        case, prediction, reference = (cells[place] for place in places)
        line = _Line(number, case, _place(folder, prediction) if prediction else None, _place(folder, reference))
        found.lines.setdefault(case, []).append(line)
    return found


def _place(folder: Path, text: str) -> Path:
    """The path that a cell names, from the manifest's folder on; a URL as it is."""
    return located(Path(text)) if is_remote(text) else folder / text


def _not_whole(header: list[str], places: list[int], cells: list[str]) -> str | None:
    """What is wrong with a line: nothing that it names may be left out without a word."""
    if len(cells) > len(header):
        return f"has {len(cells)} cells, the first line {len(header)}; put a path that holds a comma into quotes"
    if absent := [header[place] for place in places if place >= len(cells)]:
        what = f"has {len(cells)} cells, the first line {len(header)}, so that {' and '.join(absent)}"
        return f"{what} {'is' if len(absent) == 1 else 'are'} not there; write every cell, an empty one too"
    if (refused := next(filter(None, (of_another_scheme(cells[place]) for place in places[1:])), None)) is not None:
        return refused
    empty = [header[place] for place in places if not cells[place] and header[place] != "prediction"]
    return f"the cell of {' and '.join(empty)} is empty; fill it in or remove the line" if empty else None


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The line number and cells of each row."""
    text = _text(path)
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")  # spreadsheets of some languages write ;
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as problem:
        raise UnreadableFile(f"{path}: line {reader.line_num} is no CSV ({problem}); check its quotes") from None


def _text(path: Path) -> str:
    """The text without a byte order mark; at most 64 MiB of UTF-8."""
    with open_regular_file(path) as file:
        try:
            content = file.read(_MOST_BYTES + 1)
        except OSError as problem:
            raise UnreadableFile(f"{path}: reading failed ({problem.strerror}); check the disk") from None
    if len(content) > _MOST_BYTES:
        raise UnreadableFile(f"{path}: is larger than {_MOST_BYTES // 2**20} MiB; a manifest is a short CSV file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UnreadableFile(f"{path}: is no UTF-8 text (byte {problem.start}); save it as CSV in UTF-8") from None


def _used_twice(pairs: list[CasePair]) -> tuple[str, ...]:
    """A prediction of several cases may be meant, or a line copied and not changed."""
    cases: dict[Path, list[str]] = {}
    for pair in pairs:
        if pair.prediction is not None:
            cases.setdefault(pair.prediction, []).append(pair.case)
    return tuple(
        f"{path}: is the prediction of {len(names)} cases: {named(names)}"
        for path, names in cases.items()
        if len(names) > 1
    )

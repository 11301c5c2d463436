"""Label files: which values a segmentation holds, what they are called, and which of them form regions.

Read are nnU-Net's ``dataset.json``, plain JSON and TOML, BIDS ``dseg.tsv``, ITK-SNAP label descriptions and
FreeSurfer look-up tables. The file's ending decides where it belongs to one format, else its content does.
"""

from __future__ import annotations

import csv
import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from segeval.errors import LabelError, UnreadableFile, UsageError
from segeval.results.strict_json import Twins, json_without_twins
from segeval.targets import BACKGROUND, LabelChoice, Region
from segeval.words.printable import quoted, shortened

_MOST_BYTES = 16 * 2**20
_MOST_BITS = 63

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_TOML_ASSIGNMENT = re.compile(r"""^[ \t]*(?:"[^"\n]*"|'[^'\n]*'|[\w.-]+)[ \t]*=""", re.MULTILINE)
_ITK_SNAP_LINE = re.compile(r'(\S+)(?:\s+\S+){6}\s+"(.*)"')

_WITHIN_LABELS = ("ignore", "ignore_label", "regions")  # what people write beside nnU-Net's labels

_FieldsOf = Callable[[str], tuple[str, str] | None]  # a line's index and name, None for any other line


class _Entry(NamedTuple):
    """One name of a label file with the label values it stands for; an empty name is no name."""

    name: str
    values: tuple[int, ...]
    is_region: bool = False

    @property
    def is_background(self) -> bool:
        return set(self.values) == {BACKGROUND}


class _Format(NamedTuple):
    """A format of label files: ``ending`` is its alone, if any; ``recognises`` judges text under other endings."""

    title: str
    ending: str | None
    recognises: Callable[[str], bool]
    read: Callable[[Path, str], LabelChoice]


def read_label_file(path: Path) -> LabelChoice:
    """The labels and regions that the file lists.

    In a region-based file the regions stand in the file's order, which is the order of the channels of a
    probability map. Raises UnreadableFile for what is no label file, LabelError for one that contradicts itself.
    """
    text = _text_of(path)
    named = [known for known in _FORMATS if path.suffix.lower() == known.ending]
    for known in named or _FORMATS:
        if named or known.recognises(text):
            return known.read(path, text)
    raise _unrecognised(path)


def _text_of(path: Path) -> str:
    """The file's text without a byte order mark; at most 16 MiB of UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise UnreadableFile(f"{shortened(path, 300)}: cannot be read ({reason}); name a label file") from None
    if len(content) > _MOST_BYTES:
        raise UnreadableFile(f"{path}: larger than 16 MiB, too large for a label file; name a label file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UnreadableFile(f"{path}: not UTF-8 text (byte {problem.start}); save it as UTF-8") from None
    if not text.strip():
        raise UnreadableFile(f"{path}: the file is empty; name a label file")
    return text


def _unrecognised(path: Path) -> UnreadableFile:
    known = ", ".join(known.title for known in _FORMATS)
    return UnreadableFile(f"{path}: not a label file of a known format; known are {known}")


def _read_json(path: Path, text: str) -> LabelChoice:
    """An object ``labels`` makes it nnU-Net's (source: its dataset_format.md), else the top level is read."""
    table = _parsed(path, "JSON", json_without_twins, text)
    if not isinstance(table, dict):
        raise _unrecognised(path)
    if isinstance(labels := table.get("labels"), dict):
        if strayed := [key for key in _WITHIN_LABELS if key in table]:
            advice = 'make it an entry of \'labels\', like "ignore": 4 or "tumour": [1, 2]'
            raise LabelError(f"{path}: nobody reads {quoted(strayed[0])} beside nnU-Net's 'labels'; {advice}")
        return _nnunet_choice(path, labels)
    return _choice(path, *_entries_and_ignore(path, table))


def _read_toml(path: Path, text: str) -> LabelChoice:
    """Names and values at top level."""
    import tomllib  # here, because it takes 8 ms and few label files are TOML

    return _choice(path, *_entries_and_ignore(path, _parsed(path, "TOML", tomllib.loads, text)))


def _parsed(path: Path, language: str, parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except Twins as problem:
        raise LabelError(f"{path}: {problem}; keep one of them") from None
    except (ValueError, RecursionError) as problem:
        raise UnreadableFile(f"{path}: not valid {language} ({problem}); correct it") from None


def _nnunet_choice(path: Path, labels: Mapping[str, object]) -> LabelChoice:
    """nnU-Net's reading: one value that is a list of several makes every foreground entry a region."""
    entries, ignore = _entries_and_ignore(path, labels)
    for entry in entries:
        if entry.name == "background" and not entry.is_background:
            raise LabelError(f"{path}: 'background' is {quoted(entry.values)}; in nnU-Net it must be 0")
    has_regions = any(len(set(entry.values)) > 1 for entry in entries)
    return _choice(path, [entry._replace(is_region=has_regions) for entry in entries], ignore)


def _entries_of(path: Path, table: Mapping[str, object]) -> list[_Entry]:
    """The table's entries in its order, be they name to value(s) or, where every key is an integer, value to name."""
    if all(_INTEGER.fullmatch(key) and isinstance(name, str) for key, name in table.items()):
        return [_Entry(_name(path, str(name)), (_label_value(path, "a key", int(key)),)) for key, name in table.items()]
    entries: dict[str, _Entry] = {}
    for key, value in table.items():
        name = _name(path, key)
        if name in entries:
            raise LabelError(f"{path}: the name {quoted(name)} is there twice; give each entry its own name")
        members = value if isinstance(value, list) and name != "ignore" else [value]
        if not members:
            raise LabelError(f"{path}: {quoted(name)} is an empty list; write its label values, like [1, 2]")
        values = tuple(_label_value(path, quoted(name), member) for member in members)
        entries[name] = _Entry(name, values, is_region=isinstance(value, list))
    return list(entries.values())


def _entries_and_ignore(path: Path, table: Mapping[str, object]) -> tuple[list[_Entry], int | None]:
    """The table's entries, without the one called ``ignore`` (lower case, as in nnU-Net), and its label value."""
    entries = _entries_of(path, table)
    ignored = {entry.values[0] for entry in entries if entry.name == "ignore"}
    if len(ignored) > 1:
        raise LabelError(f"{path}: several labels are called 'ignore' ({quoted(ignored)}); keep one of them")
    return [entry for entry in entries if entry.name != "ignore"], next(iter(ignored), None)


def _read_bids(path: Path, text: str) -> LabelChoice:
    """The columns ``index`` and ``name``; ``n/a`` is no name. Source: BIDS, "Common image-derived labels"."""
    lines = csv.reader(text.splitlines(), delimiter="\t", strict=True)
    entries: list[_Entry] = []
    try:
        header = [title.strip() for title in next(lines, [])]
        if "index" not in header or "name" not in header:
            raise UnreadableFile(f"{path}: a dseg.tsv needs the tab-separated columns 'index' and 'name'; add them")
        if twice := [title for title in ("index", "name") if header.count(title) > 1]:
            raise LabelError(f"{path}: the column {quoted(twice[0])} is there twice; keep one of them")
        index, name = header.index("index"), header.index("name")
        for row in filter(any, lines):
            if len(row) <= max(index, name):
                raise UnreadableFile(f"{path}: line {lines.line_num} lacks columns; separate them by tabs")
            if any(cell.strip() for cell in row[len(header) :]):  # tabs alone name nothing
                cells = f"{len(row)} cells under {len(header)} titles"
                raise UnreadableFile(f"{path}: line {lines.line_num} has {cells}; remove one, or give it a title")
            value = _label_value(path, f"the index in line {lines.line_num}", _number(row[index].strip()))
            entries.append(_Entry(_name(path, "" if row[name].strip() == "n/a" else row[name]), (value,)))
    except csv.Error as problem:
        raise UnreadableFile(f"{path}: line {lines.line_num} is damaged ({problem}); correct it") from None
    return _choice(path, entries)


def _read_lines(fields_of: _FieldsOf, wanted: str, path: Path, text: str) -> LabelChoice:
    """One label a line, whose index and name ``fields_of`` finds; ``wanted`` tells the reader what a line is."""
    entries: list[_Entry] = []
    for number, line in _content_lines(text):
        fields = fields_of(line)
        if fields is None:
            raise UnreadableFile(f"{path}: line {number} is {quoted(line)}; write it as {wanted}")
        value = _label_value(path, f"the index in line {number}", _number(fields[0]))
        entries.append(_Entry(_name(path, fields[1]), (value,)))
    return _choice(path, entries)


def _itk_snap_fields(line: str) -> tuple[str, str] | None:
    """Of ``IDX R G B A VIS MSH "LABEL"``. Source: the header that ITK-SNAP writes into these files."""
    fields = _ITK_SNAP_LINE.fullmatch(line)
    return (fields[1], fields[2]) if fields else None


def _freesurfer_fields(line: str) -> tuple[str, str] | None:
    """Of ``No. Name R G B A``; what follows (a tissue class, say) is left out. Source: FreeSurferColorLUT.txt."""
    fields = line.split()
    is_colour = [bool(_INTEGER.fullmatch(part)) for part in fields[2:6]] == [True] * 4
    return (fields[0], fields[1]) if is_colour else None


def _holds_a_line(fields_of: _FieldsOf, text: str) -> bool:
    return any(fields_of(line) is not None for _, line in _content_lines(text))


def _content_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor ``#`` comments, stripped, with their numbers from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _number(text: str) -> int | str:
    """The integer that the text writes, else the text itself, for ``_label_value`` to refuse."""
    return int(text) if _INTEGER.fullmatch(text) else text


def _label_value(path: Path, place: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MOST_BITS:
        return value
    raise LabelError(f"{path}: {place} is {quoted(value)}, not a label value; write an integer (64 bits at most)")


def _name(path: Path, text: str) -> str:
    """The name with single spaces; what would garble a table or cannot be written as UTF-8 is refused."""
    name = " ".join(text.split())
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise LabelError(f"{path}: the name {quoted(name)} holds a character that cannot be printed; remove it")
    return name


def _choice(path: Path, entries: Sequence[_Entry], ignore: int | None = None) -> LabelChoice:
    """The choice of these entries: of the regions' plain values where regions are all there is."""
    for entry in entries:
        if ignore in entry.values:
            raise LabelError(f"{path}: {quoted(entry.name)} holds the 'ignore' label {ignore}; give 'ignore' its own")
    foreground = [entry for entry in entries if not entry.is_background]
    regions = [entry for entry in foreground if entry.is_region]
    labels = [entry for entry in foreground if not entry.is_region]
    if not foreground:
        raise LabelError(f"{path}: lists no label other than background; add the labels to evaluate")
    evaluated = {value for entry in labels or regions for value in entry.values}
    try:
        return LabelChoice(
            values=tuple(sorted(evaluated - {BACKGROUND})),
            names=_names_of(path, [entry for entry in entries if entry.is_background] + labels),
            regions=tuple(Region(entry.name, frozenset(entry.values)) for entry in regions),
            ignore=ignore,
            regions_only=not labels,
            from_file=True,
        )
    except UsageError as refusal:
        raise LabelError(f"{path}: {refusal}") from None


def _names_of(path: Path, labels: Iterable[_Entry]) -> dict[int, str]:
    """A name per label value. An entry may be there twice; two names for a value, or two values for a name, not."""
    names: dict[int, str] = {}
    values: dict[str, int] = {}
    for name, (value, *_), _ in labels:
        if names.setdefault(value, name) != name:
            twice = f"the label {value} has two names, {quoted(names[value])} and {quoted(name)}"
            raise LabelError(f"{path}: {twice}; keep one of them")
        if name and values.setdefault(name, value) != value:
            twice = f"the name {quoted(name)} stands for two labels, {values[name]} and {value}"
            raise LabelError(f"{path}: {twice}; give each its own")
    return {value: name for value, name in names.items() if name}


_FORMATS = (
    _Format("nnU-Net dataset.json or other JSON", ".json", lambda text: text.lstrip().startswith("{"), _read_json),
    _Format("BIDS dseg.tsv", ".tsv", lambda text: {"index", "name"} <= set(text.splitlines()[0].split()), _read_bids),
    _Format(
        "ITK-SNAP label descriptions",
        None,
        functools.partial(_holds_a_line, _itk_snap_fields),
        functools.partial(_read_lines, _itk_snap_fields, 'IDX R G B A VIS MSH "LABEL"'),
    ),
    _Format(
        "FreeSurfer look-up table",
        ".ctab",
        functools.partial(_holds_a_line, _freesurfer_fields),
        functools.partial(_read_lines, _freesurfer_fields, "No. Name R G B A, the name without spaces"),
    ),
    _Format("TOML of names and values", ".toml", lambda text: bool(_TOML_ASSIGNMENT.search(text)), _read_toml),
)

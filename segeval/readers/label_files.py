"""Label files: which values a segmentation holds, what they are called, and which of them form regions.

Read are nnU-Net's ``dataset.json``, plain JSON and TOML (of values or colours), BIDS ``dseg.tsv``, ITK-SNAP label
descriptions and FreeSurfer look-up tables. The file's ending decides where it belongs to one format, else its content
does.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from segeval.errors import LabelError, UnreadableFile
from segeval.files.remote import is_remote, located
from segeval.readers.label_entries import (
    COLOUR,
    INTEGER,
    Entry,
    choice_of,
    colour_of,
    colours_of,
    entry_name,
    label_value,
    numbered_by_colour,
    require_a_colour_each,
)
from segeval.readers.label_lines import (
    freesurfer_fields,
    holds_a_line,
    itk_snap_fields,
    read_bids,
    read_lines,
)
from segeval.results.strict_json import Twins, json_without_twins
from segeval.targets import LabelChoice
from segeval.words.printable import quoted, shortened

_MOST_BYTES = 16 * 2**20

_TOML_ASSIGNMENT = re.compile(r"""^[ \t]*(?:"[^"\n]*"|'[^'\n]*'|[\w.-]+)[ \t]*=""", re.MULTILINE)

_WITHIN_LABELS = ("ignore", "ignore_label", "regions")  # what people write beside nnU-Net's labels


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
    named = [known for known in _FORMATS if path.suffix.lower().replace(".yml", ".yaml") == known.ending]
    for known in named or _FORMATS:
        if named or known.recognises(text):
            return known.read(path, text)
    raise _unrecognised(path)


def _text_of(path: Path) -> str:
    """The file's text without a byte order mark; at most 16 MiB of UTF-8."""
    if is_remote(path):
        raise UnreadableFile(f"{located(path)}: is on another machine; download it")
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
    return _plain_choice(path, table)


def _read_toml(path: Path, text: str) -> LabelChoice:
    """Names and values at top level."""
    import tomllib  # here, because it takes 8 ms and few label files are TOML

    return _plain_choice(path, _parsed(path, "TOML", tomllib.loads, text))


def _plain_choice(path: Path, table: Mapping[str, object]) -> LabelChoice:
    """Of names with their values, or with their colours."""
    entries = _entries_of(path, table)
    return _with_colours(choice_of(path, *_apart_from_ignore(path, entries)), entries, table)


def _with_colours(choice: LabelChoice, entries: Sequence[Entry], table: Mapping[str, object]) -> LabelChoice:
    """With the colour of what is ignored, too."""
    return replace(choice, colours=colours_of(entries), by_colour=True) if _states_colours(table) else choice


def _states_colours(table: Mapping[str, object]) -> bool:
    """Whether every entry has a colour in place of a number. One that is none is refused as no label value is."""
    return bool(table) and all(isinstance(value, str) and COLOUR.fullmatch(value) for value in table.values())


def _read_yaml(path: Path, text: str) -> LabelChoice:
    from segeval.readers.yolo_names import names_in_yaml

    return choice_of(path, [Entry(name, (label,)) for label, name in names_in_yaml(path, text).items()])


def _parsed(path: Path, language: str, parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except Twins as problem:
        raise LabelError(f"{path}: {problem}; keep one of them") from None
    except (ValueError, RecursionError) as problem:
        raise UnreadableFile(f"{path}: not valid {language} ({problem}); correct it") from None


def _nnunet_choice(path: Path, labels: Mapping[str, object]) -> LabelChoice:
    """nnU-Net's reading: one value that is a list of several makes every foreground entry a region."""
    every = _entries_of(path, labels)
    entries, ignore = _apart_from_ignore(path, every)
    for entry in entries:
        if entry.name == "background" and not entry.is_background:
            raise LabelError(f"{path}: 'background' is {quoted(entry.values)}; in nnU-Net it must be 0")
    has_regions = any(len(set(entry.values)) > 1 for entry in entries)
    choice = choice_of(path, [entry._replace(is_region=has_regions) for entry in entries], ignore)
    return _with_colours(choice, every, labels)


def _entries_of(path: Path, table: Mapping[str, object]) -> list[Entry]:
    """In its order: name to value(s), name to colour or, where every key is an integer, value to name or to colour."""
    require_a_colour_each(path, table)
    if all(INTEGER.fullmatch(key) and isinstance(text, str) for key, text in table.items()):
        texts = {label_value(path, "a key", int(key)): str(text) for key, text in table.items()}
        if _states_colours(table):
            return [Entry("", (value,), colour=colour_of(c)) for value, c in texts.items()]
        return [Entry(entry_name(path, str(text)), (int(key),)) for key, text in table.items()]
    if _states_colours(table):
        return numbered_by_colour(path, [(entry_name(path, key), str(text)) for key, text in table.items()])
    entries: dict[str, Entry] = {}
    for key, value in table.items():
        name = entry_name(path, key)
        if name in entries:
            raise LabelError(f"{path}: the name {quoted(name)} is there twice; give each entry its own name")
        members = value if isinstance(value, list) and name != "ignore" else [value]
        if not members:
            raise LabelError(f"{path}: {quoted(name)} is an empty list; write its label values, like [1, 2]")
        values = tuple(label_value(path, quoted(name), member) for member in members)
        entries[name] = Entry(name, values, is_region=isinstance(value, list))
    return list(entries.values())


def _apart_from_ignore(path: Path, entries: Sequence[Entry]) -> tuple[list[Entry], int | None]:
    """The entries without the one called ``ignore`` (lower case, as in nnU-Net), and its label value."""
    ignored = {entry.values[0] for entry in entries if entry.name == "ignore"}
    if len(ignored) > 1:
        raise LabelError(f"{path}: several labels are called 'ignore' ({quoted(ignored)}); keep one of them")
    return [entry for entry in entries if entry.name != "ignore"], next(iter(ignored), None)


_FORMATS = (
    _Format("nnU-Net dataset.json or other JSON", ".json", lambda text: text.lstrip().startswith("{"), _read_json),
    _Format("BIDS dseg.tsv", ".tsv", lambda text: {"index", "name"} <= set(text.splitlines()[0].split()), read_bids),
    _Format(
        "ITK-SNAP label descriptions",
        None,
        functools.partial(holds_a_line, itk_snap_fields),
        functools.partial(read_lines, itk_snap_fields, 'IDX R G B A VIS MSH "LABEL"'),
    ),
    _Format(
        "FreeSurfer look-up table",
        ".ctab",
        functools.partial(holds_a_line, freesurfer_fields),
        functools.partial(read_lines, freesurfer_fields, "No. Name R G B A, the name without spaces"),
    ),
    _Format("TOML of names and values", ".toml", lambda text: bool(_TOML_ASSIGNMENT.search(text)), _read_toml),
    _Format("YOLO data.yaml", ".yaml", lambda _: False, _read_yaml),
)

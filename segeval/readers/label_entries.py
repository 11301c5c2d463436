"""The entries of a label file, whichever its format, and the choice of labels that they make."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from segeval.errors import LabelError, UsageError
from segeval.targets import BACKGROUND, LabelChoice, Region
from segeval.words.colours import hex_colour
from segeval.words.printable import quoted

INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_MOST_BITS = 63


class Entry(NamedTuple):
    """One name of a label file with the label values it stands for; an empty name is no name.

    colour: of its pixels in a colour picture, ``#rrggbb`` in lower case; empty where none is stated. miscoloured: what
    is wrong with one that is stated.
    """

    name: str
    values: tuple[int, ...]
    is_region: bool = False
    colour: str = ""
    miscoloured: str = ""

    @property
    def is_background(self) -> bool:
        return set(self.values) == {BACKGROUND}


def label_value(path: Path, place: str, value: object) -> int:
    """The integer that stands there. Raises LabelError."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MOST_BITS:
        return value
    raise LabelError(f"{path}: {place} is {quoted(value)}, not a label value; write an integer (64 bits at most)")


def entry_name(path: Path, text: str) -> str:
    """The name with single spaces; what would garble a table or cannot be written as UTF-8 is refused."""
    name = " ".join(text.split())
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise LabelError(f"{path}: the name {quoted(name)} holds a character that cannot be printed; remove it")
    return name


def colour_of(text: str) -> str:
    """``#rrggbb`` as it is compared; nothing for what is no such colour, which is for show alone."""
    return text.lower() if COLOUR.fullmatch(text) else ""


def colour_of_parts(parts: Sequence[str]) -> str:
    """Of red, green and blue from 0 to 255; nothing for what is no such colour."""
    values = [int(part) for part in parts if INTEGER.fullmatch(part)]
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        return ""
    return hex_colour(values)


def numbered_by_colour(path: Path, named: Sequence[tuple[str, str]]) -> list[Entry]:
    """Entries that state a name and a colour, and no number: they are numbered from 1 in their order.

    What is called background is 0. Raises LabelError for a colour twice.
    """
    entries: list[Entry] = []
    seen: dict[str, str] = {}
    label = 0
    for name, text in named:
        colour = colour_of(text)
        if (other := seen.setdefault(colour, name)) != name:
            raise LabelError(f"{path}: {quoted(other)} and {quoted(name)} have the colour {colour}; give each its own")
        is_background = name.casefold() == "background"
        label += not is_background
        entries.append(Entry(name, (BACKGROUND if is_background else label,), colour=colour))
    return entries


def require_a_colour_each(path: Path, table: Mapping[str, object]) -> None:
    """Raises LabelError where some entries state colours and others do not."""
    coloured = {key: isinstance(value, str) and bool(COLOUR.fullmatch(value)) for key, value in table.items()}
    if not any(coloured.values()) or all(coloured.values()):
        return
    other, one = (next(key for key, is_colour in coloured.items() if is_colour is found) for found in (False, True))
    raise LabelError(
        f"{path}: {quoted(other)} is {quoted(table[other])}, which is no colour, and {quoted(one)} has one "
        f"({quoted(table[one])}); give every entry a colour of six digits like '#804080', or none of them"
    )


def choice_of(path: Path, entries: Sequence[Entry], ignore: int | None = None) -> LabelChoice:
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
            colours=colours_of(entries),
            miscoloured=next((entry.miscoloured for entry in entries if entry.miscoloured), ""),
        )
    except UsageError as refusal:
        raise LabelError(f"{path}: {refusal}") from None


def colours_of(entries: Iterable[Entry]) -> dict[str, tuple[int, ...]]:
    """The labels of each colour, in the order of the file."""
    found: dict[str, dict[int, None]] = {}
    for entry in entries:
        if entry.colour:
            found.setdefault(entry.colour, {})[entry.values[0]] = None
    return {colour: tuple(labels) for colour, labels in found.items()}


def _names_of(path: Path, labels: Iterable[Entry]) -> dict[int, str]:
    """A name per label value. An entry may be there twice; two names for a value, or two values for a name, not."""
    names: dict[int, str] = {}
    values: dict[str, int] = {}
    for name, (value, *_), *_ in labels:
        if names.setdefault(value, name) != name:
            twice = f"the label {value} has two names, {quoted(names[value])} and {quoted(name)}"
            raise LabelError(f"{path}: {twice}; keep one of them")
        if name and values.setdefault(name, value) != value:
            twice = f"the name {quoted(name)} stands for two labels, {values[name]} and {value}"
            raise LabelError(f"{path}: {twice}; give each its own")
    return {value: name for value, name in names.items() if name}

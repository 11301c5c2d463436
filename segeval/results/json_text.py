"""JSON that people and line-based diffs can read: one row, statistic or entry of the confusion per line."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, overload

import msgspec
from msgspec.structs import asdict

from segeval.results.rows import ABSENT, Label, Line, Rows, counts_behind

_ENCODER = msgspec.json.Encoder(enc_hook=float)  # of NumPy's numbers
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])

ConfusionEntry = tuple[int | tuple[int, ...], int | tuple[int, ...], int]
_CONFUSION = msgspec.json.Decoder(tuple[ConfusionEntry, ...])


class StoredConfusion(Sequence[ConfusionEntry]):
    """Entries of a joint histogram, kept as the JSON that they are and decoded when they are asked for."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def _entries(self) -> tuple[ConfusionEntry, ...]:
        return _CONFUSION.decode(self.text)

    def __len__(self) -> int:
        return len(self._entries())

    @overload
    def __getitem__(self, index: int) -> ConfusionEntry: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ConfusionEntry, ...]: ...
    def __getitem__(self, index: int | slice) -> ConfusionEntry | tuple[ConfusionEntry, ...]:
        return self._entries()[index]

    def __iter__(self) -> Iterator[ConfusionEntry]:
        return iter(self._entries())

    def __eq__(self, other: object) -> bool:
        return self._entries() == tuple(other) if isinstance(other, (StoredConfusion, tuple)) else NotImplemented

    def __repr__(self) -> str:
        return repr(self._entries())

    __hash__ = None  # type: ignore[assignment]


class StoredDetails(Mapping[str, Any]):
    """What a case's JSON holds beside its rows, kept as JSON and decoded when it is asked for."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def decoded(self) -> dict[str, Any]:
        """All of it, as plain lists and dicts."""
        found: dict[str, Any] = msgspec.json.decode(self.text)
        return found

    def _parts(self) -> dict[str, msgspec.Raw]:
        return _PARTS.decode(self.text)

    def __getitem__(self, name: str) -> Any:
        return msgspec.json.decode(self._parts()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts())

    def __len__(self) -> int:
        return len(self._parts())

    def __repr__(self) -> str:
        return repr(self.decoded())


_MOST_TEMPLATES = 10_000
_VIEWS = {Rows, StoredConfusion}
_NESTING = {dict, list, tuple, *_VIEWS}


def compact(value: Any) -> str:
    """JSON without spaces."""
    return _ENCODER.encode(value).decode()


def on_a_line(value: Any) -> str:
    """JSON on a line, NaN nowhere in it."""
    try:
        return msgspec.json.format(_ENCODER.encode(value), indent=0).decode()
    except UnicodeEncodeError:  # a file's name that is no text
        return json.dumps(value, allow_nan=False, ensure_ascii=False)


def laid_out(value: Any, depth: int = 0) -> str:
    """JSON of plain values, `Rows` and `StoredConfusion`, so deep in a document."""
    if type(value) is Rows:
        return _bracketed("[", list(_row_texts(value)), "]", depth)
    if type(value) is StoredConfusion:
        return _confusion_text(value.text, depth)
    if not (nested := _nested(value)):
        return on_a_line(value)
    if isinstance(value, dict):
        parts = [f"{_name(k)}: {laid_out(v, depth + 1)}" for k, v in value.items()]
        return _bracketed("{", parts, "}", depth)
    return _bracketed("[", [_entry_text(entry, depth + 1) for entry in nested], "]", depth)


def pieces(document: Mapping[str, Any], key: str, entries: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """``laid_out(document)`` in pieces, where the list ``key`` holds these entries, each made when its turn comes."""
    opening = "{"
    for name, value in document.items():
        yield f"{opening}\n {on_a_line(name)}: "
        opening = ","
        if name != key:
            yield laid_out(value, 1)
            continue
        before = "[\n  "
        for entry in entries:
            yield before + _entry_text(entry, 2)
            before = ",\n  "
        yield "[]" if before[0] == "[" else "\n ]"
    yield "\n}"


def _bracketed(opening: str, parts: Sequence[str], closing: str, depth: int) -> str:
    """Each part on a line, or the brackets alone."""
    if not parts:
        return opening + closing
    inner, outer = "\n" + " " * (depth + 1), "\n" + " " * depth
    return opening + inner + ("," + inner).join(parts) + outer + closing


@lru_cache(maxsize=1024)
def _name(key: object) -> str:
    return on_a_line(str(key))


def _entry_text(entry: Any, depth: int) -> str:
    """An entry of a list: on a line, unless what it holds holds lists itself."""
    return laid_out(entry, depth) if any(map(_nested, _nested(entry))) else on_a_line(entry)


def _nested(value: Any) -> list[Any]:
    """What a dict or list holds, where some of it is a dict or list itself; else nothing."""
    if type(value) in _VIEWS:
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [] if _NESTING.isdisjoint(map(type, children)) else list(children)


def _confusion_text(text: str, depth: int) -> str:
    entries = text[1:-1]
    if entries.replace("],[", ",").count("[") != 1:  # none, or labels of overlapping masks
        return laid_out(msgspec.json.decode(text), depth)
    return _bracketed("[", [f"[{entry}]" for entry in entries[1:-1].replace(",", ", ").split("], [")], "]", depth)


def _row_texts(rows: Rows) -> Iterator[str]:
    """Each row on a line.

    Rows of a label differ in their numbers alone, so all else is made once, and the numbers of a case are encoded
    together: a third of the time of a dict per row.
    """
    table = rows.table
    known, width = _templates(table.keys), len(table.keys)
    kinds, numbers = table.kinds_of(rows.numbers), table.numbers_of(rows.numbers)
    texts = compact(numbers)[1:-1].split(",")
    for place, number in enumerate(rows.numbers):
        line, cells = table.line(number), slice(place * width, (place + 1) * width)
        key = (line.label, line.name, kinds[cells])
        if key not in known:
            if len(known) > _MOST_TEMPLATES:
                known.clear()
            known[key] = _template(line, table.keys, kinds[cells])
        around, held = known[key]
        parts = around.copy()  # another thread may be writing such a row, too
        parts[1::2] = texts[cells] if held is None else [texts[cells.start + at] for at in held]
        text = "".join(parts)
        packed = table.packed_means(number)
        yield text if packed is None else f'{text[:-1]}, "n": {_counts_text(table.keys, packed.tobytes())}}}'


@lru_cache(maxsize=1024)
def _counts_text(keys: tuple[str, ...], packed: bytes) -> str:
    """How many values stand behind each mean: most cases of a batch have the same."""
    return on_a_line(counts_behind(keys, array("i", packed))[0])


_Template = tuple[list[str], list[int] | None]


@lru_cache(maxsize=4)
def _templates(keys: tuple[str, ...]) -> dict[tuple[Label, str | None, bytes], _Template]:
    """Those that were made of rows of these columns."""
    del keys
    return {}


def _template(line: Line, keys: tuple[str, ...], kinds: bytes) -> _Template:
    """The text around a row's numbers, with a place for each, and which these are; None where it has all of them."""
    held = [place for place, kind in enumerate(kinds) if kind != ABSENT]
    around = ["{" + ", ".join(f"{on_a_line(key)}: {on_a_line(value)}" for key, value in asdict(line).items())]
    for place in held:
        around[-1] += f", {on_a_line(keys[place])}: "
        around += ["", ""]
    around[-1] += "}"
    return around, None if len(held) == len(keys) else held

"""JSON documents with one long list, read an entry at a time.

Reports and baselines are laid out over lines, so that an entry can be cut out before it is decoded. What is cut out
and decodes is what the whole text holds there, because no JSON object is the beginning of another one. Text that is
laid out otherwise, or is no JSON, is read whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import open_regular_file
from segeval.results.strict_json import Twins, json_without_twins

_PIECE = 1 << 20
_MOST_BEFORE = 16 << 20  # bytes before the list
_ENTRY = re.compile(rb"\n( *)\{")
_END = re.compile(rb"\s*\]")

Take = Callable[[Any], None]
Decode = Callable[[bytes], Any]


def read_list(
    path: Path,
    key: str,
    first: Collection[str],
    most: int,
    begin: Callable[[Any], Take],
    decode: Decode = json_without_twins,
) -> dict[str, Any]:
    """Hand every entry of the list to what ``begin`` returns, and return the document with an empty list.

    begin: is given the members that stand before the list, at least the ``first`` ones; or whatever else the text
    holds, to refuse it.
    most: bytes of the file. decode: text to values, where msgspec cannot.
    Raises UnreadableFile, NotJson, ValueError for a list that stands there twice, and what ``begin`` and what it
    returned raise.
    """
    with open_regular_file(path) as file:
        if file.seek(0, 2) > most:
            raise UnreadableFile(f"{path}: is larger than {most} bytes; check what it is")
        file.seek(0)
        take, taken = None, 0
        try:
            text = _Text(file)
            before = text.up_to(key)
            members = _decoded(before + b"]}", decode)
            if not isinstance(members, dict) or members.get(key) != [] or not members.keys() >= set(first):
                raise _NotLaidOut  # a list of something inside, or what is needed follows it
            take = begin(members)
            for entry in text.entries():
                take(_decoded(entry, decode))
                taken += 1
            every: dict[str, Any] = _decoded(before + text.rest(), decode)
            if every[key] != []:
                raise ValueError(f"{key} stands there twice")
            return every
        except _NotLaidOut:
            file.seek(0)
            document: dict[str, Any] = _whole(file.read(), decode)  # or what ``begin`` refuses
    take = take or begin(document)
    if key in document:
        for entry in document[key][taken:]:
            take(entry)
        document[key] = []
    return document


class NotJson(Exception):
    """The file's text is no JSON; says why."""


class _NotLaidOut(Exception):
    """The text cannot be read in pieces."""


def _whole(text: bytes, decode: Decode) -> Any:
    try:
        return decode(text)
    except Twins:
        raise
    except (ValueError, RecursionError) as problem:
        raise NotJson(str(problem)) from None


class _Text:
    """The text, as far as it was read and is still of use."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._held, self._at = file, b"", 0

    def up_to(self, key: str) -> bytes:
        """Everything up to the bracket that opens the list, which ends a line."""
        opening = re.compile(rb'\n *"' + re.escape(key.encode()) + rb'": ?\[(?=\n)')
        while (found := opening.search(self._held, max(0, self._at - 100))) is None:
            self._at = len(self._held)
            if self._at > _MOST_BEFORE:
                raise _NotLaidOut
            self._more()
        self._at = found.end()
        return self._held[: self._at]

    def entries(self) -> Iterator[bytes]:
        """Each entry of the list, until the bracket that closes it is next."""
        comma, first = False, True
        while True:
            self._drop()
            while len(self._held) - self._at < 1000 and self._grows():
                pass
            found = _ENTRY.match(self._held, self._at)
            if found is None or not (comma or first):
                if comma or _END.match(self._held, self._at) is None:
                    raise _NotLaidOut
                return
            end = self._end(found)
            yield self._held[found.end() - 1 : end]
            comma = self._held[end : end + 1] == b","
            self._at, first = end + comma, False

    def rest(self) -> bytes:
        """What follows the entries."""
        return self._held[self._at :] + self._file.read()

    def _end(self, found: re.Match[bytes]) -> int:
        """Where an entry ends: on its line, or with the bracket that stands as far to the right as its first one."""
        several = self._held[found.end() : found.end() + 1] == b"\n"
        marker, at = (b"\n" + found[1] + b"}" if several else b"\n"), found.end()
        while (place := self._held.find(marker, at)) < 0:
            at = max(found.end(), len(self._held) - len(marker))
            self._more()
        if several:
            return place + len(marker)
        return place - (self._held[place - 1 : place] == b",")

    def _drop(self) -> None:
        if self._at > _PIECE:
            self._held, self._at = self._held[self._at :], 0

    def _grows(self) -> bool:
        piece = self._file.read(
            max(_PIECE, len(self._held))
        )  # more and more, for a large entry is not to be copied often
        self._held += piece
        return bool(piece)

    def _more(self) -> None:
        if not self._grows():
            raise _NotLaidOut


def _decoded(text: bytes, decode: Decode) -> Any:
    try:
        found = msgspec.json.decode(text)
        if _may_hold_twins(text, found):
            json_without_twins(text)
        return found
    except Twins:
        raise
    except (ValueError, RecursionError):  # of names that are no text, too
        pass
    try:
        return decode(text)
    except Twins:
        raise
    except (ValueError, RecursionError):
        raise _NotLaidOut from None


def _may_hold_twins(text: bytes, found: Any) -> bool:
    """Whether the text names more keys than came out of it: msgspec keeps the last of two without a word.

    A key that is lost takes its colon along, so that as many colons in what was found are proof. The rows, most of
    what there is, need not be written for that.
    """
    colons = text.count(b":")
    if type(found) is dict and (colons == len(found) or colons == _keys_of_rows(found)):
        return False
    try:
        return b"\\u00" in text or colons != msgspec.json.encode(found).count(b":")  # a colon may be written \u003a
    except (ValueError, OverflowError, RecursionError):
        return True


def _keys_of_rows(entry: dict[str, Any]) -> int:
    """How many keys a case, its rows and the counts behind their means have: never more than the whole entry."""
    keys = len(entry)
    for value in entry.values():
        if type(value) is list and value and set(map(type, value)) == {dict}:
            keys += sum(map(len, value)) + sum(len(row["n"]) for row in value if type(row.get("n")) is dict)
    return keys

"""Label names inside volumes: TotalSegmentator's, Caret's and CIFTI's tables in NIfTI extensions, and AFNI's.

They are words beside the voxels: what cannot be read of them is a remark, and no error.
Source: the NIfTI-1 standard (extensions), README.attributes of AFNI; Caret's table as TotalSegmentator 2 writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from segeval.words.printable import printable, shortened

_MOST_LABELS = 1 << 16
_LONGEST_NAME = 200
_COMMENT, _CARET, _CIFTI = 0, 30, 32  # codes of extensions: TotalSegmentator writes its table as an unknown one
_STARTS = {_COMMENT: b"<?xml", _CARET: b"<?xml", _CIFTI: b"<"}
_KEY = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_AFNI_TABLE = re.compile(
    r"name[ \t]*=[ \t]*VALUE_LABEL_DTABLE[ \t]*\ncount[^\n]*\n(.*?)(?:\n[ \t]*\n|\Z)", re.ASCII | re.DOTALL
)
_AFNI_PAIR = re.compile(r'"(-?[0-9]{1,18})"\s+"([^"]*)"', re.ASCII)


class _NoTable(Exception):
    """Why a table cannot be read."""


def extensions(content: bytes, byte_order: Literal["<", ">"]) -> Iterator[tuple[int, bytes]]:
    """Code and text of each extension of what lies between a NIfTI's header and its voxels."""
    order: Literal["little", "big"] = "little" if byte_order == "<" else "big"
    place = 4
    while content[:1] != b"\0" and place + 8 <= len(content):
        size, code = (int.from_bytes(content[at : at + 4], order) for at in (place, place + 4))
        if size < 8 or place + size > len(content):
            break
        yield code, content[place + 8 : place + size].rstrip(b"\0 \t\r\n")
        place += size


def names_in_extensions(content: bytes, byte_order: Literal["<", ">"]) -> tuple[dict[int, str], list[str]]:
    """Names by label value of what lies between a NIfTI's header and its voxels, and words on what cannot be read."""
    for code, text in extensions(content, byte_order):
        if code in _STARTS and text.lstrip().startswith(_STARTS[code]) and b"<LabelTable" in text:
            try:
                return _of_caret(text), []
            except _NoTable as problem:
                return {}, [f"its table of label names cannot be read ({problem}); labels are shown by number"]
    return {}, []


def names_in_afni(head: str) -> tuple[dict[int, str], list[str]]:
    """Names by label value of the text of an AFNI .HEAD, and words on what cannot be read."""
    if (table := _AFNI_TABLE.search(head)) is None:
        return {}, []
    from html import unescape

    try:
        return _named([(key, unescape(name)) for key, name in _AFNI_PAIR.findall(table[1])]), []
    except _NoTable as problem:
        return {}, [f"its VALUE_LABEL_DTABLE cannot be read ({problem}); labels are shown by number"]


def _of_caret(text: bytes) -> dict[int, str]:
    """``<Label Key="1" …>name</Label>``. Raises _NoTable."""
    from xml.parsers import expat

    found: list[tuple[str, str]] = []
    words: list[str] = []
    parser = expat.ParserCreate()

    def start(element: str, attributes: dict[str, str]) -> None:
        words.clear()
        if element == "Label":
            found.append((attributes.get("Key", ""), ""))

    def end(element: str) -> None:
        if element == "Label":
            found[-1] = (found[-1][0], "".join(words))

    def doctype(*_: object) -> None:
        raise _NoTable("it declares entities")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = words.append
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError) as problem:
        raise _NoTable(shortened(problem)) from None
    return _named(found)


def _named(pairs: list[tuple[str, str]]) -> dict[int, str]:
    """Names in a line by value; empty ones are none. Raises _NoTable."""
    names: dict[int, str] = {}
    if len(pairs) > _MOST_LABELS:
        raise _NoTable(f"it has {len(pairs)} labels")
    for key, text in pairs:
        name = shortened(" ".join(printable(" ".join(text.split())).split()), _LONGEST_NAME)
        if _KEY.fullmatch(key) is None:
            raise _NoTable(f"{shortened(printable(key), 40)!r} is no label")
        if name and names.setdefault(int(key), name) != name:
            raise _NoTable(f"label {int(key)} has two names, {names[int(key)]!r} and {name!r}")
    return names

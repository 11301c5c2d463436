"""What can be read, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console

from segeval.outputs.grid import print_words
from segeval.outputs.sheet import print_line
from segeval.results.formats import FormatDocument

_HEADS = ("format", "endings", "read by", "voxels")


def print_formats(formats: Sequence[FormatDocument], console: Console) -> None:
    """A table as wide as there is room, then what is missing and what brings it."""
    rows = [(one["title"], " ".join(one["endings"]), ", ".join(one["libraries"]), one["voxels"]) for one in formats]
    print_words(console, _HEADS, rows)
    missing = [one for one in formats if one["missing"]]
    for number, one in enumerate(missing):
        if not number:
            console.print()
        of = f" for {one['needed_for']}" if one["needed_for"] else ""
        print_line(console, f"{one['title']}: missing{of}; {one['install']}")


def formats_json(formats: Sequence[FormatDocument]) -> str:
    """An array."""
    return json.dumps(formats, indent=1, ensure_ascii=False) + "\n"

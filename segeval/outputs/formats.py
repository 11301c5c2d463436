"""What can be read, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from segeval.outputs import page
from segeval.results.formats import FormatDocument
from segeval.results.strict_json import json_indented

_HEADS = ("format", "endings", "read by", "voxels")


def page_of_formats(formats: Sequence[FormatDocument]) -> list[page.Part]:
    """A table, then what is missing and what brings it."""
    rows = [(one["title"], " ".join(one["endings"]), ", ".join(one["libraries"]), one["voxels"]) for one in formats]
    lacking = [(one, f" for {one['needed_for']}" if one["needed_for"] else "") for one in formats if one["missing"]]
    missing = [f"{one['title']}: missing{of}; {one['install']}" for one, of in lacking]
    table = page.Listing(_HEADS, rows)
    return [page.Section([table]) if missing else table, page.bullets(missing)]


def formats_json(formats: Sequence[FormatDocument]) -> str:
    """An array."""
    return json_indented(formats)

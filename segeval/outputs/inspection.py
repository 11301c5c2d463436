"""What a file holds, and what can be read, as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import asdict

from segeval.results.inspection import SCHEMA, Inspection
from segeval.results.strict_json import json_indented
from segeval.words.printable import printable

_KINDS = {"labels": "label map", "probabilities": "probability map"}


def render_inspection(found: Inspection) -> str:
    """Facts, then the labels or the channels, then remarks."""
    several = f", {len(found.channels)} channels" if len(found.channels) > 1 else ""
    facts = {
        "file": found.file,
        "format": f"{found.format}, by {found.library}, {found.voxels}",
        "kind": f"{_KINDS[found.kind]}{several} ({found.values})",
        "shape": "×".join(map(str, found.shape)),
        "spacing": "none stated" if found.spacing_mm is None else f"{_numbers(found.spacing_mm, '×')} mm",
        "orientation": "none stated" if found.axes is None else found.axes,
        "origin": "none stated" if found.origin_mm is None else f"{_numbers(found.origin_mm, ', ')} mm (RAS+)",
    }
    lines = [f"{title:<11}  {printable(text)}" for title, text in facts.items()]
    if found.kind == "labels":
        lines += [
            "",
            f"{len(found.labels)} label(s), {sum(one.voxels > 0 for one in found.labels)} of them with voxels",
        ]
        rows = [(str(one.label), one.name or "", one.colour or "", str(one.voxels)) for one in found.labels]
        lines += columns(("label", "name", "colour", "voxels"), rows, right=(0, 3))
    else:
        values = [
            (str(one.channel), one.name or "", _number(one.low), _number(one.high), str(one.positive))
            for one in found.channels
        ]
        lines += ["", *columns(("channel", "name", "from", "to", "voxels above 0"), values, right=(0, 2, 3, 4))]
    lines += ["", *(f"remark: {printable(text)}" for text in found.remarks)] if found.remarks else []
    return "\n".join(lines) + "\n"


def render_inspection_json(found: Inspection) -> str:
    """One object; a number that cannot be written is null."""
    return json_indented({"schema": SCHEMA, **asdict(found)})


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Lines of aligned columns; those that are empty throughout are left out. right: the columns aligned there."""
    shown = [place for place in range(len(heads)) if any(row[place] for row in rows)]
    table = [[printable(row[place]) for place in shown] for row in (heads, *rows)]
    widths = [max(map(_cells, column)) for column in zip(*table, strict=True)]
    aligned = [
        [
            " " * (width - _cells(text)) + text if place in right else text + " " * (width - _cells(text))
            for place, text, width in zip(shown, row, widths, strict=True)
        ]
        for row in table
    ]
    return ["  ".join(row).rstrip() for row in aligned] if rows else []


def _cells(text: str) -> int:
    """How many places of a terminal it takes: of a wide letter two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _numbers(values: Iterable[float], separator: str) -> str:
    return separator.join(f"{value + 0.0:.5g}" for value in values)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"

"""``--palette``: what the colours of pictures mean, and what a palette says of its labels beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from segeval.errors import LabelError, UsageError
from segeval.targets import BACKGROUND

if TYPE_CHECKING:
    from segeval.readers.colours import ColourTable
    from segeval.settings.settings import Settings

IDS, OF_LABELS = "ids", "labels"
"""Colours that are numbers, and those of the label file."""
_BLACK = "#000000"


def under_palette(settings: Settings) -> Settings:
    """With the names of the palette's labels and what it ignores, where the user says neither.

    In the colours of a label file black is the background, unless it is a label's. Raises UsageError, LabelError.
    """
    choice, palette = settings.labels, settings.palette
    if choice.by_colour and palette not in (None, OF_LABELS):
        raise UsageError(f"--palette {palette}: the label file says itself what colours mean; leave one of them out")
    if choice.by_colour or palette == OF_LABELS:
        if choice.miscoloured:
            raise LabelError(choice.miscoloured)
        if not choice.colours:
            raise UsageError(
                "--palette labels: --labels names no file that states colours; write one with lines NAME = '#rrggbb'"
            )
        colours = {**choice.colours, _BLACK: choice.colours.get(_BLACK, (BACKGROUND,))}
        return replace(settings, palette=OF_LABELS, labels=replace(choice, colours=colours))
    if palette in (None, IDS):
        return settings
    from segeval.readers.palettes import IGNORED, shipped

    regions = {region.name for region in choice.regions}
    names = choice.names or {v: name for v, name in shipped(str(palette)).names.items() if name not in regions}
    ignored = IGNORED.get(str(palette)) if choice.ignore is None else choice.ignore
    return replace(settings, labels=replace(choice, names=names).with_options(ignore=ignored))


def colour_table(palette: str | None, colours: Mapping[str, tuple[int, ...]]) -> ColourTable | None:
    """The table that pictures are read by; None where colours mean nothing. colours: those of the label file."""
    if palette is None:
        return None
    from segeval.readers.colours import ColourTable

    if palette == IDS:
        return ColourTable("ids", {}, ids=True)
    if palette == OF_LABELS:
        return ColourTable("the label file", colours)
    from segeval.readers.palettes import shipped

    return ColourTable(f"the palette {palette}", shipped(palette).colours)


def palette_signed(settings: Settings) -> str:
    """``palette:voc``; the colours of a label file by a digest of what they mean: ``palette:labels#1f09c2e4``."""
    if settings.palette != OF_LABELS:
        return "" if settings.palette is None else f"palette:{settings.palette}"
    from segeval.files.hashing import new_sha256

    text = ",".join(f"{colour}={labels[0]}" for colour, labels in sorted(settings.labels.colours.items()))
    return f"palette:{OF_LABELS}#{new_sha256(text.encode()).hexdigest()[:8]}"


def palette_document(settings: Settings) -> Mapping[str, Any]:
    """Only where there is one; with the colours of a label file."""
    if settings.palette is None:
        return {}
    if settings.palette != OF_LABELS:
        return {"palette": settings.palette}
    return {"palette": OF_LABELS, "colours": {c: list(labels) for c, labels in settings.labels.colours.items()}}


def colours_of_document(document: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """What `palette_document` wrote of a label file's colours."""
    return {colour: tuple(map(int, labels)) for colour, labels in document.get("colours", {}).items()}

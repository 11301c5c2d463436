"""A single file read once, to its end, and described."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from segeval.cases.opening import class_names, options_of, require_arrays
from segeval.cases.remarks import voxels_by_label
from segeval.cases.unused import unused_palette
from segeval.choices import Kind
from segeval.errors import UsageError
from segeval.kernels.numpy_backend import NumpyBackend
from segeval.readers import Input, open_folder_of_masks, open_input
from segeval.readers.catalogue import CIFTI, format_of
from segeval.results.inspection import ChannelFound, Inspection, LabelFound
from segeval.settings import Settings
from segeval.tallies.tally import Confusion
from segeval.targets import BACKGROUND
from segeval.volumes.memory import require_memory
from segeval.volumes.values import Rounding
from segeval.volumes.volume import Piece, Volume, needs_of

_MANY_LABELS, _BYTE = 100, 255


def inspect_file(path: Path, settings: Settings) -> Inspection:
    """What a volume, or a folder of masks, holds. settings: how it is to be read. Raises SegevalError."""
    given = Input(path)
    with _open(given, settings) as opened:
        volume = opened if opened.drawn_on is None else opened.drawn_on(settings.tolerance)
        _name(volume, settings)
        require_memory(str(given), *needs_of(volume.source))
        kind, labels, channels = _values(volume)
        remarks = [*volume.remarks, *volume.finish()]
        remarks += unused_palette(settings, volume)
        known = format_of(given.file.name) if volume.grayordinates is None else CIFTI
        grid = volume.geometry
        if len(labels) > _MANY_LABELS and labels[-1].label <= _BYTE and not volume.names:
            remarks.append(f"{given}: is it a probability map stored as integers? --scale {_BYTE} scores it as one")
        return Inspection(
            file=str(given),
            format=known.title,
            library=known.library,
            voxels=known.voxels,
            shape=volume.shape,
            spacing_mm=None if grid is None else grid.spacing_mm,
            origin_mm=None if grid is None or not grid.oriented else grid.origin_mm,
            axes=None if grid is None or not grid.oriented else grid.axes,
            kind=kind,
            values=volume.source.dtype.name,
            labels=labels,
            channels=channels,
            remarks=tuple(dict.fromkeys(remarks)),
        )


def _open(given: Input, settings: Settings) -> Volume:
    _require_one_each(settings)
    options = options_of(settings)
    require_arrays(settings, given)
    if not given.is_folder:
        return open_input(given, options)
    from segeval.readers.masks import MaskCodes

    names = class_names([given.masks])
    volume = open_folder_of_masks(given, MaskCodes({name: value for value, name in names.items()}), options)
    volume.names = names
    return volume


def _require_one_each(settings: Settings) -> None:
    """Refuse a ``--key`` or ``--level`` of two files. Raises UsageError."""
    given = {"key": settings.key, "level": settings.level}
    for name, choice in given.items():
        if isinstance(choice, tuple):
            words = ",".join(map(str, choice))
            raise UsageError(
                f"--{name} {words}: is for a prediction and a reference, and one file is inspected; write --{name} "
                f"{choice[0]} or --{name} {choice[1]}"
            )


def _name(volume: Volume, settings: Settings) -> None:
    """Names and colours of the labels as the user or a palette has them, where the file itself has none."""
    table = settings.colour_table
    listed = {} if table is None else {labels[0]: colour for colour, labels in table.labels.items()}
    volume.names = dict(volume.names or settings.labels.names)
    volume.colours = {**listed, **volume.colours}


def _values(volume: Volume) -> tuple[Kind, tuple[LabelFound, ...], tuple[ChannelFound, ...]]:
    """The kind, and the labels of a label map or the ranges of what is none."""
    source = volume.source
    if source.channels > 1 or volume.kind == "probabilities":
        names = [volume.names[label] for label in sorted(volume.names)]
        ranges = [_Range() for _ in range(source.channels)]
        for channel, found in enumerate(ranges):
            for piece in source.pieces(channel):
                found.add(piece)
        named = names if len(names) == source.channels else [None] * source.channels
        return (
            "probabilities",
            (),
            tuple(r.found(n, name) for n, (r, name) in enumerate(zip(ranges, named, strict=True))),
        )
    rounding, found = Rounding(source.shape), _Range()
    kernel = NumpyBackend().label_kernel(None)
    for piece in source.pieces(0):
        if source.dtype.kind == "f":
            found.add(piece)
        labels = piece if source.dtype.kind != "f" else rounding.round(piece)
        kernel.add(labels, np.zeros(labels.size, dtype=np.uint8))
    if rounding.fractional:
        return "probabilities", (), (found.found(0, None),)
    return "labels", tuple(_labels(volume, kernel.confusion())), ()


def _labels(volume: Volume, confusion: Confusion) -> Iterator[LabelFound]:
    """By number, those that are named and have no voxel among them."""
    voxels = voxels_by_label(Confusion(confusion.pairs, volume.sets), 1)
    for label in sorted({*voxels, *volume.names} - {BACKGROUND}):
        yield LabelFound(label, volume.names.get(label), volume.colours.get(label), voxels.get(label, 0))


class _Range:
    """The least and the largest finite value, and how many are above 0."""

    def __init__(self) -> None:
        self._low, self._high, self._positive = math.inf, -math.inf, 0

    def add(self, piece: Piece) -> None:
        """The next values."""
        finite = piece if piece.dtype.kind in "biu" else piece[np.isfinite(piece)]
        if finite.size:
            self._low = min(self._low, float(finite.min()))
            self._high = max(self._high, float(finite.max()))
            self._positive += int(np.count_nonzero(finite > 0))

    def found(self, channel: int, name: str | None) -> ChannelFound:
        """Of the whole channel."""
        any_ = self._low <= self._high
        return ChannelFound(channel, name, self._low if any_ else None, self._high if any_ else None, self._positive)

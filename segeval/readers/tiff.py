"""TIFF, BigTIFF, OME-TIFF and ImageJ's stacks of grey or coloured slices, through tifffile; streamed band by band."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segeval.choices import Kind
from segeval.errors import UnreadableFile
from segeval.files.byte_stream import ByteStream, open_regular_file
from segeval.files.hashing import sha256_of
from segeval.readers.axes import split_axes, with_class_axis
from segeval.readers.colours import Colours
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.readers.tiff_slices import Slice, by_tifffile, verified_slices
from segeval.readers.tiff_spacing import stated_geometry, stated_spacing
from segeval.volumes.volume import PIECE_VOXELS, Piece, Volume, VoxelSource

_VERSIONS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class SliceSource:
    """The slices of a TIFF, a few rows of one held at a time; the channels may be read side by side."""

    in_order = False

    def __init__(self, stream: ByteStream, slices: Sequence[Slice], shape: tuple[int, ...], channels: int) -> None:
        """slices: those of one channel after the other. shape: of one channel."""
        self._stream = stream
        self._slices = slices
        self.shape = shape
        self.channels = channels
        self.dtype = slices[0].dtype

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The voxels of one channel, row by row."""
        each = len(self._slices) // self.channels
        for one in self._slices[channel * each : (channel + 1) * each]:
            for band in one.bands(self._stream.read_at):
                voxels = band.reshape(-1)
                for first in range(0, voxels.size, PIECE_VOXELS):
                    yield voxels[first : first + PIECE_VOXELS]


def open_tiff(path: Path, options: ReadOptions) -> Volume:
    """Open a TIFF. Raises UnreadableFile, GeometryError, UsageError, NotEnoughMemory."""
    with open_regular_file(path) as file:
        start = file.read(512)
    if not start.startswith(_VERSIONS):
        raise UnreadableFile(f"{path}: is no TIFF: it is {recognise(start) or 'damaged; export it again'}")
    stream = ByteStream(path, encoding="raw", on_bytes=options.on_bytes)
    try:
        return _opened(path, stream, options)
    except BaseException:
        stream.close()
        raise


def _opened(path: Path, stream: ByteStream, options: ReadOptions) -> Volume:
    colours = None if options.colours is None else Colours(path, options.colours)
    slices, dims, spacing = _read_directories(path, colours)
    shape, channels, axis = split_axes(path, dims, options.class_axis)
    whole = axis is not None
    plain = SliceSource(stream, slices, dims if whole else shape, 1 if whole else channels)
    source: VoxelSource = plain if axis is None else with_class_axis(path, plain, axis)
    spatial = options.class_axis is not None and options.class_axis < 3
    geometry = None if spacing is None or spatial else stated_geometry(path, source.shape, spacing)

    def finish() -> list[str]:
        stream.require_unchanged()
        return [] if colours is None else colours.remarks()

    def digest() -> str | None:
        found = sha256_of(path) if options.hashed else None
        stream.require_unchanged()
        return found

    kind: Kind | None = "probabilities" if source.channels > 1 else "labels" if source.dtype.kind in "iu" else None
    lossy = [
        f"{path}: is compressed by a method that may change voxels, as JPEG does; check that the labels are those drawn"
    ]
    remarks = lossy if any(one.lossy for one in slices) else []
    return Volume(
        str(path),
        geometry,
        source,
        kind=kind,
        remarks=remarks,
        coloured=any(one.colours is not None for one in slices),
        finish=finish,
        digest=digest,
        close=stream.close,
    )


def _read_directories(
    path: Path, colours: Colours | None
) -> tuple[list[Slice], tuple[int, ...], tuple[float, ...] | None]:
    """The slices in the order of the volume, its shape with the classes last, and the spacing that the file states."""
    with by_tifffile(path):
        import tifffile
    with open_regular_file(path) as file:
        with by_tifffile(path):
            tiff = tifffile.TiffFile(file, name=path.name, _multifile=False)
            _require_no_entities(path, tiff)
        slices = verified_slices(path, tiff, colours)
        rows, columns = slices[0].shape
        with by_tifffile(path):
            if not (tiff.is_ome or tiff.is_imagej):
                dims = (columns, rows) if len(slices) == 1 else (columns, rows, len(slices))
                return slices, dims, None
            order, beyond, third_is_z = _order(path, tiff, len(slices), (rows, columns))
            spacing = stated_spacing(tiff)
        if spacing is not None and beyond and not third_is_z:
            spacing = spacing[:2]
        return [slices[number] for number in order], (columns, rows, *beyond), spacing


def _require_no_entities(path: Path, tiff: Any) -> None:
    """A description in XML defines nothing of its own, which may grow without end."""
    description = tiff.pages[0].description
    if "<!DOCTYPE" in description or "<!ENTITY" in description:
        raise UnreadableFile(f"{path}: its description in XML defines entities; export it without")


def _order(path: Path, tiff: Any, count: int, plane: tuple[int, int]) -> tuple[list[int], tuple[int, ...], bool]:
    """Which slice follows which, the lengths of the axes after the second, and whether the third is z.

    One such axis is the third, whatever it stands for, as in a TIFF that describes nothing; of several, z is.
    """
    newer = callable(tiff.series)  # tifffile since 2026.5.2
    images = tiff.series(squeeze=False) if newer else tiff.series
    if len(images) != 1:
        raise UnreadableFile(f"{path}: holds {len(images)} images; export each as a file")
    series = images[0]
    axes, lengths = (series.axes, series.shape) if newer else (series.get_axes(False), series.get_shape(False))
    axes = axes.removesuffix("S")
    if not axes.endswith("YX") or tuple(lengths[len(axes) - 2 : len(axes)]) != plane:
        raise UnreadableFile(f"{path}: its description states the axes {axes}; export it as slices of y and x")
    numbers = [getattr(page, "index", None) for page in series.pages]
    if len(numbers) != count or set(numbers) != set(range(count)):
        raise UnreadableFile(
            f"{path}: its description promises {len(numbers)} slices, of which the file holds {count}; copy or export "
            "it again"
        )
    named = [(axis, n) for axis, n in zip(axes[:-2], lengths, strict=False) if n > 1]
    grid = np.array(numbers).reshape([n for _, n in named])
    fastest_last = sorted(range(len(named)), key=lambda at: named[at][0] == "Z")
    grid = grid.transpose(fastest_last)
    third_is_z = bool(named) and named[fastest_last[-1]][0] == "Z"
    beyond = grid.shape if third_is_z or len(named) < 2 else (*grid.shape, 1)
    return [int(number) for number in grid.ravel()], tuple(int(n) for n in reversed(beyond)), third_is_z

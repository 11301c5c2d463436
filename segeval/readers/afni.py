"""AFNI's .HEAD and .BRIK; the voxels are streamed.

The attributes are read here, strictly; what they mean, nibabel knows. Left to itself it takes a damaged byte order
for the machine's, ignores how many values an attribute promises, and never reaches the checksum of a .BRIK.gz.
Source: README.attributes of AFNI (afni.nimh.nih.gov).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import UnreadableFile
from segeval.readers.affines import require_usable_affine
from segeval.readers.axes import split_axes, with_class_axis
from segeval.readers.label_tables import names_in_afni
from segeval.readers.layout import BlockSource, Layout, open_stream
from segeval.readers.reader import ReadOptions
from segeval.readers.through_nibabel import by_nibabel, require_label_or_probability_type
from segeval.readers.two_files import numbers, read_text_header, unusable, whole_numbers
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import DerivedSource, Piece, Volume, VoxelSource

_ATTRIBUTE = re.compile(
    r"type[ \t]*=[ \t]*(string|integer|float)-attribute[ \t]*\n"
    r"name[ \t]*=[ \t]*(\w+)[ \t]*\n"
    r"count[ \t]*=[ \t]*([0-9]{1,9})[ \t]*\n(.*)",
    re.ASCII | re.DOTALL,
)
_BYTE_ORDERS = ("LSB_FIRST", "MSB_FIRST")


def open_afni(path: Path, options: ReadOptions) -> Volume:
    """Open an AFNI volume by either of its files. Raises UnreadableFile, GeometryError."""
    head = read_text_header(path, ".head", (".brik", ".brik.gz"), options)
    info = _info(head.path, head.text)
    dtype, affine, factors = by_nibabel(head.path, lambda: _meaning(info))
    require_label_or_probability_type(head.path, dtype)
    require_usable_affine(head.path, affine)
    dims = (*info["DATASET_DIMENSIONS"], info["DATASET_RANK"][1])
    shape, channels, class_axis = split_axes(path, dims, options.class_axis)
    single = class_axis is not None or channels == 1
    if class_axis is not None and len(set(factors)) > 1:
        raise UnreadableFile(f"{head.path}: its sub-bricks are scaled by different factors; leave --class-axis out")
    layout = Layout(
        dtype,
        shape if class_axis is None else dims,
        1 if single else channels,
        0,
        (factors[0], 0.0) if len(set(factors)) == 1 and factors[0] != 1 else None,
    )
    stream = open_stream(head.data_path, options)
    try:
        blocks = BlockSource(stream, layout, 0, options)
        source: VoxelSource = blocks if len(set(factors)) == 1 else ScaledSource(blocks, factors)
        if class_axis is not None:
            source = with_class_axis(path, source, class_axis)
    except BaseException:
        stream.close()
        raise
    geometry = None if class_axis is not None and class_axis < len(shape) else Geometry(shape, affine, oriented=True)
    integers = source.dtype.kind in "iu"
    names, problems = names_in_afni(head.text) if channels == 1 else ({}, [])
    return head.volume(
        Volume(
            str(path),
            geometry,
            source,
            kind="probabilities" if channels > 1 else "labels" if integers else None,
            remarks=[f"{head.path}: {problem}" for problem in problems],
            names=names,
            finish=blocks.finish,
            digest=blocks.digest,
            close=blocks.close,
        )
    )


class ScaledSource(DerivedSource, frozen=True):
    """Channels that are each multiplied by a factor of their own, in float64."""

    factors: tuple[float, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The stored pieces, scaled."""
        for piece in self.source.pieces(channel):
            yield piece.astype(np.float64) * self.factors[channel]


def _meaning(info: dict[str, Any]) -> tuple[np.dtype[Any], np.ndarray[Any, Any], tuple[float, ...]]:
    """The voxels' type, the affine, and the factor of each sub-brick."""
    from nibabel.brikhead import AFNIHeader

    header = AFNIHeader(info)
    scaling = header.get_data_scaling()
    factors = (1.0,) if scaling is None else tuple(scaling.tolist())
    return header.get_data_dtype(), np.asarray(header.get_affine(), dtype=np.float64), factors


def _info(path: Path, text: str) -> dict[str, Any]:
    """The attributes that say what the voxels are, as nibabel's header takes them. Raises UnreadableFile."""
    found = _attributes(path, text)

    def words(name: str, kind: str) -> list[str]:
        stated, value = found.get(name, (kind, None))
        if value is None or stated != kind:
            raise unusable(path, name, value)
        return value

    def whole(name: str, count: int) -> list[int]:
        return whole_numbers(path, name, words(name, "integer"), count)

    def floats(name: str, count: int) -> list[float]:
        return numbers(path, name, words(name, "float"), count)

    rank, dimensions = whole("DATASET_RANK", 2), whole("DATASET_DIMENSIONS", 3)
    types = words("BRICK_TYPES", "integer")
    if rank[0] != 3 or min(rank[1], *dimensions) < 1 or len(types) != rank[1]:
        raise UnreadableFile(
            f"{path}: its header states {rank[0]} axes of {'×'.join(map(str, dimensions))} voxels, {rank[1]} "
            f"sub-bricks and the types of {len(types)}, which cannot be; export it again"
        )
    order = " ".join(words("BYTEORDER_STRING", "string"))
    if order not in _BYTE_ORDERS:
        raise unusable(path, "BYTEORDER_STRING", [order])
    info: dict[str, Any] = {
        "DATASET_RANK": rank,
        "DATASET_DIMENSIONS": dimensions,
        "BRICK_TYPES": whole("BRICK_TYPES", rank[1]),
        "BYTEORDER_STRING": order,
        "DELTA": floats("DELTA", 3),
        "IJK_TO_DICOM_REAL": floats("IJK_TO_DICOM_REAL", 12),
    }
    if "BRICK_FLOAT_FACS" in found:
        info["BRICK_FLOAT_FACS"] = floats("BRICK_FLOAT_FACS", rank[1])
    return info


def _attributes(path: Path, text: str) -> dict[str, tuple[str, list[str]]]:
    """The type and the words of each attribute; numbers as many as it promises. Raises UnreadableFile."""
    found: dict[str, tuple[str, list[str]]] = {}
    for block in re.split(r"\n(?:[ \t]*\n)+", text.strip()):
        match = _ATTRIBUTE.fullmatch(block)
        if match is None:
            raise UnreadableFile(
                f"{path}: is no AFNI header: an attribute begins with {block[:40]!r} where type, name and count "
                "belong; check what it is, or export it again"
            )
        kind, name, count, value = match.groups()
        if name in found:
            raise UnreadableFile(f"{path}: its header states {name[:40]} twice; export it again")
        words = value.strip().removeprefix("'").rstrip("~").split() if kind == "string" else value.split()
        if kind != "string" and len(words) != int(count):
            raise UnreadableFile(
                f"{path}: its header promises {count} values of {name[:40]} and holds {len(words)}; export it again"
            )
        found[name] = kind, words
    return found

"""3D Slicer's segmentations (`.seg.nrrd`): segments with names and colours, in layers that may overlap.

A NRRD whose header says which value of which layer each segment has. The voxels are streamed; layers are interleaved,
or lie one after the other. Source: "Segmentations" in 3D Slicer's user guide, which lists the fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.array_types import Floats
from segeval.errors import UnreadableFile
from segeval.files.byte_stream import open_regular_file
from segeval.files.hashing import sha256_of, sha256_of_all
from segeval.files.watch import Watch
from segeval.readers.affines import require_usable_affine
from segeval.readers.itk_files import ItkHeader, inspect_itk_file
from segeval.readers.itk_headers import HEADER_LIMIT, is_number
from segeval.readers.itk_streams import STREAMED, open_voxels
from segeval.readers.layers import LayerSource
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import is_pointer_or_page
from segeval.volumes.geometry import Geometry
from segeval.volumes.placing import place
from segeval.volumes.volume import Volume
from segeval.words.colours import hex_colour
from segeval.words.printable import printable, shortened

_OWN_KEY = re.compile(r"(Segment(?:[0-9]{1,6}|ation)_\w{1,64}):=(.*)", re.ASCII)
_OF_SEGMENT = re.compile(r"Segment([0-9]{1,6})_(\w+)", re.ASCII)
_BINARY = "Binary labelmap"
_TO_RAS = {
    "left-posterior-superior": (-1.0, -1.0, 1.0), "lps": (-1.0, -1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0), "ras": (1.0, 1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0, 1.0), "las": (-1.0, 1.0, 1.0),
}  # fmt: skip
_MOST_LAYERS = 1024


class _Segment(Struct, frozen=True):
    """layer, value: where its voxels are. name, colour: as Slicer shows it."""

    layer: int
    value: int
    name: str
    colour: str | None


def open_slicer(path: Path, options: ReadOptions) -> Volume:
    """Open a segmentation of 3D Slicer. Raises UnreadableFile, GeometryError."""
    if options.class_axis is not None:
        raise UnreadableFile(f"{path}: the layers of a segmentation are no classes; leave --class-axis out")
    watch = Watch(path)
    with open_regular_file(path) as file:
        head = file.read(HEADER_LIMIT)
    if (what := is_pointer_or_page(head[:512])) is not None:
        raise UnreadableFile(f"{path}: is {what}")
    facts = inspect_itk_file(path)
    watches = (watch, *facts.watches)
    segments = _segments(path, _own_keys(path, head))
    shape, layers, directions = _axes(path, facts)
    labels = _labels(path, segments, layers)
    geometry = _geometry(path, facts, shape, directions)
    tables: list[dict[int, int]] = [{} for _ in range(layers)]
    for one, label in zip(segments, labels, strict=True):
        tables[one.layer][one.value] = label
    if facts.promise is None:
        raise ValueError("nothing says where the voxels are")
    blocks = open_voxels(path, facts.data, facts.promise, (layers * shape[0], *shape[1:]), 1, options)
    source = LayerSource(blocks, shape, tables)

    def finish() -> list[str]:
        remarks = [*blocks.finish(), *source.remarks(str(path))]
        for one in watches:
            one.require_unchanged()
        return remarks

    def digest() -> str | None:
        digests = [sha256_of(file) for file in facts.data_files] if options.hashed else []
        for one in watches:
            one.require_unchanged()
        return None if not digests else digests[0] if len(digests) == 1 else sha256_of_all(digests)

    volume = Volume(
        str(path),
        geometry,
        source,
        kind="labels",
        remarks=_remarks(path, segments, labels),
        sets=source.codes.sets,
        names={label: one.name for one, label in zip(segments, labels, strict=True)},
        colours={label: one.colour for one, label in zip(segments, labels, strict=True) if one.colour is not None},
        finish=finish,
        digest=digest,
        close=blocks.close,
    )

    def on(grid: Geometry, tolerance: float) -> Volume:
        placed, target = place(str(path), source, geometry, grid, tolerance)
        return replace(volume, source=placed, geometry=target, on=None)

    volume.on = on
    return volume


def _own_keys(path: Path, head: bytes) -> dict[str, str]:
    """The writer's own keys that speak of segments. Raises UnreadableFile for one that is there twice."""
    end = min((at for at in (head.find(b"\n\n"), head.find(b"\r\n\r\n")) if at >= 0), default=len(head))
    found: dict[str, str] = {}
    for line in head[:end].decode("utf-8", errors="replace").splitlines():
        if (match := _OWN_KEY.fullmatch(line)) is None:
            continue
        key, value = match.groups()
        if key in found:
            raise UnreadableFile(f"{path}: its header states {key} twice; export it again")
        found[key] = value
    return found


def _segments(path: Path, keys: Mapping[str, str]) -> list[_Segment]:
    """By number. Raises UnreadableFile for what no segmentation of labels can hold."""
    for key in ("Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation"):
        if keys.get(key, _BINARY) != _BINARY:
            what = shortened(printable(keys[key]), 60)
            raise UnreadableFile(f"{path}: holds a {what}; export it from Slicer as a binary label map")
    described: dict[int, dict[str, str]] = {}
    for key, value in keys.items():
        if match := _OF_SEGMENT.fullmatch(key):
            described.setdefault(int(match[1]), {})[match[2]] = value
    if not described:
        raise UnreadableFile(
            f"{path}: its header speaks of no segment; give a NRRD that Slicer did not write the ending .nrrd"
        )
    return [
        _Segment(
            _whole(path, f"Segment{number}_Layer", of.get("Layer", str(place)), 0),
            _whole(path, f"Segment{number}_LabelValue", of.get("LabelValue", "1"), 1),
            _name(of.get("Name") or of.get("ID") or f"Segment_{number + 1}"),
            _colour(of.get("Color", "")),
        )
        for place, (number, of) in enumerate(sorted(described.items()))
    ]


def _whole(path: Path, name: str, text: str, least: int) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is None or int(text) < least:
        raise UnreadableFile(
            f"{path}: its header states {name} = {shortened(text, 40)!r}, which cannot be used; export it again"
        )
    return int(text)


def _name(text: str) -> str:
    """The name in a line; a NRRD writes a line's end and a backslash as two characters."""
    return shortened(" ".join(printable(text.replace("\\n", " ").replace("\\\\", "\\")).split()), 200)


def _colour(text: str) -> str | None:
    """``#rrggbb`` of three numbers from 0 to 1; None for anything else."""
    words = text.split()
    if len(words) != 3 or not all(is_number(word.encode()) and 0 <= float(word) <= 1 for word in words):
        return None
    return hex_colour(round(float(word) * 255) for word in words)


def _labels(path: Path, segments: list[_Segment], layers: int) -> list[int]:
    """A number for each segment: its value, unless one of another layer has it, then the next that is free."""
    places: dict[tuple[int, int], str] = {}
    free = max(one.value for one in segments) + 1
    labels: list[int] = []
    for one in segments:
        if one.layer >= layers:
            raise UnreadableFile(
                f"{path}: {one.name!r} is said to be in layer {one.layer} of {layers}; export it again"
            )
        if (one.layer, one.value) in places:
            other = places[one.layer, one.value]
            raise UnreadableFile(f"{path}: {other!r} and {one.name!r} share one value of one layer; export it again")
        places[one.layer, one.value] = one.name
        taken = one.value in labels
        labels.append(free if taken else one.value)
        free += taken
    return labels


def _axes(path: Path, facts: ItkHeader) -> tuple[tuple[int, ...], int, list[Floats]]:
    """(voxels along each axis of space, layers, the space directions). Raises UnreadableFile."""
    promise = facts.promise
    fields = {} if promise is None else promise.fields
    if promise is None or promise.dtype is None or promise.start is None or promise.encoding not in STREAMED:
        raise UnreadableFile(f"{path}: its voxels are no block of integers, raw or by gzip; save it again in Slicer")
    if promise.dtype.kind not in "iu":
        raise UnreadableFile(
            f"{path}: its voxels are {promise.dtype.name}, segments are integers; save it again in Slicer"
        )
    words = re.findall(r"none|\([^()]*\)", fields.get("space directions", ""))
    apart = words[:1] == ["none"]
    vectors = [_vector(path, word) for word in words[apart:]]
    if len(vectors) != 3 or len(promise.shape) != 3 + apart:
        raise UnreadableFile(
            f"{path}: has {len(promise.shape)} axes with the directions {fields.get('space directions', '')[:200]!r}; "
            "Slicer writes three of space, and the layers first where there are several; save it again there"
        )
    layers = promise.shape[0] if apart else 1
    if layers > _MOST_LAYERS:
        raise UnreadableFile(
            f"{path}: has {layers} layers, more than the {_MOST_LAYERS} that are read; export it again"
        )
    return promise.shape[apart:], layers, vectors


def _vector(path: Path, word: str) -> Floats:
    numbers = [part.strip() for part in word.strip("()").split(",")]
    if len(numbers) != 3 or not all(is_number(number.encode("latin-1")) for number in numbers):
        raise UnreadableFile(f"{path}: {word[:80]!r} in its header is no place in space; export it again")
    return np.array([float(number) for number in numbers])


def _geometry(path: Path, facts: ItkHeader, shape: tuple[int, ...], directions: list[Floats]) -> Geometry:
    fields = {} if facts.promise is None else facts.promise.fields
    to_ras = _TO_RAS.get(fields.get("space", "").lower())
    if to_ras is None:
        raise UnreadableFile(
            f"{path}: states no known space ({fields.get('space', '')[:60]!r}); save it again in Slicer"
        )
    affine = np.eye(4)
    with np.errstate(all="ignore"):  # what is not finite is refused below
        affine[:3, :3] = np.array(directions).T
        affine[:3, 3] = _vector(path, fields.get("space origin", "(0,0,0)"))
        affine = np.diag([*to_ras, 1.0]) @ affine
    require_usable_affine(path, affine, "geometry")
    return Geometry(shape, affine, oriented=True)


def _remarks(path: Path, segments: list[_Segment], labels: list[int]) -> list[str]:
    moved = [
        f"{one.name} (value {one.value} of layer {one.layer}) is label {label}"
        for one, label in zip(segments, labels, strict=True)
        if one.value != label
    ]
    return [f"{path}: segments of several layers share a value; {shortened(', '.join(moved), 300)}"] if moved else []

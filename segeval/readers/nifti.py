"""NIfTI-1, NIfTI-2 and Analyze, as `.nii` or as `.hdr`/`.img` pairs, compressed or not.

The voxels are streamed from the one file that this reader opened, because only then are truncation and checksums
seen. Source: the NIfTI-1 and NIfTI-2 standards (nifti.nimh.nih.gov).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segeval.array_types import Floats
from segeval.choices import Kind
from segeval.errors import GeometryError, UnreadableFile
from segeval.files.byte_stream import ByteStream
from segeval.files.hashing import sha256_of_all
from segeval.files.paths import exists
from segeval.readers.affines import FARTHEST_MM
from segeval.readers.axes import split_axes, with_class_axis
from segeval.readers.layout import BlockSource, Layout, open_stream
from segeval.readers.nifti_header import NiftiHeader
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import Volume

_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_LABELS, _INTENTS_OF_CIFTI = (1002, 3007), range(3000, 3100)  # intents; 3007 is CIFTI's dense labels
_SINGLE, _PAIR = b"n+", b"ni"  # how the magic begins
_MOST_VOXELS = 1 << 50
_SMALLEST_EXTENSION, _MOST_EXTENSIONS = 20, 1 << 22
"""Bytes between a header and its voxels: the four that say whether an extension follows, and the smallest one; and more
than any label table takes."""


def open_nifti(path: Path, options: ReadOptions) -> Volume:
    """Open a NIfTI or Analyze volume. Raises UnreadableFile, GeometryError."""
    if pair := _pair(path):
        return _open_pair(path, *pair, options)
    stream = open_stream(path, options)
    try:
        header, consumed = _read_header(stream)
        if not header.magic.startswith(_SINGLE):
            raise UnreadableFile(
                f"{path}: its header says that the voxels are in another file (magic {header.magic!r}); "
                "name the pair .hdr and .img, or export a single .nii"
            )
        return _volume(path, header, stream, consumed, options)
    except BaseException:
        stream.close()
        raise


def _open_pair(path: Path, header_path: Path, image_path: Path, options: ReadOptions) -> Volume:
    """A header in one file, voxels in another; its hash is the SHA-256 of both digests, header first."""
    headers = ByteStream(header_path, hashed=options.hashed)
    try:
        header, _ = _read_header(headers)
        headers.drain()
    finally:
        headers.close()
    stream = open_stream(image_path, options)
    try:
        volume = _volume(path, header, stream, 0, options)
    except BaseException:
        stream.close()
        raise
    data_digest = volume.digest

    def digest() -> str | None:
        first, second = headers.digest(), data_digest()
        return None if first is None or second is None else sha256_of_all((first, second))

    volume.digest = digest
    return volume


def _pair(path: Path) -> tuple[Path, Path] | None:
    """The header's and the image's path where the name says that they are two files."""
    name = path.name.lower()
    for ours, theirs in ((".hdr", ".img"), (".img", ".hdr")):
        for packed in ("", ".gz"):
            if not name.endswith(ours + packed):
                continue
            stem = path.name[: len(path.name) - len(ours + packed)]
            for ending in (theirs + packed, theirs, theirs + ".gz", theirs.upper()):
                partner = path.with_name(stem + ending)
                if exists(partner):
                    return (path, partner) if ours == ".hdr" else (partner, path)
            raise UnreadableFile(f"{path}: there is no {stem}{theirs} beside it; a .hdr and its .img belong together")
    return None


def _read_header(stream: ByteStream) -> tuple[NiftiHeader, int]:
    """The header, and how many bytes it took. Raises UnreadableFile."""
    start = stream.read(348)
    byte_order: Literal["<", ">"] = "<" if int.from_bytes(start[:4], "little") in (348, 540) else ">"
    size = int.from_bytes(start[:4], "little" if byte_order == "<" else "big")
    if size not in (348, 540) or len(start) < 348:
        raise _no_nifti(stream, start)
    start += stream.read(size - 348)
    if len(start) < size:
        raise _no_nifti(stream, start)
    magic = start[4:8] if size == 540 else start[344:348]
    is_nifti = magic.startswith((_SINGLE, _PAIR))
    if not is_nifti and (size == 540 or not stream.path.name.lower().endswith((".hdr", ".hdr.gz"))):
        raise UnreadableFile(
            f"{stream.path}: is no NIfTI volume (magic {magic!r} where 'n+1' or 'ni1' belongs); export it again"
        )
    return NiftiHeader(start, byte_order, magic=is_nifti), size


def _no_nifti(stream: ByteStream, start: bytes) -> UnreadableFile:
    what = recognise(start)
    packed = "its decompressed content" if stream.compressed else "it"
    if what is not None:
        return UnreadableFile(f"{stream.path}: is no NIfTI volume: {packed} is {what}")
    if len(start) < 348:
        return UnreadableFile(
            f"{stream.path}: is no NIfTI volume: {packed} ends after {len(start)} of the header's 348 bytes; "
            "copy or export it again"
        )
    return UnreadableFile(
        f"{stream.path}: is no NIfTI volume: {packed} begins with {start[:4]!r} instead of a NIfTI header; "
        "check what it is, or give it the ending of its format"
    )


def _volume(path: Path, header: NiftiHeader, stream: ByteStream, consumed: int, options: ReadOptions) -> Volume:
    dims = _dimensions(path, header)
    if cifti := header.intent_code in _INTENTS_OF_CIFTI and len(dims) > 5 and dims[:4] == (1, 1, 1, 1):
        from segeval.readers.cifti import grayordinates_of

        dims = grayordinates_of(path, header.intent_code, dims)
    shape, channels, class_axis = split_axes(path, dims, options.class_axis)
    layout = Layout(
        dtype=_dtype(path, header),
        shape=shape if class_axis is None else dims,
        channels=channels if class_axis is None else 1,
        offset=_offset(path, header, consumed),
        scaling=_scaling(path, header),
    )
    content = _extensions(stream, consumed, layout)
    names, remarks = _names(path, header, content)
    source = BlockSource(stream, layout, consumed + len(content), options)
    geometry: Geometry | None
    geometry, alternative = _geometry(path, header, shape)
    if cifti or (class_axis is not None and class_axis < len(shape)):
        geometry, alternative = None, None  # the affine speaks of other axes
    return Volume(
        str(path),
        geometry,
        source if class_axis is None else with_class_axis(path, source, class_axis),
        kind=_kind(header, channels, layout),
        alternative=alternative,
        remarks=remarks,
        names=names,
        grayordinates=_grayordinates(path, header, content, shape[0]) if cifti else None,
        finish=source.finish,
        digest=source.digest,
        close=source.close,
    )


def _dimensions(path: Path, header: NiftiHeader) -> tuple[int, ...]:
    """Voxels along each stored axis, all axes of the header. Raises UnreadableFile."""
    if not 1 <= header.axes <= 7:
        raise UnreadableFile(f"{path}: the header states {header.axes} axes, a volume has 1 to 7; export it again")
    try:
        dims = header.shape()
    except ValueError as problem:
        raise UnreadableFile(f"{path}: its shape cannot be read ({problem}); export it again") from None
    if any(n < 1 for n in dims):
        raise UnreadableFile(f"{path}: the header states the shape {'×'.join(map(str, dims))}; export it again")
    if math.prod(dims) > _MOST_VOXELS:
        raise UnreadableFile(
            f"{path}: the header states {'×'.join(map(str, dims))} voxels, more than could be; export it again"
        )
    return dims


def _dtype(path: Path, header: NiftiHeader) -> np.dtype[Any]:
    code = header.datatype
    try:
        dtype = header.dtype()
    except KeyError:
        raise UnreadableFile(f"{path}: data type code {code} is unknown; export it as integers or floats") from None
    if dtype.kind == "c":
        raise UnreadableFile(f"{path}: holds complex numbers ({dtype}); export labels or probabilities")
    if dtype.kind not in "iuf":
        raise UnreadableFile(f"{path}: holds RGB or other structured voxels (code {code}); export labels")
    if dtype.itemsize == 0:
        raise UnreadableFile(f"{path}: data type code {code} cannot be read; export it as integers or floats")
    return dtype


def _offset(path: Path, header: NiftiHeader, consumed: int) -> int:
    """Bytes before the first voxel of the file that holds the voxels. ``consumed``: bytes of its header."""
    offset = header.vox_offset
    if not math.isfinite(offset) or offset != int(offset) or offset < consumed or offset > _MOST_VOXELS:
        raise UnreadableFile(
            f"{path}: the voxels are said to begin at byte {offset:g} (vox_offset), which cannot be: the header takes "
            f"{consumed} bytes; export it again"
        )
    return int(offset)


def _extensions(stream: ByteStream, consumed: int, layout: Layout) -> bytes:
    """What lies between header and voxels, read; nothing where it holds no label table, and was not read."""
    size = layout.offset - consumed
    if not consumed or not _SMALLEST_EXTENSION <= size <= _MOST_EXTENSIONS or layout.channels > 1:
        return b""
    return stream.read(size)


def _names(path: Path, header: NiftiHeader, content: bytes) -> tuple[dict[int, str], list[str]]:
    """Label names in the header's extensions, and remarks."""
    if not content:
        return {}, []
    from segeval.readers.label_tables import names_in_extensions

    names, problems = names_in_extensions(content, header.byte_order)
    return names, [f"{path}: {problem}" for problem in problems]


def _grayordinates(path: Path, header: NiftiHeader, content: bytes, count: int) -> str:
    from segeval.readers.cifti import brain_models_of

    return brain_models_of(path, content, header.byte_order, count)


def _scaling(path: Path, header: NiftiHeader) -> tuple[float, float] | None:
    try:
        scaling = header.slope_and_intercept()
    except ValueError as problem:
        raise UnreadableFile(f"{path}: scl_slope and scl_inter cannot be used ({problem}); export it again") from None
    return None if scaling == (1, 0) else scaling


def _kind(header: NiftiHeader, channels: int, layout: Layout) -> Kind | None:
    """What the header settles: several channels are probabilities, integers are labels, floats may be either."""
    if channels > 1:
        return "probabilities"
    if header.intent_code in _LABELS:
        return "labels"
    return "labels" if layout.value_dtype.kind in "iu" else None


def _geometry(
    path: Path, header: NiftiHeader, shape: tuple[int, ...]
) -> tuple[Geometry, tuple[Geometry, str, str] | None]:
    """The chosen affine (sform before qform), and the other one where both are stated. Raises GeometryError."""
    unit = _MM_PER_UNIT.get(header.xyzt_units & 7, 1.0)
    stated: dict[str, Floats] = {}
    if header.sform_code > 0:
        stated["sform"] = header.sform()
    if header.qform_code > 0:
        try:
            stated["qform"] = header.qform()
        except ValueError as problem:  # a quaternion that is none
            if not stated:
                raise GeometryError(f"{path}: its qform cannot be used ({problem}); fix the header") from None
    if not stated:
        spacing = [abs(length) or 1.0 for length in header.pixdim[1:4]]
        return Geometry(shape, _usable(path, np.diag([*spacing, 1.0]), unit, shape, "pixdim"), oriented=False), None
    (name, affine), *others = stated.items()
    chosen = Geometry(shape, _usable(path, affine, unit, shape, name), oriented=True)
    if not others:
        return chosen, None
    other_name, other = others[0]
    if not np.isfinite(other).all():
        return chosen, None
    scaled = other.copy()
    scaled[:3] *= unit
    return chosen, (Geometry(shape, scaled, oriented=True), name, other_name)


def _usable(path: Path, affine: Floats, unit: float, shape: tuple[int, ...], name: str) -> Floats:
    """The affine in mm. Raises GeometryError for one that is singular or not finite."""
    result = affine.copy()
    result[:3] *= unit
    if not (np.abs(result) < FARTHEST_MM).all():  # NaN and infinity included
        raise GeometryError(f"{path}: its {name} is not finite, or beyond {FARTHEST_MM:g} mm; fix the header")
    for axis in range(3):
        if (axis >= len(shape) or shape[axis] == 1) and not result[:3, axis].any():
            first, second = (result[:3, a] for a in range(3) if a != axis)
            normal = np.cross(first, second)
            length = np.linalg.norm(normal)
            result[:3, axis] = normal / length if length else 0.0  # a picture of one slice without a thickness
    lengths = np.linalg.norm(result[:3, :3], axis=0)
    if not lengths.all() or abs(np.linalg.det(result[:3, :3] / np.where(lengths, lengths, 1.0))) < 1e-6:
        raise GeometryError(
            f"{path}: its {name} is singular: it maps different voxels to the same place; fix the header, "
            "or export it again"
        )
    return result

"""FreeSurfer's MGH and MGZ: a fixed big-endian header, then one block of voxels.

Source: the format's page in the FreeSurfer wiki; nibabel knows the header.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segeval.errors import UnreadableFile
from segeval.files.byte_stream import ByteStream
from segeval.readers.affines import require_usable_affine
from segeval.readers.axes import split_axes, with_class_axis
from segeval.readers.layout import BlockSource, Layout, open_stream
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import recognise
from segeval.readers.through_nibabel import without_scipy
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import Volume

_HEADER_BYTES = 284
_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}


def open_mgh(path: Path, options: ReadOptions) -> Volume:
    """Open an MGH or MGZ volume. Raises UnreadableFile, GeometryError."""
    stream = open_stream(path, options)
    try:
        start = stream.read(_HEADER_BYTES)
        if len(start) < _HEADER_BYTES or int.from_bytes(start[:4], "big") != 1:
            what = recognise(start) or f"it begins with {start[:4]!r}; check what it is"
            raise UnreadableFile(f"{path}: is no MGH volume: {what}")
        return _volume(path, start, stream, options)
    except BaseException:
        stream.close()
        raise


def _volume(path: Path, start: bytes, stream: ByteStream, options: ReadOptions) -> Volume:
    with without_scipy():
        from nibabel.freesurfer.mghformat import MGHHeader

    dims = tuple(int.from_bytes(start[at : at + 4], "big", signed=True) for at in (4, 8, 12, 16))
    code = int.from_bytes(start[20:24], "big", signed=True)
    if any(n < 1 for n in dims):
        raise UnreadableFile(f"{path}: the header states the shape {'×'.join(map(str, dims))}; export it again")
    if code not in _TYPES:
        raise UnreadableFile(f"{path}: data type code {code} is unknown; export it as integers or floats")
    shape, channels, class_axis = split_axes(path, dims, options.class_axis)
    layout = Layout(
        np.dtype(_TYPES[code]),
        shape if class_axis is None else dims,
        channels if class_axis is None else 1,
        _HEADER_BYTES,
    )
    source = BlockSource(
        stream, layout, _HEADER_BYTES, options, trailing_remark=False
    )  # scan parameters follow the voxels
    with np.errstate(all="ignore"):  # a damaged header is refused below
        affine = np.asarray(MGHHeader(binaryblock=start, check=False).get_affine(), dtype=np.float64)
    require_usable_affine(path, affine)
    geometry: Geometry | None = Geometry(shape, affine, oriented=int.from_bytes(start[28:30], "big") == 1)
    if class_axis is not None and class_axis < len(shape):
        geometry = None
    integers = layout.dtype.kind in "iu"
    return Volume(
        str(path),
        geometry,
        source if class_axis is None else with_class_axis(path, source, class_axis),
        kind="probabilities" if channels > 1 else "labels" if integers else None,
        finish=source.finish,
        digest=source.digest,
        close=source.close,
    )

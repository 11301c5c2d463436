"""AFNI, MINC and Philips PAR/REC through nibabel; the volume is read whole."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import UnreadableFile
from segeval.readers.affines import require_usable_affine
from segeval.readers.axes import split_axes
from segeval.readers.byte_stream import Watch, file_size, open_regular_file
from segeval.readers.hashing import sha256_of
from segeval.readers.reader import ReadOptions
from segeval.readers.recognition import is_pointer_or_page
from segeval.volumes.geometry import Geometry
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import ArraySource, Volume


def open_with_nibabel(path: Path, options: ReadOptions) -> Volume:
    """Open a volume through nibabel. Raises UnreadableFile, GeometryError."""
    watch = Watch(path)
    with open_regular_file(path) as file:
        if (what := is_pointer_or_page(file.read(512))) is not None:
            raise UnreadableFile(f"{path}: is {what}")
    array, affine = _load(path)
    if array.dtype.kind not in "iuf":
        raise UnreadableFile(f"{path}: holds {array.dtype} voxels; export labels or probabilities")
    if options.on_bytes is not None:
        options.on_bytes(file_size(path))
    watch.require_unchanged()
    shape, channels, axis = split_axes(path, array.shape, options.class_axis)
    geometry: Geometry | None = Geometry(shape, affine, oriented=True)
    if channels > 1:
        classes = axis if axis is not None else max(a for a in range(array.ndim) if array.shape[a] > 1)
        array = np.moveaxis(array, classes, 0).reshape(channels, *shape)
        geometry = None if classes < len(shape) else geometry
    else:
        array = array[np.newaxis]

    def digest() -> str | None:
        found = sha256_of(path) if options.hashed else None
        watch.require_unchanged()
        return found

    kind = "probabilities" if channels > 1 else "labels" if array.dtype.kind in "iu" else None
    return Volume(
        str(path), geometry, ArraySource(array), kind=kind,  # type: ignore[arg-type]
        digest=digest,
    )  # fmt: skip


def _bytes_per_value(image: Any) -> int:
    """What nibabel holds at once, measured: the stored values, and where they are scaled two arrays of float64."""
    stored = int(np.dtype(image.get_data_dtype()).itemsize)
    return stored if getattr(image.dataobj, "scaling", 1) is None else stored + 16  # only AFNI's says that it has none


def _load(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    import nibabel

    try:
        image = nibabel.load(path)
        size = _bytes_per_value(image) * math.prod(image.shape)
        require_memory(str(path), Need(size, "a format that is read whole", "store it as NIfTI"))
        array, affine = np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64)
    except UnreadableFile:
        raise
    except Exception as problem:  # nibabel raises many types for damaged files
        reason = str(problem).strip().splitlines()
        raise UnreadableFile(
            f"{path}: nibabel cannot read it ({reason[0][:200] if reason else type(problem).__name__}); "
            "check or export it again"
        ) from None
    require_usable_affine(path, affine)
    return array, affine

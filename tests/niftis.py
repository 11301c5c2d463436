"""NIfTI files by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from segeval.readers import ReadOptions, open_volume
from segeval.volumes.volume import Volume

Segeval = Callable[..., Any]


Array = np.ndarray[Any, Any]


SHAPE = (5, 4, 3)


AFFINE = np.array([[0.0, -1.5, 0.0, 10.0], [0.8, 0.0, 0.0, -20.0], [0.0, 0.0, 3.0, 5.0], [0.0, 0.0, 0.0, 1.0]])


RAMP = np.arange(60).reshape(SHAPE, order="F")


CLASSES = {
    "1": (nibabel.Nifti1Image, nibabel.Nifti1Pair),
    "2": (nibabel.Nifti2Image, nibabel.Nifti2Pair),
}


def image(array: Any, affine: Any = AFFINE, version: str = "1", order: str = "<", pair: bool = False) -> Any:
    """The array as a nibabel image of a NIfTI version and byte order."""
    cls = CLASSES[version][pair]
    array = np.asarray(array)
    header = cls.header_class(endianness=order)
    header.set_data_dtype(array.dtype)
    header.set_xyzt_units("mm")
    result = cls(array, affine, header=header)
    result.set_sform(affine, 1)
    result.set_qform(affine, 1)
    return result


def written(path: Path, *arguments: Any, **settings: Any) -> Path:
    """The array saved by nibabel."""
    nibabel.save(image(*arguments, **settings), path)
    return path


def channels_of(volume: Volume) -> Array:
    """Everything a volume streams, as (channels, *shape), and its end verified."""
    flat = [np.concatenate(list(volume.source.pieces(channel))) for channel in range(volume.source.channels)]
    volume.remarks += volume.finish()
    return np.stack([channel.reshape(volume.shape, order="F") for channel in flat])


def read(path: Path, **options: Any) -> tuple[Array, Volume]:
    """The only channel of a file, and its (closed) volume."""
    with open_volume(path, ReadOptions(**options)) as volume:
        (array,) = channels_of(volume)
    return array, volume


def patched(content: bytes, position: int, layout: str, *values: Any) -> bytes:
    """The content with a packed value overwritten."""
    changed = bytearray(content)
    struct.pack_into(layout, changed, position, *values)
    return bytes(changed)

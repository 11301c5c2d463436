"""NIfTI files by hand."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

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


def patched(content: bytes, position: int, layout: str, *values: Any) -> bytes:
    """The content with a packed value overwritten."""
    changed = bytearray(content)
    struct.pack_into(layout, changed, position, *values)
    return bytes(changed)

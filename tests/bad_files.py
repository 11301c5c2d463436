"""Damaged volumes, and how a refusal reads."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from typing import Any

import nibabel
import numpy as np

Segeval = Callable[..., Any]


SHAPE = (5, 4, 3)


AFFINE = np.diag([0.8, 1.5, 3.0, 1.0])


LABELS = (np.arange(60).reshape(SHAPE) % 3).astype(np.uint8)


FIELDS = {  # of the NIfTI-1 header: where, and how it is packed
    "sizeof_hdr": (0, "<i"), "dim": (40, "<8h"), "datatype": (70, "<h"), "bitpix": (72, "<h"), "pixdim": (76, "<8f"),
    "vox_offset": (108, "<f"), "scl": (112, "<2f"), "qform_code": (252, "<h"), "sform_code": (254, "<h"),
    "srow": (280, "<12f"), "magic": (344, "4s"),
}  # fmt: skip


def as_nifti(array: Any, **fields: Any) -> bytes:
    """The array as the bytes of a `.nii`, with header fields overwritten."""
    array = np.asarray(array)
    image = nibabel.Nifti1Image(array, AFFINE, dtype=array.dtype)
    image.header.set_xyzt_units("mm")
    content = bytearray(image.to_bytes())
    for name, value in fields.items():
        position, layout = FIELDS[name]
        values = value if isinstance(value, (tuple, list)) else (value,)
        struct.pack_into(layout, content, position, *values)
    return bytes(content)


GOOD_BYTES = as_nifti(LABELS)


def compressed_in_storage_order(content: bytes) -> bytes:
    """One gzip member without a name or time, the same on every machine."""
    return gzip.compress(content, 6, mtime=0)


def assert_refused(run: Any, path: object, *words: str, code: int = 3) -> None:
    """Exit code, silence on stdout, and one line that names the file and holds the words."""
    assert run.code == code, run
    assert run.out == ""
    assert run.err.endswith("\n")
    assert run.err.count("\n") == 1, run.err
    assert str(path) in run.err
    for word in words:
        assert word in run.err

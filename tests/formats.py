"""Files of other formats."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

Segeval = Callable[..., Any]


Nifti = Callable[..., Path]


Array = np.ndarray[Any, Any]


SHAPE = (5, 4, 3)


SPACING = (0.8, 1.5, 3.0)


AFFINE = np.diag([*SPACING, 1.0])


LABELS = np.random.default_rng(9).choice([0, 1, 2, 7], SHAPE).astype(np.uint8)


TURNED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


ITK_FILES = [
    ("x.nrrd", False), ("x.nrrd", True), ("x.nhdr", False), ("x.nhdr", True), ("x.mha", False), ("x.mha", True),
    ("x.mhd", False), ("x.mhd", True),
]  # fmt: skip


def picture(array: Array, *, vector: bool = False) -> Any:
    """An ITK image of an array in (x, y, z) order (channels last), turned, anisotropic and away from the origin."""
    axes = (2, 1, 0, 3) if vector else tuple(range(array.ndim))[::-1]
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(axes)), isVector=vector)
    image.SetSpacing(SPACING)
    image.SetOrigin((10.0, -20.0, 5.0))
    image.SetDirection(TURNED)
    return image


def written(path: Path, image: Any, compressed: bool = False) -> Path:
    """The image saved by SimpleITK."""
    sitk.WriteImage(image, str(path), useCompression=compressed)
    return path


def assert_refused(run: Any, path: Path, *words: str) -> None:
    """Exit 3, one line that names the path and holds the words."""
    assert run.code == 3, run
    assert run.out == ""
    assert run.err.count("\n") == 1, run.err
    for word in (str(path), *words):
        assert word in run.err


def nrrd(array: Array, *fields: str, encoding: str = "raw") -> bytes:
    """An NRRD with further header lines, written by hand."""
    data = array.tobytes(order="F")
    sizes = " ".join(map(str, array.shape))
    lines = ["NRRD0004", "type: uchar", f"dimension: {array.ndim}", f"sizes: {sizes}", f"encoding: {encoding}", *fields]
    return ("\n".join(lines) + "\n\n").encode() + (gzip.compress(data, mtime=0) if encoding == "gzip" else data)

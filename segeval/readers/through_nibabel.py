"""What nibabel is asked for, without what it would drag in, and what becomes of its answers."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.choices import Kind
from segeval.errors import UnreadableFile
from segeval.readers.affines import require_usable_affine
from segeval.readers.axes import split_axes
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import ArraySource, Volume
from segeval.words.printable import printable, shortened

_Result = TypeVar("_Result")


@contextmanager
def without_scipy() -> Iterator[None]:
    """Import nibabel in here: it then takes SciPy for absent.

    nibabel imports SciPy for SPM99's `.mat` files whenever it is installed, which would cost every start of segeval.
    """
    absent = "scipy" not in sys.modules
    if absent:
        sys.modules["scipy"] = None  # type: ignore[assignment]  # how the import system notes what is not there
    try:
        yield
    finally:
        if absent:
            del sys.modules["scipy"]


def by_nibabel(path: Path, read: Callable[[], _Result]) -> _Result:
    """What nibabel makes of a header that was verified. Raises UnreadableFile for every exception of its own."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except UnreadableFile:
        raise
    except Exception as problem:  # nibabel raises many types for damaged files
        raise UnreadableFile(f"{path}: nibabel cannot read it ({_reason(problem)}); check or export it again") from None


def _reason(problem: Exception) -> str:
    if isinstance(problem, KeyError):
        return f"there is no {shortened(printable(str(problem)), 60)}"
    lines = str(problem).strip().splitlines()
    return shortened(printable(lines[0])) if lines else type(problem).__name__


def require_label_or_probability_type(path: Path, dtype: np.dtype[Any]) -> None:
    """Raises UnreadableFile for complex and structured voxels."""
    if dtype.kind not in "iuf":
        raise UnreadableFile(f"{path}: holds {dtype} voxels; export labels or probabilities")


def held_volume(path: Path, array: NDArray[Any], affine: Floats, class_axis: int | None) -> Volume:
    """A volume that was read whole, its axes as they were stored. Raises UnreadableFile, GeometryError, UsageError."""
    require_label_or_probability_type(path, array.dtype)
    require_usable_affine(path, affine)
    shape, channels, axis = split_axes(path, array.shape, class_axis)
    geometry: Geometry | None = Geometry(shape, affine, oriented=True)
    if channels > 1:
        classes = axis if axis is not None else max(a for a in range(array.ndim) if array.shape[a] > 1)
        array = np.moveaxis(array, classes, 0)
        geometry = None if classes < len(shape) else geometry
    integers = array.dtype.kind in "iu"
    kind: Kind | None = "probabilities" if channels > 1 else "labels" if integers else None
    return Volume(str(path), geometry, ArraySource(array.reshape(channels, *shape)), kind=kind)

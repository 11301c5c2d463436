"""The fixed header of NIfTI-1, NIfTI-2 and Analyze 7.5: what its bytes state, and nothing that they do not.

Elsewhere a library is preferred to code of our own, and nibabel knows these headers as well as anything. But importing
it takes 75 ms, a quarter of scoring a usual case, for a table of offsets and one formula; so the table is here, and the
tests hold it to nibabel, refusals included. Sources: nifti1.h, nifti2.h and the quaternion formula in
nifti1.h (nifti.nimh.nih.gov), dbh.h of Analyze 7.5; FreeSurfer's load_nifti.m for its long vectors.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats

_Field = tuple[str, int]  # NumPy type, offset in bytes

_ANALYZE: dict[str, _Field] = {
    "dim": ("8i2", 40),
    "datatype": ("i2", 70),
    "pixdim": ("8f4", 76),
    "vox_offset": ("f4", 108),
}
_NIFTI_1: dict[str, _Field] = _ANALYZE | {
    "intent_code": ("i2", 68),
    "scl_slope": ("f4", 112),
    "scl_inter": ("f4", 116),
    "xyzt_units": ("u1", 123),
    "glmin": ("i4", 144),
    "qform_code": ("i2", 252),
    "sform_code": ("i2", 254),
    "quatern": ("3f4", 256),
    "qoffset": ("3f4", 268),
    "srow": ("(3,4)f4", 280),
    "magic": ("S4", 344),
}
_NIFTI_2: dict[str, _Field] = {
    "magic": ("S4", 4),
    "datatype": ("i2", 12),
    "dim": ("8i8", 16),
    "pixdim": ("8f8", 104),
    "vox_offset": ("i8", 168),
    "scl_slope": ("f8", 176),
    "scl_inter": ("f8", 184),
    "qform_code": ("i4", 344),
    "sform_code": ("i4", 348),
    "quatern": ("3f8", 352),
    "qoffset": ("3f8", 376),
    "srow": ("(3,4)f8", 400),
    "xyzt_units": ("i4", 500),
    "intent_code": ("i4", 504),
}

_ANALYZE_TYPES = {
    0: "V",
    1: "V",
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    32: "c8",
    64: "f8",
    128: "3u1,",
    255: "V",
}
_NIFTI_TYPES = _ANALYZE_TYPES | {
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
    1536: "g",
    1792: "c16",
    2048: "G",
    2304: "4u1,",
}
_QUADRUPLE_MANTISSA = 112  # bits of the format's float128; most machines' long double is another number

_ROUNDED_W2 = {348: 3 * 2.0**-23, 540: 3 * 2.0**-52}
"""By the header's size: w² below which the rounding of the stored b, c, d explains it (three units of precision)."""


@cache
def _layout(size: int, byte_order: Literal["<", ">"], magic: bool) -> np.dtype[Any]:
    """The fields as a NumPy structure."""
    fields = _NIFTI_2 if size == 540 else _NIFTI_1 if magic else _ANALYZE
    types, offsets = zip(*fields.values(), strict=True)
    dtype = np.dtype({"names": list(fields), "formats": types, "offsets": offsets, "itemsize": size})
    return dtype.newbyteorder(byte_order)


class NiftiHeader:
    """The header's fields as Python numbers; a field that the format lacks (Analyze has few) reads as zero."""

    def __init__(self, block: bytes, byte_order: Literal["<", ">"], *, magic: bool) -> None:
        """block: the header's 348 (NIfTI-1, Analyze) or 540 (NIfTI-2) bytes. magic: it is NIfTI, not Analyze."""
        self._bytes = len(block)
        self.byte_order = byte_order
        self._types = _NIFTI_TYPES if magic else _ANALYZE_TYPES
        values = np.frombuffer(block, _layout(self._bytes, byte_order, magic))[0]
        self._values: dict[str, Any] = {name: values[name].tolist() for name in values.dtype.names}
        self.magic: bytes = self._values.get("magic", b"")
        self.axes: int = self._values["dim"][0]
        self.datatype: int = self._values["datatype"]
        self.pixdim: list[float] = self._values["pixdim"]
        self.vox_offset = float(self._values["vox_offset"])
        self.intent_code = self._code("intent_code")
        self.xyzt_units = self._code("xyzt_units")
        self.sform_code = self._code("sform_code")
        self.qform_code = self._code("qform_code")

    def _code(self, name: str) -> int:
        return int(self._values.get(name, 0))

    def shape(self) -> tuple[int, ...]:
        """Voxels along each of the ``axes`` (1 to 7), unchecked. Raises ValueError.

        NIfTI-1 counts to 32767 only; FreeSurfer notes longer vectors, and its ico7 surface, in ways of its own.
        """
        dims = tuple(self._values["dim"][1 : self.axes + 1])
        if "glmin" not in self._values:
            return dims
        if dims[:3] == (-1, 1, 1):
            length = self._values["glmin"]
            if length == 0:
                raise ValueError("-1 in dim[1] but 0 in glmin; inconsistent freesurfer type header?")
            return (length, *dims[1:])
        if dims[:3] == (27307, 1, 6):
            return (163842, 1, 1, *dims[3:])
        return dims

    def dtype(self) -> np.dtype[Any]:
        """The stored voxels' type, byte order included; void where NumPy has none. Raises KeyError: unknown code."""
        name = self._types[self.datatype]
        if name in "gG" and np.finfo(np.longdouble).nmant != _QUADRUPLE_MANTISSA:
            name = "V"
        return np.dtype(name).newbyteorder(self.byte_order)

    def slope_and_intercept(self) -> tuple[float, float] | None:
        """The scaling, None where the header states none. Raises ValueError for an intercept that is not finite."""
        slope, intercept = self._values.get("scl_slope", 0.0), self._values.get("scl_inter", 0.0)
        if slope == 0 or not math.isfinite(slope):
            return None
        if not math.isfinite(intercept):
            raise ValueError(f"Valid slope but invalid intercept {intercept}")
        return slope, intercept

    def sform(self) -> Floats:
        """The affine (4, 4) of the srow fields, in the header's units; any numbers, finite or not."""
        return np.array([*self._values["srow"], [0.0, 0.0, 0.0, 1.0]])

    def qform(self) -> Floats:
        """The affine (4, 4) of the quaternion, in the header's units. Raises ValueError where it is none.

        The rotation is that of the unit quaternion (w, b, c, d) with w ≥ 0, its third column times qfac: pixdim[0],
        where 0 is 1, as it is to nibabel and ITK.
        """
        rotation = _rotation(self._values["quatern"], _ROUNDED_W2[self._bytes])
        qfac, *spacing = self.pixdim[0] or 1.0, *self.pixdim[1:4]
        if any(length < 0 for length in spacing):
            raise ValueError("pixdims[1,2,3] should be positive")
        if qfac not in (-1, 1):
            raise ValueError("qfac (pixdim[0]) should be 1 or -1")
        affine = np.eye(4)
        with np.errstate(all="ignore"):  # whoever uses the affine refuses what is not finite
            affine[:3, :3] = rotation @ np.diag([*spacing[:2], spacing[2] * qfac])
        affine[:3, 3] = self._values["qoffset"]
        return affine


def _rotation(bcd: list[float], rounded: float) -> NDArray[np.longdouble]:
    """The matrix (3, 3) of a unit quaternion's b, c, d. Raises ValueError where they are longer than 1.

    In long double, because 1 - (b² + c² + d²) cancels near half a turn.
    """
    x, y, z = stored = np.asarray(bcd, dtype=np.longdouble)
    w2 = 1.0 - stored @ stored
    if w2 <= -rounded:
        raise ValueError(f"w2 should be positive, but is {w2:e}")
    w = 0.0 if abs(w2) < rounded else np.sqrt(w2)
    s = 2.0 / (w * w + x * x + y * y + z * z)
    sx, sy, sz = s * x, s * y, s * z
    return np.array(
        [
            [1.0 - (y * sy + z * sz), x * sy - w * sz, x * sz + w * sy],
            [x * sy + w * sz, 1.0 - (x * sx + z * sz), y * sz - w * sx],
            [x * sz - w * sy, y * sz + w * sx, 1.0 - (x * sx + y * sy)],
        ]
    )

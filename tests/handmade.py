"""Small volumes, and headers, of formats that no library at hand writes: 5×4×3 voxels of 0.8×1.5×3 mm."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPACING = (0.8, 1.5, 3.0)


def attribute(kind: str, name: str, *values: object) -> str:
    """An attribute of an AFNI header."""
    text = f"'{values[0]}~" if kind == "string" else " ".join(map(str, values))
    count = len(text) - 1 if kind == "string" else len(values)
    return f"type = {kind}-attribute\nname = {name}\ncount = {count}\n{text}\n"


def afni_header(bricks: int = 1, kind: int = 0, factors: tuple[float, ...] = (), order: str = "LSB_FIRST") -> bytes:
    """A .HEAD of 5×4×3 voxels; AFNI's axes are LPS+ (README.attributes of AFNI)."""
    return "\n".join(
        (
            "",
            attribute("string", "TYPESTRING", "3DIM_HEAD_ANAT"),
            attribute("integer", "DATASET_RANK", 3, bricks, 0, 0, 0, 0, 0, 0),
            attribute("integer", "DATASET_DIMENSIONS", 5, 4, 3, 0, 0),
            attribute("string", "BYTEORDER_STRING", order),
            attribute("integer", "BRICK_TYPES", *[kind] * bricks),
            attribute("float", "BRICK_FLOAT_FACS", *(factors or (0.0,) * bricks)),
            attribute("float", "DELTA", -0.8, -1.5, 3),
            attribute("float", "IJK_TO_DICOM_REAL", -0.8, 0, 0, 0, 0, -1.5, 0, 0, 0, 0, 3, 0),
        )
    ).encode()


def par_header(kind: int = 8) -> bytes:
    """A .PAR (V4.2) of three slices of 5×4 voxels, transverse."""
    line = (
        f"{{0}} 1 1 1 0 1 {{1}} {kind} 100 5 4 0 1 1 100 200 0 0 0 0 0 0 3 0 0 1 0 0 0.8 1.5 0 0 0 0 1 90 "
        "0 0 0 0 0 1 1 0 0 0 0 0 1"
    )
    return "\n".join(
        (
            "# === DATA DESCRIPTION FILE ===",
            "# CLINICAL TRYOUT  Research image export tool     V4.2",
            "# === GENERAL INFORMATION ===",
            ".    Patient name                       :   nobody",
            ".    Max. number of slices/locations    :   3",
            ".    Max. number of dynamics            :   1",
            ".    Scan resolution  (x, y)            :   5  4",
            ".    Repetition time [ms]               :   5.000",
            ".    FOV (ap,fh,rl) [mm]                :   6.000  9.000  4.000",
            ".    Angulation midslice(ap,fh,rl)[degr]:   0.000  0.000  0.000",
            ".    Off Centre midslice(ap,fh,rl) [mm] :   1.000  2.000  3.000",
            ".    Dynamic scan      <0=no 1=yes> ?   :   0",
            ".    Diffusion         <0=no 1=yes> ?   :   0",
            "#",
            "# === IMAGE INFORMATION ===",
            *(line.format(n + 1, n) for n in range(3)),
            "# === END OF DATA DESCRIPTION FILE ===",
            "",
        )
    ).encode()


def minc(
    array: NDArray[Any],
    typecode: str = "b",
    sign: bytes = b"unsigned",
    names: tuple[str, ...] = ("xspace", "yspace", "zspace"),
) -> bytes:
    """A MINC 1 file of integers to 100: netCDF's classic format, variables by the MINC programmer's guide."""
    from scipy.io import netcdf_file

    target = io.BytesIO()
    file = netcdf_file(target, "w", version=1)
    space = {name: axis for axis, name in enumerate(n for n in names if n.endswith("space"))}
    for size, name in zip(array.shape, names, strict=True):
        file.createDimension(name, size)
        variable = file.createVariable(name, "i", ())
        variable.data[...] = 0  # else it is whatever lay in memory
        variable.spacing = b"regular__"
        if name in space:
            variable.start, variable.step = np.float64(0.0), np.float64(SPACING[space[name]])
            variable.direction_cosines = np.eye(3)[space[name]]
    image = file.createVariable("image", typecode, names)
    image.signtype = sign
    image.valid_range = np.array([0.0, 100.0])
    image[:] = array.astype(typecode)
    for name, value in (("image-max", 100.0), ("image-min", 0.0)):
        file.createVariable(name, "d", names[:1])[:] = np.full(array.shape[0], value)
    file.flush()
    return target.getvalue()


_TIFF_FIELDS = {"subfile": 254, "format": 339}  # what a plain slice has not


def tiff(*slices: NDArray[Any], **fields: int) -> bytes:
    """Uncompressed grey slices (x, y) of bytes; a field by its name is another one in the last slice, -1 leaves it out.

    Source: TIFF 6.0, section 4.
    """
    content, link = bytearray(b"II*\0\0\0\0\0"), 4
    for number, values in enumerate(slices, 1):
        width, length = values.shape
        entries = {
            "width": (256, width), "length": (257, length), "bits": (258, 8), "compression": (259, 1),
            "photometric": (262, 1), "offsets": (273, len(content)), "samples": (277, 1), "rows": (278, length),
            "counts": (279, width * length),
        }  # fmt: skip
        if number == len(slices):
            entries |= {name: (_TIFF_FIELDS.get(name, 0) or entries[name][0], value) for name, value in fields.items()}
        content += values.astype(np.uint8).tobytes("F")
        content[link : link + 4] = struct.pack("<I", len(content))
        stated = [entry for entry in entries.values() if entry[1] != -1]
        content += struct.pack("<H", len(stated))
        content += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in stated)
        link = len(content)
        content += bytes(4)
    return bytes(content)


def bmp(values: NDArray[Any]) -> bytes:
    """An uncompressed picture (x, y) of bytes with a palette of greys, as Windows writes it: the last row first."""
    width, height = values.shape
    rows = b"".join(values[:, y].astype(np.uint8).tobytes() + bytes(-width % 4) for y in reversed(range(height)))
    start = 54 + 1024
    return (
        b"BM"
        + struct.pack("<IHHI", start + len(rows), 0, 0, start)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 0, len(rows), 0, 0, 256, 0)
        + b"".join(bytes((grey, grey, grey, 0)) for grey in range(256))
        + rows
    )

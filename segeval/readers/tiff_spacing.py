"""The spacing that OME-TIFF and ImageJ state, in millimetres.

A plain TIFF's resolution is dots per inch for a printer, and is not taken for a spacing. Sources: the OME-XML schema
(docs.openmicroscopy.org), ImageJ's ij.io.TiffDecoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from segeval.readers.affines import require_usable_affine
from segeval.readers.lengths import mm_of
from segeval.volumes.geometry import Geometry

_X_RESOLUTION, _Y_RESOLUTION = 282, 283


def stated_spacing(tiff: Any) -> tuple[float, ...] | None:
    """(x, y) or (x, y, z) of an open TiffFile; None where it states none, or in pixels. Raises what tifffile does."""
    return _of_ome(tiff) if tiff.is_ome else _of_imagej(tiff)


def stated_geometry(path: Path, shape: tuple[int, ...], spacing: tuple[float, ...]) -> Geometry | None:
    """The spacing as a grid; None where the slices' distance is not stated. Raises GeometryError."""
    if len(shape) > 2 and shape[2] > 1 and len(spacing) < 3:
        return None
    affine = np.diag([*spacing, *(1.0,) * (4 - len(spacing))])
    require_usable_affine(path, affine, "spacing")
    return Geometry(shape, affine, oriented=False)


def _of_ome(tiff: Any) -> tuple[float, ...] | None:
    import tifffile

    image = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
    found: list[float] = []
    for axis in "XYZ":
        size, unit = pixels.get(f"PhysicalSize{axis}"), mm_of(str(pixels.get(f"PhysicalSize{axis}Unit", "µm")))
        if size is None or unit is None:
            break
        found.append(float(size) * unit)
    return tuple(found) if len(found) > 1 else None


def _of_imagej(tiff: Any) -> tuple[float, ...] | None:
    stated = tiff.imagej_metadata or {}
    unit = stated.get("unit", "")  # of x, and of y and z where they name none of their own
    factors = [mm_of(str(stated.get(name, unit)).lower()) for name in ("unit", "yunit", "zunit")]
    resolutions = [tiff.pages[0].tags.valueof(code) for code in (_X_RESOLUTION, _Y_RESOLUTION)]
    if None in factors[:2] or any(pair is None or 0 in pair for pair in resolutions):
        return None
    plane = [below / above * mm for (above, below), mm in zip(resolutions, factors, strict=False) if mm is not None]
    depth, mm = stated.get("spacing"), factors[2]
    return (*plane, abs(float(depth)) * mm) if depth is not None and mm is not None else tuple(plane)

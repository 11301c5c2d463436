"""Segmentations of 3D Slicer, written by hand, and by pynrrd."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Segment = tuple[int, int, str]
"""Layer, value, name."""

SPACING = (0.8, 1.5, 3.0)
ORIGIN = (10.0, -20.0, 5.0)


def fields_of(segments: Sequence[Segment]) -> dict[str, str]:
    """The writer's own keys."""
    found = {}
    for number, (layer, value, name) in enumerate(segments):
        found |= {
            f"Segment{number}_ID": f"Segment_{number + 1}",
            f"Segment{number}_Name": name,
            f"Segment{number}_Layer": str(layer),
            f"Segment{number}_LabelValue": str(value),
            f"Segment{number}_Color": "0.5 1 0",
        }
    return found


def seg_nrrd(layers: Array, segments: Sequence[Segment], *more: str, origin: Sequence[float] = ORIGIN) -> bytes:
    """By hand. layers: (x, y, z), or (layers, x, y, z), in 16 bits."""
    vectors = " ".join("({},{},{})".format(*row) for row in np.diag(SPACING).tolist())
    lines = [
        "NRRD0004", "type: unsigned short", f"dimension: {layers.ndim}", "space: left-posterior-superior",
        "sizes: " + " ".join(map(str, layers.shape)),
        f"space directions: {'none ' if layers.ndim == 4 else ''}{vectors}",
        f"kinds: {'list ' if layers.ndim == 4 else ''}domain domain domain", "endian: little", "encoding: gzip",
        "space origin: ({},{},{})".format(*origin), *more,
        *(f"{key}:={value}" for key, value in fields_of(segments).items()),
    ]  # fmt: skip
    voxels = gzip.compress(layers.astype("<u2").tobytes(order="F"), mtime=0)
    return ("\n".join(lines) + "\n\n").encode() + voxels


def by_pynrrd(path: Path, layers: Array, segments: Sequence[Segment]) -> Path:
    """The same, by another program's writer."""
    import nrrd

    directions = np.diag(SPACING)
    if layers.ndim == 4:
        directions = np.vstack([np.full(3, np.nan), directions])
    header = {
        "space": "left-posterior-superior",
        "space directions": directions,
        "space origin": np.array(ORIGIN),
        "kinds": ["list"] * (layers.ndim == 4) + ["domain"] * 3,
        **fields_of(segments),
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"datetime\.datetime\.utcnow\(\)", DeprecationWarning)  # pynrrd's own clock
        nrrd.write(str(path), layers, header)
    return path

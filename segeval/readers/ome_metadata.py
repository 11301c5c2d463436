"""What OME-Zarr says of an image beside its voxels: where a level lies, and what its labels are called.

Source: the OME-NGFF specification 0.4 and 0.5, "multiscales" and "image-label".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from segeval.errors import UnreadableFile
from segeval.words.colours import hex_colour
from segeval.words.printable import printable, shortened


def scale_and_shift(
    path: Path, transforms: Iterable[Mapping[str, Any]], axes: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Per axis, of transformations that follow one another. Raises UnreadableFile for others than scales and shifts."""
    scale, shift = np.ones(axes), np.zeros(axes)
    for transform in transforms:
        kind = transform.get("type", next(iter(transform), None))
        stated = transform.get(str(kind), np.ones(axes) if kind == "identity" else None)
        if kind not in ("identity", "scale", "translation") or np.shape(stated) != (axes,):
            what = shortened(printable(str(dict(transform))), 100)
            raise UnreadableFile(
                f"{path}: states the transformation {what} of {axes} axes; read are scale and translation, a number "
                "for each axis, so resample it to such a grid"
            )
        values = np.asarray(stated, dtype=np.float64)
        if kind == "translation":
            shift = shift + values
        else:
            scale, shift = scale * values, shift * values
    return tuple(scale.tolist()), tuple(shift.tolist())


def label_table(attributes: Mapping[str, Any]) -> tuple[dict[int, str], dict[int, str]]:
    """Names and colours of ``image-label``; a property called name or class is a name."""
    table = attributes.get("image-label") or {}
    names = {}
    for entry in table.get("properties") or ():
        name = entry.get("name", entry.get("class"))
        if isinstance(name, str) and name.strip():
            names[int(entry["label-value"])] = shortened(" ".join(printable(" ".join(name.split())).split()), 200)
    colours = {
        int(entry["label-value"]): hex_colour(int(part) & 255 for part in entry["rgba"][:3])
        for entry in table.get("colors") or ()
        if entry.get("rgba")
    }
    return names, colours

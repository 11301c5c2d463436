"""A slice of the scan as a small grey PNG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats

_MOST_BYTES = 60_000
_PERCENTILES = (1, 99)
Range = tuple[float, float]


def range_of(window: tuple[float, float] | None, parts: Sequence[NDArray[Any]]) -> Range:
    """The values that are black and white: of a window (level, width), else the parts' 1st and 99th percentile."""
    if window is not None:
        level, width = window
        return level - width / 2, level + width / 2
    values = np.concatenate([part.ravel().astype(np.float64) for part in parts])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, _PERCENTILES)
    return float(low), float(high)


def grey_png(values: NDArray[Any], black_and_white: Range) -> str:
    """A data URI of at most 60 kB before base64; large slices are made coarser.

    values: rows from top to bottom; what is not finite is black.
    """
    from PIL import Image

    image = Image.fromarray(_grey(values, black_and_white))
    data = _encoded(image)
    while len(data) > _MOST_BYTES:
        share = min(0.9, (0.9 * _MOST_BYTES / len(data)) ** 0.5)
        image = image.resize([max(1, int(side * share)) for side in image.size], Image.Resampling.BOX)
        data = _encoded(image)
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _grey(values: NDArray[Any], black_and_white: Range) -> NDArray[np.uint8]:
    low, high = black_and_white
    there: Floats = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    scaled = (there - low) / (high - low) if high > low else np.full(there.shape, 0.5)
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def _encoded(image: Any) -> bytes:
    held = io.BytesIO()
    image.save(held, format="PNG", optimize=True)
    return held.getvalue()

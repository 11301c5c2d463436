"""COCO's masks: run lengths, compressed or not, and polygons, as run lengths that have been looked at.

pycocotools believes whatever run lengths it is given, and writes beyond its memory where they lie; so they are counted
here first, and expanding them is a line. Polygons are traced by COCO's own rule, for which pycocotools or
faster-coco-eval is asked. Source: the mask API of cocodataset/cocoapi (run lengths, down the columns; their text).
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.errors import UnreadableFile
from segeval.volumes.memory import Need, require_memory
from segeval.words.extras import install
from segeval.words.printable import quoted

LIBRARIES = ("pycocotools", "faster_coco_eval")
"""Either traces polygons."""

MOST_PIXELS = 1 << 31
"""Of an image: COCO's tools count in 32 bits."""

_FEWEST = 6  # numbers of a polygon that has an area
_BYTES_PER_STEP = 24  # of the outline, which is traced at five times the resolution
_SCALE = 5
_LONGEST = 6  # characters of a run length


def counts_of(where: str, segmentation: object, size: tuple[int, int]) -> Integers | None:
    """Run lengths down the columns, of background first; None where there is no mask at all.

    where: the file and what of it, for messages. size: (height, width). Raises UnreadableFile.
    """
    if isinstance(segmentation, dict):
        return _of_runs(where, segmentation, size)
    if isinstance(segmentation, list):
        return traced(where, segmentation, size) if segmentation else None
    if segmentation is None:
        return None
    raise UnreadableFile(f"{where}: its segmentation is {quoted(segmentation)}; COCO has run lengths or polygons there")


def traced(where: str, polygons: Sequence[object], size: tuple[int, int]) -> Integers:
    """The union of polygons, each x1, y1, x2, y2, … in pixels. Raises UnreadableFile."""
    usable = [polygon for polygon in map(_Polygons(where, size), polygons) if polygon is not None]
    if not usable:
        return np.array([math.prod(size)], dtype=np.int64)
    steps = sum(_SCALE * _outline(polygon) for polygon in usable)
    require_memory(
        where, Need(_BYTES_PER_STEP * steps, "tracing its polygons", "store run lengths instead of polygons")
    )
    library = _library(where)
    encoded = library.merge(library.frPyObjects(usable, *size))
    return _expanded(where, bytes(encoded["counts"]), size)


class _Polygons:
    """Looks at polygons one by one: the numbers, or None for one without an area."""

    def __init__(self, where: str, size: tuple[int, int]) -> None:
        self._where, self._size = where, size

    def __call__(self, polygon: object) -> list[float] | None:
        height, width = self._size
        if not isinstance(polygon, list) or not all(type(number) in (int, float) for number in polygon):
            raise UnreadableFile(
                f"{self._where}: holds {quoted(polygon)} for a polygon x1, y1, x2, y2, …; export it again"
            )
        if len(polygon) % 2:
            raise UnreadableFile(
                f"{self._where}: has a polygon of {len(polygon)} numbers, half a point; export it again"
            )
        reach = max(height, width)
        for place, (number, length) in enumerate(zip(polygon, (width, height) * (len(polygon) // 2), strict=True)):
            if not -reach <= number <= length + reach:  # neither does NaN
                axis = "xy"[place % 2]
                raise UnreadableFile(
                    f"{self._where}: has a polygon at {axis} = {quoted(number)} in an image of {width}×{height}; "
                    "export it again"
                )
        return [float(number) for number in polygon] if len(polygon) >= _FEWEST else None


def _outline(polygon: Sequence[float]) -> int:
    """Steps along it, of a pixel each."""
    points = list(zip(polygon[::2], polygon[1::2], strict=True))
    return sum(math.ceil(max(abs(x - u), abs(y - v))) + 1 for (x, y), (u, v) in pairwise([*points, points[0]]))


def _library(where: str) -> Any:
    if importlib.util.find_spec(LIBRARIES[0]) is not None:
        from pycocotools import mask

        return mask
    if importlib.util.find_spec(LIBRARIES[1]) is not None:
        from faster_coco_eval.core import mask

        return mask
    raise UnreadableFile(f"{where}: polygons need pycocotools; install it with {install('coco')}")


def _of_runs(where: str, segmentation: dict[str, Any], size: tuple[int, int]) -> Integers:
    stated, counts = segmentation.get("size"), segmentation.get("counts")
    if stated != list(size):
        raise UnreadableFile(
            f"{where}: its mask has the size {quoted(stated)}, the image {list(size)} (height, width); they do not "
            "belong together, so export them again"
        )
    if isinstance(counts, str):
        return _expanded(where, counts.encode("utf-8", "surrogatepass"), size)
    if not isinstance(counts, list) or not all(type(count) is int and 0 <= count <= MOST_PIXELS for count in counts):
        raise UnreadableFile(f"{where}: has run lengths {quoted(counts)}, not numbers from 0 on; export it again")
    return _summed(where, counts, size)


def _expanded(where: str, text: bytes, size: tuple[int, int]) -> Integers:
    """The run lengths behind their text: five bits a character, low ones first, each after the third a difference."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = character - 48
        if not 0 <= bits < 64 or shift >= 5 * _LONGEST + 5:
            raise UnreadableFile(f"{where}: its run lengths are no text of COCO's; export it again")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        if not 0 <= value <= MOST_PIXELS:
            raise UnreadableFile(f"{where}: has a run of {value} pixels; export it again")
        counts.append(value)
        value = shift = 0
    if shift:
        raise UnreadableFile(f"{where}: its run lengths end within one; it was cut, so export it again")
    return _summed(where, counts, size)


def _summed(where: str, counts: list[int], size: tuple[int, int]) -> Integers:
    total = sum(counts)
    if total != math.prod(size):
        raise UnreadableFile(
            f"{where}: its run lengths add up to {total} pixels, the image has {size[1]}×{size[0]} = "
            f"{math.prod(size)}; export it again"
        )
    return np.array(counts, dtype=np.int64)


def area_of(counts: Integers) -> int:
    """Pixels of the mask."""
    return int(counts[1::2].sum())


def inside(counts: Integers) -> tuple[slice, NDArray[np.bool_]]:
    """A stretch of the image, column by column, that holds the mask, and which of its pixels belong to it."""
    ends = np.cumsum(counts)
    runs = np.flatnonzero(counts[1::2]) * 2 + 1
    if not runs.size:
        return slice(0, 0), np.zeros(0, dtype=np.bool_)
    first, last = int(runs[0]), int(runs[-1])
    belongs = np.repeat(np.arange(first, last + 1) % 2 == 1, counts[first : last + 1])
    return slice(int(ends[first - 1]), int(ends[last])), belongs

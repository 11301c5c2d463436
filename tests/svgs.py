"""What a picture shows, read back from its SVG."""

from __future__ import annotations

import base64
import io
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

Line = list[tuple[float, float]]
_SVG = "{http://www.w3.org/2000/svg}"


def corners_of(path: str) -> list[Line]:
    """The corners (x, y) of each closed line of a path of ``M``, ``h``, ``v`` and ``z``."""
    found: list[Line] = []
    for line in filter(None, path.split("z")):
        start, *steps = re.findall(r"[Mhv][^Mhv]*", line)
        x, y = map(float, start[1:].split())
        corners = [(x, y)]
        for step in steps:
            x, y = (x + float(step[1:]), y) if step[0] == "h" else (x, y + float(step[1:]))
            corners.append((x, y))
        found.append(corners)
    return found


def layer(svg: str, name: str) -> Any:
    """The group of a layer; None where there is none."""
    root = ElementTree.fromstring(svg)  # noqa: S314 (our own)
    return next((g for g in root.iter(f"{_SVG}g") if g.get("class") == f"layer-{name}"), None)


def box_of(svg: str, name: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a layer's path, in mm."""
    corners = np.array([corner for line in corners_of(layer(svg, name)[0].get("d")) for corner in line])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def marks(svg: str) -> list[tuple[str, float, float]]:
    """Each text of the marks, and where it stands."""
    return [(text.text, float(text.get("x")), float(text.get("y"))) for text in layer(svg, "marks").iter(f"{_SVG}text")]


def scan_of(svg: str) -> NDArray[np.uint8]:
    """The grey values of the scan, rows from top to bottom."""
    from PIL import Image

    uri = layer(svg, "image")[0].get("href")
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)))

"""One slice as an SVG: the scan, what is wrong, both outlines, and what a reader needs to find his way.

Colours are presentation attributes with variables, so that a page can set them and its policy need not allow styles;
a file that stands alone has their defaults.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Mask
from segeval.pictures.outlines import decimals, outline, short
from segeval.pictures.scans import Range, grey_png

_PIXELS = 320  # of the longer side, where a page does not say otherwise
_LINES = {"reference": ("#0072b2", "#56b4e9", ""), "prediction": ("#d55e00", "#e69f00", "2.4 1.6")}
"""Okabe and Ito's blue and vermilion on paper, sky blue and orange on a scan; dashes: hundredths of the longer side."""
_FILLS = {"false-positive": "prediction", "false-negative": "reference"}
"""What only the prediction has is filled with its colour, what only the reference has with the reference's."""


class Drawn(Struct, frozen=True):
    """What is drawn: masks and scan of one shape, cut out of the slice, rows from top to bottom.

    evaluated: the voxels that count. black_and_white: the scan's values that are. marks: the letters left, right, on
    top, at the bottom, or nothing. unit: of lengths.
    distance: where the largest distance begins and ends, (x, y) in mm, and whether both ends lie in the slice.
    """

    reference: Mask
    prediction: Mask
    evaluated: Mask
    scan: NDArray[Any] | None
    black_and_white: Range
    pixel_mm: tuple[float, float]
    marks: str
    unit: str = "mm"
    distance: tuple[tuple[float, float], tuple[float, float], bool] | None = None


def svg_of(drawn: Drawn, description: str) -> str:
    """The ``<svg>`` element; nothing in it but the description comes from outside, and that is escaped."""
    rows, columns = drawn.reference.shape
    width, height = columns * drawn.pixel_mm[0], rows * drawn.pixel_mm[1]
    one = max(width, height) / 100
    band = 7 * one if drawn.marks else 2 * one
    below = band + 11 * one
    box = (-band, -band, width + 2 * band, height + band + below)
    scale = _PIXELS / max(box[2:])
    parts = [
        _scan(drawn, width, height),
        *(_fill(drawn, name) for name in _FILLS),
        *(_line(drawn, name, one) for name in _LINES),
        _distance(drawn, one),
        _marks(drawn, width, height, one),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{" ".join(f"{v:.5g}" for v in box)}" '
        f'width="{box[2] * scale:.0f}" height="{box[3] * scale:.0f}" role="img" aria-label="{escape(description)}">'
        + "".join(parts)
        + "</svg>"
    )


def _scan(drawn: Drawn, width: float, height: float) -> str:
    if drawn.scan is None:
        return ""
    return (
        f'<g class="layer-image"><image width="{width:.5g}" height="{height:.5g}" preserveAspectRatio="none" '
        f'href="{grey_png(drawn.scan, drawn.black_and_white)}"/></g>'
    )


def _colour(drawn: Drawn, name: str) -> str:
    paper, scan, _ = _LINES[name]
    return f"var(--{name}, {paper})" if drawn.scan is None else f"var(--{name}-on-scan, {scan})"


def _fill(drawn: Drawn, name: str) -> str:
    only_prediction = name == "false-positive"
    inside = drawn.prediction & ~drawn.reference if only_prediction else drawn.reference & ~drawn.prediction
    path = outline(inside & drawn.evaluated, drawn.pixel_mm)
    return f'<g class="layer-{name}" fill="{_colour(drawn, _FILLS[name])}" fill-opacity=".4"><path d="{path}"/></g>'


def _line(drawn: Drawn, name: str, one: float) -> str:
    """On a scan, the solid line has a dark edge: what is bright hides none, and the dashes let it through."""
    mask = drawn.reference if name == "reference" else drawn.prediction
    dashes = _LINES[name][2]
    dashed = "" if not dashes else f' stroke-dasharray="{" ".join(f"{float(d) * one:.3g}" for d in dashes.split())}"'
    path = outline(mask & drawn.evaluated, drawn.pixel_mm)
    dark = ""
    if drawn.scan is not None and not dashed:
        dark = f'<path d="{path}" stroke="#000000" stroke-opacity=".6" stroke-width="{1.3 * one:.3g}"/>'
    return (
        f'<g class="layer-{name}" fill="none" stroke="{_colour(drawn, name)}" stroke-width="{0.7 * one:.3g}" '
        f'stroke-linejoin="round"{dashed}>{dark}<path d="{path}"/></g>'
    )


def _distance(drawn: Drawn, one: float) -> str:
    """A line between two dots, dotted where it is only projected onto the slice; light with a dark edge."""
    if drawn.distance is None:
        return ""
    (x, y), (to_x, to_y), inside = drawn.distance
    dots = "".join(f'<circle cx="{a:.5g}" cy="{b:.5g}" r="{1.1 * one:.3g}"/>' for a, b in ((x, y), (to_x, to_y)))
    dotted = "" if inside else f' stroke-dasharray="{0.4 * one:.3g} {1.4 * one:.3g}"'
    line = f'd="M{x:.5g} {y:.5g}L{to_x:.5g} {to_y:.5g}" fill="none" stroke-linecap="round"'
    edge = f'<path {line} stroke-width="{1.6 * one:.3g}"/>'
    middle = f'<path {line} stroke="#f0e442" stroke-width="{0.9 * one:.3g}"{dotted}/>'
    return (
        f'<g class="layer-distance" fill="#f0e442" stroke="#000000" stroke-width="{0.3 * one:.3g}">'
        f"{edge}{middle}{dots}</g>"
    )


def _marks(drawn: Drawn, width: float, height: float, one: float) -> str:
    """The frame, the letters of the sides, the scale bar."""
    size = 5.5 * one
    texts = []
    places = (
        (-3.7 * one, height / 2 + size / 3),
        (width + 3.7 * one, height / 2 + size / 3),
        (width / 2, -1.7 * one),
        (width / 2, height + 5.6 * one),
    )
    for letter, (x, y) in zip(drawn.marks, places, strict=False):
        texts.append(f'<text x="{x:.5g}" y="{y:.5g}">{letter}</text>')
    length = bar_length(width)
    digits = decimals((length, length))
    bottom = height + (12.5 if drawn.marks else 7.5) * one
    bar = f'<path d="M0 {bottom - 1.2 * one:.5g}v{1.2 * one:.5g}h{length:.5g}v{-1.2 * one:.5g}"/>'
    at = f'x="{length + 1.5 * one:.5g}" y="{bottom:.5g}"'
    words = f'<text {at} text-anchor="start">{short(length, digits)} {drawn.unit}</text>'
    frame = f'<path d="M0 0h{width:.5g}v{height:.5g}h{-width:.5g}z" stroke-opacity=".35"/>'
    return (
        f'<g class="layer-marks" font-family="sans-serif" font-size="{size:.3g}" text-anchor="middle" '
        f'fill="var(--ink, currentColor)"><g fill="none" stroke="var(--ink, currentColor)" '
        f'stroke-width="{0.5 * one:.3g}">{frame}{bar}</g>{"".join(texts)}{words}</g>'
    )


def bar_length(width: float) -> float:
    """1, 2 or 5 times a power of ten: the largest that is at most two fifths of the width."""
    most = 0.4 * width
    power = 10.0 ** math.floor(math.log10(most))
    return next(float(n) * power for n in (5, 2, 1) if n * power <= most * (1 + 1e-9))


def cut_out(inside: Mask, pixel_mm: tuple[float, float]) -> tuple[slice, slice]:
    """The rows and columns around a mask: on each side a quarter of its longer side more, 8 pixels at least, and no
    side shorter than half of the other, as far as the slice reaches; all of it where the mask is empty."""
    if not inside.any():
        return slice(0, inside.shape[0]), slice(0, inside.shape[1])
    spans = []
    for axis in (1, 0):
        there = np.flatnonzero(inside.any(axis=axis))
        spans.append((int(there[0]), int(there[-1]) + 1))
    sizes = [(stop - start) * mm for (start, stop), mm in zip(spans, pixel_mm[::-1], strict=True)]
    margin = max(0.25 * max(sizes), 8 * max(pixel_mm))
    wanted = [size + 2 * margin for size in sizes]
    wanted = [max(size, max(wanted) / 2) for size in wanted]
    found = []
    for (start, stop), size, mm, most in zip(spans, wanted, pixel_mm[::-1], inside.shape, strict=True):
        more = math.ceil((size / mm - (stop - start)) / 2)
        found.append(slice(max(0, start - more), min(most, stop + more)))
    return found[0], found[1]

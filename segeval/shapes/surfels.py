"""Surface distances with elements weighted by area, as DeepMind's ``surface-distance`` package weights them.

An element ("surfel") sits in the middle of 2×2×2 neighbouring voxels that are neither all foreground nor all
background (2×2 in 2-D); outside the image is background. Its area is that of the marching-cubes surface inside the cube
that the eight voxel centres span. Distances are between surfels, exact.

The area of a configuration is derived here, not tabulated:

1. The surface crosses each cube edge between a foreground and a background corner in the middle.
2. On each face the crossings are joined by segments. A face with two diagonal foreground corners is ambiguous: the side
   (foreground or background) with fewer corners in the whole cube is taken to be unconnected there; with four
   and four it makes no difference. A configuration and its complement so have the same area.
3. The segments close to loops of 3 to 6 crossings. A loop that is not plane can be cut into triangles in several ways;
   the cut with the largest area at spacing 1 is taken. (It keeps coplanar pieces together, as Lorensen and Cline 1987
   draw them.) Cuts of equal area are the same surface.
4. At another spacing the area vector (x, y, z) of a triangle becomes (x·s1·s2, y·s0·s2, z·s0·s1).

In 2-D step 2 alone gives the length of the contour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import combinations, product

import numpy as np

from segeval.array_types import Floats
from segeval.shapes.elements import Elements, Kinds, occupied, steps_of
from segeval.shapes.layers import Codes
from segeval.shapes.surface_distances import measure_all
from segeval.shapes.target_masks import TargetMasks
from segeval.tallies.surfaces import TargetSurface

Corner = tuple[int, ...]  # 0 or 1 along each axis
Crossing = tuple[float, ...]  # the middle of an edge
Segment = tuple[Crossing, Crossing]
Vector = tuple[float, ...]

_ROUNDING = 1e-9


def measure_surfels(masks: TargetMasks, workers: int = 1) -> TargetSurface:
    """The distances between the two surfaces of a target and the areas of their surfels (lengths in 2-D)."""
    return measure_all([masks], workers, SURFELS)[0]


class _Surfels:
    """A surfel's position is that of the first corner of its cube (square in 2-D), its kind the configuration."""

    before = 1
    open = False

    def on(self, axes: Sequence[int]) -> _Surfels:  # noqa: ARG002 (the areas follow the spacing)
        return self

    def find(self, codes: Codes) -> Elements:
        """Of each code that is in some of a cube's corners and not in all."""
        flat = codes.reshape(-1)
        steps = [
            sum(s * i for s, i in zip(steps_of(codes.shape), corner, strict=True)) for corner in _corners(codes.ndim)
        ]
        cubes = flat.size - steps[-1]
        mixed = np.zeros(flat.size, dtype=np.bool_)
        for step in steps[1:]:
            mixed[:cubes] |= flat[step : cubes + step] != flat[:cubes]
        where = occupied(mixed)
        corners = [flat[step:].take(where) for step in steps]
        places: list[Codes] = []
        filled = np.zeros(where.size, dtype=np.intp)  # of the places of a cube
        found = []
        for number, own in enumerate(corners):
            new = own != 0
            for earlier in corners[:number]:
                new &= own != earlier
            if not new.any():
                continue
            code = own.compress(new)
            kinds = np.zeros(code.size, dtype=np.uint8)
            for bit, corner in enumerate(corners[number:], number):
                kinds |= (corner.compress(new) == code).view(np.uint8) << np.uint8(bit)
            position, place = where.compress(new), filled.compress(new)
            for level in range(int(place.max()) + 1):
                if level == len(places):
                    places.append(np.zeros_like(flat))
                here = place == level
                places[level][position.compress(here)] = code.compress(here)
            filled += new
            found.append((position, code, kinds))
        if not found:
            return Elements((), where[:0], flat[:0], np.empty(0, dtype=np.uint8))
        positions, owners, kinds = (np.concatenate(part) for part in zip(*found, strict=True))
        return Elements(tuple(places), positions, owners, kinds)

    def areas(self, spacing_mm: Sequence[float]) -> tuple[Floats, Kinds]:
        return _ascending(tuple(spacing_mm))


SURFELS = _Surfels()


@lru_cache(maxsize=16)
def _ascending(spacing_mm: tuple[float, ...]) -> tuple[Floats, Kinds]:
    """(The areas of all configurations, distinct and ascending; the place there of each configuration)."""
    areas, places = np.unique(element_areas(spacing_mm), return_inverse=True)
    return areas, places.astype(np.uint8)


def element_areas(spacing_mm: Sequence[float]) -> Floats:
    """The area in mm² (length in mm) of each configuration of the 8 (4) corners, shape (256,) or (16,).

    Corner (i, j, k) is bit 4i + 2j + k of the configuration (2i + j in 2-D), counted from the lowest.
    """
    axes = len(spacing_mm)
    if axes == 2:
        factors = np.asarray(spacing_mm, dtype=np.float64)
    else:
        factors = np.prod(spacing_mm) / np.asarray(spacing_mm, dtype=np.float64)
    return np.array([np.linalg.norm(np.array(v) * factors, axis=1).sum() if v else 0.0 for v in _vectors(axes)])


def _corners(axes: int) -> list[Corner]:
    return list(product((0, 1), repeat=axes))


@cache
def _vectors(axes: int) -> tuple[tuple[Vector, ...], ...]:
    """Per configuration the area vectors of its triangles (the vectors of its segments in 2-D), at spacing 1."""
    corners = _corners(axes)
    everything = (1 << len(corners)) - 1
    found: dict[int, tuple[Vector, ...]] = {}
    for code in sorted(range(everything + 1), key=int.bit_count):  # the side with fewer corners first
        complement = everything - code
        if complement in found:
            found[code] = found[complement]
            continue
        few = {corner for bit, corner in enumerate(corners) if code >> bit & 1}
        if axes == 2:
            found[code] = tuple(_difference(b, a) for a, b in _segments(corners, few))
        else:
            found[code] = tuple(v for loop in _loops(few) for v in _triangles(loop))
    return tuple(found[code] for code in range(everything + 1))


def _segments(face: Sequence[Corner], few: set[Corner]) -> Iterator[Segment]:
    """How the surface crosses a face of the corners 00, 01, 10, 11: around each of ``few`` that stands alone."""
    a, b, c, d = face
    ring = (a, b, d, c)
    inside = [corner in few for corner in ring]
    crossings = [_middle(ring[i - 1], ring[i]) for i in range(4)]  # of the edge that ends in corner i
    open_edges = [crossings[i] for i in range(4) if inside[i - 1] != inside[i]]
    if len(open_edges) == 2:
        yield open_edges[0], open_edges[1]
    elif open_edges:
        for i in range(4):
            if inside[i]:
                yield crossings[i], crossings[(i + 1) % 4]


def _loops(few: set[Corner]) -> Iterator[list[Crossing]]:
    """The closed loops of the segments on the six faces."""
    segments = [
        segment
        for axis, side in product(range(3), (0, 1))
        for segment in _segments([corner for corner in _corners(3) if corner[axis] == side], few)
    ]
    while segments:
        start, end = segments.pop()
        loop = [start]
        while end != start:
            loop.append(end)
            following = next(segment for segment in segments if end in segment)
            segments.remove(following)
            end = following[0] if following[1] == end else following[1]
        yield loop


def _triangles(loop: Sequence[Crossing]) -> list[Vector]:
    """The area vectors of the triangles of the largest cut of a loop."""
    vector = {
        abc: _half_cross(_difference(loop[abc[1]], loop[abc[0]]), _difference(loop[abc[2]], loop[abc[0]]))
        for abc in combinations(range(len(loop)), 3)
    }
    length = {abc: float(np.linalg.norm(v)) for abc, v in vector.items()}
    largest = max(_cuts(0, len(loop) - 1), key=lambda cut: round(sum(length[abc] for abc in cut) / _ROUNDING))
    return [vector[abc] for abc in largest]


def _cuts(first: int, last: int) -> list[list[tuple[int, int, int]]]:
    """Every way to cut the polygon of the corners first … last into triangles."""
    if last - first < 2:
        return [[]]
    return [
        [*left, *right, (first, tip, last)]
        for tip in range(first + 1, last)
        for left in _cuts(first, tip)
        for right in _cuts(tip, last)
    ]


def _middle(a: Corner, b: Corner) -> Crossing:
    return tuple((x + y) / 2 for x, y in zip(a, b, strict=True))


def _difference(a: Crossing, b: Crossing) -> Vector:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def _half_cross(a: Vector, b: Vector) -> Vector:
    return (
        (a[1] * b[2] - a[2] * b[1]) / 2,
        (a[2] * b[0] - a[0] * b[2]) / 2,
        (a[0] * b[1] - a[1] * b[0]) / 2,
    )

"""Closed contours in parallel planes, as labels of the voxels of any grid whose planes they lie in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.errors import GeometryError
from segeval.readers.masks import MaskCodes, overlap_remarks
from segeval.readers.polygons import FARTHEST, crossed, inside
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import Piece
from segeval.words.printable import shortened

_TIE = 1e-6  # of the distance of planes: a contour half-way, but for decimals, belongs to the next plane
_SAME_PLANE = 0.05  # of the distance of planes: contours that are closer were drawn in one plane
_SAME_POINT = 1e-3  # mm: what writers' decimals leave of a point that is stored twice
_MIXED = np.sqrt([2, 3, 5, 7, 11, 13, 17, 19, 23])  # sums that few contours share which are not the same
_MOST_ALIKE = 8  # contours of one box, and not the same, that one is compared with: few files have any
_MOST_STARTS = 8  # edges of a contour that lie in one place
_BEYOND = "give the volume that it was drawn on"


class Structure(Struct, frozen=True, eq=False):
    """What one label's contours are: (points, 3) each, in mm, RAS+. exclusive: some are said to be combined by XOR."""

    label: int
    name: str
    contours: tuple[Floats, ...]
    exclusive: bool = False


class Laid(Struct, frozen=True, eq=False):
    """Contours on a grid.

    shape: columns and rows of its planes, and how many those are. axes: which of the grid's axes these three are.
    planes: by plane and label, polygons in voxels of the first two. remarks: on how they fit. plain: the names of the
    labels whose contours should not cross.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    planes: Mapping[int, Mapping[int, Sequence[Floats]]]
    remarks: tuple[str, ...]
    plain: Mapping[int, str] = {}


class Met(Struct):
    """What is known once contours were laid on a grid and read: how they fit it, and each other."""

    name: str
    codes: MaskCodes = field(default_factory=lambda: MaskCodes({}))
    overlapping: int = 0
    fit: tuple[str, ...] = ()
    crossed: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def remarks(self) -> list[str]:
        """What the user should know of it."""
        cross = self._said("cross, and what lies in two of them is outside, in three inside", self.crossed)
        same = self._said("are all but the same, and what lies in two of them is outside", self.lost)
        return [*self.fit, *cross, *same, *overlap_remarks(self.name, self.overlapping, "structures")]

    def _said(self, what: str, counts: Mapping[str, int]) -> list[str]:
        voxels = [f"{name} ({count} voxels)" for name, count in counts.items() if count]
        names = shortened(", ".join(voxels), 300)
        words = f"{self.name}: contours of one structure {what}: {names}; mend them where they were drawn"
        return [words] if voxels else []


class ContourSource:
    """The voxels inside of contours, plane by plane; where structures overlap, codes."""

    def __init__(self, laid: Laid, met: Met) -> None:
        self._planes, self._plain = laid.planes, laid.plain
        self._met = met
        met.fit = laid.remarks
        self.shape = laid.shape
        self.channels = 1
        self.dtype: np.dtype[Any] = np.dtype(np.int64)
        self.in_order = False

    def pieces(self, channel: int) -> Iterator[Piece]:  # noqa: ARG002 (there is one)
        """A piece per plane."""
        columns, rows, depth = self.shape
        self._met.overlapping = 0
        self._met.crossed.clear()
        self._met.lost.clear()
        for number in range(depth):
            plane = np.zeros((rows, columns), dtype=np.int64)
            for label, polygons in sorted(self._planes.get(number, {}).items()):
                if (found := inside(polygons, (columns, rows))) is not None:
                    box, within = found
                    self._met.overlapping += self._met.codes.claim(plane[box], within, label)
                if len(polygons) > 1 and label in self._plain:
                    crossing, lost = crossed(polygons, (columns, rows))
                    self._met.crossed[self._plain[label]] += crossing
                    self._met.lost[self._plain[label]] += lost
            yield plane.reshape(-1)


def repeated(contours: Sequence[Floats]) -> list[int]:
    """The places of closed contours that equal an earlier one, wherever they begin and whichever way they go round."""
    moving = [_without_pauses(contour) for contour in contours]
    marks = np.array(
        [[*part.min(axis=0), *part.max(axis=0), *part.mean(axis=0)] if len(part) else [np.inf] * 9 for part in moving]
    )
    sums = marks.reshape(-1, 9) @ _MIXED
    found: set[int] = set()
    order = np.argsort(sums, kind="stable")[: np.isfinite(sums).sum()].tolist()
    for number, place in enumerate(order):
        others = (order[later] for later in range(number + 1, 0 if place in found else len(order)))
        different = 0
        while different < _MOST_ALIKE and (other := next(others, None)) is not None:
            if sums[other] - sums[place] > _MIXED.sum() * _SAME_POINT:
                break
            if other in found:
                continue
            alike = np.abs(marks[other] - marks[place]).max() <= _SAME_POINT
            if not (alike and _equal(moving[other], moving[place])):
                different += 1
                continue
            found.add(max(other, place))
            if place in found:
                break
    return sorted(found)


def _equal(one: Floats, other: Floats) -> bool:
    if len(one) != len(other):
        return False
    steps, starts = np.arange(len(one)), np.flatnonzero(_near(other, one[0]))
    for way in (1, -1):
        going = starts[_near(other[(starts + way) % len(one)], one[1 % len(one)])][:_MOST_STARTS]
        if any(_near(other[(start + way * steps) % len(one)], one).all() for start in going.tolist()):
            return True
    return False


def _near(points: Floats, others: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.abs(points - others).max(axis=1) <= _SAME_POINT)


def _without_pauses(contour: Floats) -> Floats:
    """Without points that their predecessor is already; the last one's is before the first."""
    moving = (contour != np.roll(contour, 1, axis=0)).any(axis=1)
    return np.asarray(contour[moving])


def lay(name: str, structures: Sequence[Structure], grid: Geometry, tolerance: float) -> Laid:
    """The contours in those planes of a grid, across any of its axes, that they lie in.

    tolerance: a fraction of the smallest spacing that is not worth a remark. Raises GeometryError for a contour that is
    in no plane, or beyond the grid, and for two planes of contours that are in one of the grid.
    """
    if grid.affine is None or not grid.oriented:
        raise GeometryError(f"{name}: is in mm, and the other volume states no place in space; {_BEYOND}")
    points = [contour for one in structures for contour in one.contours]
    shape = (*grid.shape, *(1,) * (3 - len(grid.shape)))
    if not points:
        return Laid(shape, (0, 1, 2), {}, ())
    to_voxels = np.linalg.inv(grid.affine)
    starts = np.cumsum([0, *map(len, points)])[:-1]
    voxels = np.concatenate(points) @ to_voxels[:3, :3].T + to_voxels[:3, 3]
    apart = 1 / np.linalg.norm(to_voxels[:3, :3], axis=1)  # of neighbouring planes, in mm
    low, high = np.minimum.reduceat(voxels, starts), np.maximum.reduceat(voxels, starts)
    spans = (high - low).sum(axis=0) * apart
    across = 2 - int(spans[::-1].argmin())  # a single point lies in planes across any axis
    axes = [axis for axis in range(3) if axis != across] + [across]
    owners = [one for one in structures for _ in one.contours]
    size = tuple(shape[axis] for axis in axes)
    fitting = _Fitting(name, owners, low[:, axes], high[:, axes], size, float(apart[across]))
    numbers = fitting.numbers()
    fitting.require_one_plane_each(numbers)
    fitting.require_within(numbers)
    planes: dict[int, dict[int, list[Floats]]] = defaultdict(lambda: defaultdict(list))
    for owner, number, part in zip(owners, numbers.tolist(), np.split(voxels[:, axes[:2]], starts[1:]), strict=True):
        planes[number][owner.label].append(part)
    remarks = tuple(fitting.remarks(numbers, tolerance * grid.smallest_spacing_mm))
    return Laid(size, tuple(axes), planes, remarks, {one.label: one.name for one in structures if not one.exclusive})


class _Fitting(Struct, frozen=True, eq=False):
    """Whether contours lie in a grid's planes.

    owners: of each contour. low, high: (contours, 3), in voxels, the last axis across. shape: of the grid, likewise.
    apart: the planes, in mm.
    """

    name: str
    owners: Sequence[Structure]
    low: Floats
    high: Floats
    shape: tuple[int, ...]
    apart: float

    def numbers(self) -> Integers:
        """The plane of each contour. Raises GeometryError for points more than half a slice off it, or off the grid."""
        heights = (self.low[:, 2] + self.high[:, 2]) / 2
        numbers = np.floor(heights + 0.5 + _TIE)
        depth = self.shape[2]
        beyond = ~((numbers >= 0) & (numbers < depth))
        if beyond.any():
            worst = int(np.where(beyond, np.maximum(-heights, heights - depth + 1), -1).argmax())
            away = max(-heights[worst], heights[worst] - depth + 1) * self.apart
            raise GeometryError(
                f"{self.name}: {int(beyond.sum())} of {len(beyond)} contours lie beyond the planes of the other "
                f"volume's grid, of {self.owners[worst].name!r} {away:.4g} mm; {_BEYOND}"
            )
        off = np.maximum(self.high[:, 2] - numbers, numbers - self.low[:, 2])
        if off.max() > 0.5 + _TIE:
            worst = int(off.argmax())
            raise GeometryError(
                f"{self.name}: a contour of {self.owners[worst].name!r} is not parallel to the planes of the other "
                f"volume's grid: it spans {(self.high - self.low)[worst, 2] * self.apart:.4g} mm across planes "
                f"{self.apart:.4g} mm apart; {_BEYOND}"
            )
        return numbers.astype(np.int64)

    def require_one_plane_each(self, numbers: Integers) -> None:
        """Raises GeometryError where the contours of several planes would be in one."""
        heights = (self.low[:, 2] + self.high[:, 2]) / 2
        ends: dict[tuple[int, int], tuple[float, float]] = {}
        for owner, number, height in zip(self.owners, numbers.tolist(), heights.tolist(), strict=True):
            low, high = ends.get((owner.label, number), (height, height))
            ends[owner.label, number] = low, high = min(low, height), max(high, height)
            if high - low > _SAME_PLANE:
                raise GeometryError(
                    f"{self.name}: contours of {owner.name!r} {(high - low) * self.apart:.4g} mm apart would lie in "
                    f"one plane of the other volume's grid, whose planes lie {self.apart:.4g} mm apart; {_BEYOND}"
                )

    def require_within(self, numbers: Integers) -> None:
        """Raises GeometryError for a contour that is nowhere near the grid."""
        size = np.array(self.shape[:2])
        outside = (self.high[:, :2] < -0.5).any(axis=1) | (self.low[:, :2] > size - 0.5).any(axis=1)
        outside |= np.maximum(-self.low[:, :2], self.high[:, :2]).max(axis=1) > FARTHEST
        if outside.any():
            owner = self.owners[int(outside.argmax())]
            raise GeometryError(
                f"{self.name}: {int(outside.sum())} of {len(numbers)} contours lie beside the other volume's grid, the "
                f"first of {owner.name!r}; {_BEYOND}"
            )

    def remarks(self, numbers: Integers, limit: float) -> Iterator[str]:
        """On planes that are not quite those of the grid, or are left out, and on what the grid cuts off."""
        off = np.maximum(self.high[:, 2] - numbers, numbers - self.low[:, 2]) * self.apart
        if off.max() > limit:
            yield f"{self.name}: contours lie up to {off.max():.4g} mm off the grid's planes, and count in the nearest"
        planes: dict[str, set[int]] = defaultdict(set)
        for owner, number in zip(self.owners, numbers.tolist(), strict=True):
            planes[owner.name].add(number)
        apart = {name: min(np.diff(sorted(of)).tolist(), default=1) for name, of in planes.items()}
        if sparse := [f"{name} ({step})" for name, step in apart.items() if step > 1]:
            yield (
                f"{self.name}: contours lie several planes of the grid apart, and nothing between them: "
                f"{shortened(', '.join(sparse), 300)}; score it on the volume that it was drawn on"
            )
        gaps = [
            f"{name} ({', '.join(f'{low} and {high}' for low, high in between)})"
            for name, of in planes.items()
            if (between := [pair for pair in pairwise(sorted(of)) if pair[1] - pair[0] >= 2 * apart[name]])
        ]
        if gaps:
            yield (
                f"{self.name}: has no contours between planes of the grid (from 0) that have some, and nothing is "
                f"interpolated: {shortened(', '.join(gaps), 300)}; draw what is missing, if it is"
            )
        size = np.array(self.shape[:2])
        cut = ((self.low[:, :2] <= -1 - _TIE) | (self.high[:, :2] > size + _TIE)).any(axis=1)
        if names := dict.fromkeys(self.owners[place].name for place in np.flatnonzero(cut).tolist()):
            yield f"{self.name}: the grid ends before contours do, and cuts off {shortened(', '.join(names), 300)}"

"""How far the elements of a target's surface are from the target's surface in the other volume.

An element is a boundary voxel: a foreground voxel with a background face-neighbour (6 in 3-D, 4 in 2-D); outside the
image is background. (Or a piece of surface: ``surfels``.) Distances are between voxel centres, exact.

All targets that do not overlap are measured together, block by block: their elements are found in one pass, and so is,
within the block, what the other volume has within a few voxels. The elements left are far from theirs: a few, in most
pairs. They are looked up target by target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import starmap
from typing import Any

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.errors import ComputationError
from segeval.shapes.blocks import Held, Side, blocks_of, look_through
from segeval.shapes.elements import BOUNDARY_VOXELS, Form, Kinds, Points, coordinates
from segeval.shapes.layers import Layer, layers_of
from segeval.shapes.nearest_points import nearest_mm
from segeval.shapes.neighbourhood import Keys, first_key, kinds_of, rings, rings_of, squared
from segeval.shapes.target_masks import TargetMasks
from segeval.tallies.surfaces import TargetSurface
from segeval.volumes.memory import Need, require_memory

# Of a box in which looking at all pairs costs less than being clever: that of an instance, most often.
_SMALL_VOXELS, _FEW_PAIRS = 1 << 11, 1 << 17
_ROUNDING = 1 + 1e-9
_PER_DISTANCE, _PER_LOOK_UP = 16, 80  # bytes, measured: of a kd-tree, too, and what is looked up in it

Run = Callable[[Callable[..., Any], Iterable[tuple[Any, ...]]], Iterable[Any]]


class _Scattered:
    """The elements of each code, wherever they are held."""

    def __init__(self, held: Iterable[Held]) -> None:
        self._parts: dict[int, list[tuple[Held, slice]]] = {}
        for each in held:
            edges = each.edges.tolist()
            for code, start, stop in zip(each.codes.tolist(), edges[:-1], edges[1:], strict=True):
                self._parts.setdefault(code, []).append((each, slice(start, stop)))

    def codes(self) -> list[int]:
        """Of which there are elements."""
        return list(self._parts)

    def size(self, code: int) -> int:
        """How many elements."""
        return sum(part.stop - part.start for _, part in self._parts.get(code, ()))

    def points(self, code: int) -> Points:
        """Their indices."""
        return np.concatenate([held.points(part) for held, part in self._parts[code]])

    def kinds(self, code: int) -> Kinds:
        """Their kinds, in the same order; 0 where there are none."""
        parts = self._parts[code]
        return np.concatenate(
            [
                np.zeros(part.stop - part.start, np.uint8) if held.kinds is None else held.kinds[part]
                for held, part in parts
            ]
        )


class _Volume:
    """The elements of a layer in one volume: how many are near, which are far, of which codes there are any."""

    def __init__(self, sides: Sequence[Side], codes: Iterable[int]) -> None:
        self.codes = set(codes)
        self.far = _Scattered(side.far for side in sides)
        self._keys, place = np.unique(np.concatenate([side.keys for side in sides]), return_inverse=True)
        self._counts = np.zeros(self._keys.size, dtype=np.int64)
        np.add.at(self._counts, place, np.concatenate([side.counts for side in sides]))

    def near(self, code: int) -> tuple[Keys, Integers]:
        """How many elements of the code have which key."""
        part = slice(*np.searchsorted(self._keys, [first_key(code), first_key(code + 1)]))
        return self._keys[part], self._counts[part]


def measure(masks: TargetMasks, workers: int = 1) -> TargetSurface:
    """The distances between the two boundaries of a target; ``workers`` threads look them up."""
    return measure_all([masks], workers)[0]


def measure_all(
    targets: Sequence[TargetMasks], threads: int = 1, form: Form = BOUNDARY_VOXELS
) -> tuple[TargetSurface, ...]:
    """Every target; nearly all of the work is done outside Python's lock. Raises NotEnoughMemory, ComputationError."""
    found: dict[int, TargetSurface] = {}
    with _runner(threads) as run:
        for layer in layers_of(targets):
            measured = _measure_layer(layer, form, run, threads)
            _require_possible(measured, layer, form)
            found.update(zip(layer.members, measured, strict=True))
    return tuple(found[index] for index in range(len(targets)))


@contextmanager
def _runner(threads: int) -> Iterator[Run]:
    """Calls a function with each of many tuples of arguments, in so many threads; gives what it returns, in order."""
    if threads <= 1:
        yield starmap
        return
    with ThreadPoolExecutor(threads) as pool:
        yield lambda function, arguments: pool.map(lambda each: function(*each), arguments)


def _measure_layer(layer: Layer, form: Form, run: Run, threads: int) -> list[TargetSurface]:
    """Each member."""
    form = form.on(layer.axes)
    areas, ranks = form.areas(layer.spacing_mm) or (None, None)
    if len(layer.members) == 1 and math.prod(layer.extent) <= _SMALL_VOXELS:
        return [_measure_small(layer, form, areas, ranks)]
    around = rings(layer.spacing_mm, [n - 1 + form.before for n in layer.extent])
    places = [(place,) for place in blocks_of(layer, form.before)]
    blocks = run(partial(look_through, layer, form, around, ranks), places)
    volumes, far_mm = _look_up(blocks, layer.spacing_mm, run, threads)

    def surface(code: int, sides: tuple[bool, bool]) -> TargetSurface:
        inside = [side and code in volume.codes for side, volume in zip(sides, volumes, strict=True)]
        if not all(inside):
            return TargetSurface(in_prediction=inside[0], in_reference=inside[1])
        (to_reference, of_p), (to_prediction, of_r) = (
            _distances(volume, code, around.mm, far_mm.get((side, code)), areas) for side, volume in enumerate(volumes)
        )
        return TargetSurface(to_reference, to_prediction, of_p, of_r)

    return list(run(surface, zip(layer.codes, layer.sides, strict=True)))


def _require_possible(surfaces: Iterable[TargetSurface], layer: Layer, form: Form) -> None:
    """No distance is longer than the diagonal of the box around all elements.

    One that was, of a few points on an overloaded machine, was seen once in some hundred thousand measurements; why is
    not known. A wrong number would stay; an error is scored again.
    """
    sides = [(n - 1 + form.before) * mm for n, mm in zip(layer.extent, layer.spacing_mm, strict=True)]
    diagonal = math.hypot(*sides)
    for surface in surfaces:
        for mm in (surface.to_reference, surface.to_prediction):
            if mm.size and not 0 <= mm[0] <= mm[-1] <= diagonal * _ROUNDING:
                raise ComputationError(
                    f"surface distances: {mm[-1]:.6g} mm were found in a box whose diagonal is {diagonal:.6g} mm; a "
                    "library or this machine is at fault: score again, and report it where it happens twice"
                )


def _measure_small(layer: Layer, form: Form, areas: Floats | None, ranks: Kinds | None) -> TargetSurface:
    """The only member, in a small box: each element of one volume is compared with all of the other's."""
    low = [int(start) - 1 - form.before for start in layer.boxes[0, :, 0]]
    high = [int(stop) + 1 for stop in layer.boxes[0, :, 1]]
    found = []
    for codes, side in zip(layer.coded(low, high, open=form.open), layer.sides[0], strict=True):
        elements = form.find(codes)
        indices = coordinates(elements.positions, codes.shape, (0,) * codes.ndim)
        inside = ((indices > 0) & (indices < np.array(codes.shape) - 1)).all(axis=1)
        inside &= (elements.codes == layer.codes[0]) & side
        kinds = None if elements.kinds is None or ranks is None else ranks.take(elements.kinds).compress(inside)
        found.append((indices.compress(inside, axis=0), kinds))
    (prediction, kinds_p), (reference, kinds_r) = found
    if not len(prediction) or not len(reference):
        return TargetSurface(in_prediction=bool(len(prediction)), in_reference=bool(len(reference)))
    if len(prediction) * len(reference) <= _FEW_PAIRS:
        offsets = prediction.T[:, :, np.newaxis] - reference.T[:, np.newaxis, :]
        mm = np.sqrt(squared(offsets, np.asarray(layer.spacing_mm)))
        to_reference, to_prediction = mm.min(axis=1), mm.min(axis=0)
    else:
        to_reference = nearest_mm(prediction, reference, layer.spacing_mm)
        to_prediction = nearest_mm(reference, prediction, layer.spacing_mm)
    if areas is None or kinds_p is None or kinds_r is None:
        return TargetSurface(np.sort(to_reference), np.sort(to_prediction))
    by_p, by_r = np.lexsort((kinds_p, to_reference)), np.lexsort((kinds_r, to_prediction))
    return TargetSurface(to_reference[by_p], to_prediction[by_r], areas[kinds_p[by_p]], areas[kinds_r[by_r]])


def _look_up(
    blocks: Iterable[tuple[Side, Side]], spacing_mm: tuple[float, ...], run: Run, threads: int
) -> tuple[list[_Volume], dict[tuple[int, int], Floats]]:
    """(Both volumes, by volume and code how far its far elements are). Raises NotEnoughMemory."""
    held = list(zip(*blocks, strict=True))
    everything = [_Scattered(side.all for side in sides) for sides in held]
    volumes = [_Volume(sides, each.codes()) for sides, each in zip(held, everything, strict=True)]
    jobs = [(side, code) for side in (0, 1) for code in volumes[side].far.codes() if code in volumes[1 - side].codes]
    work = {(side, code): volumes[side].far.size(code) + everything[1 - side].size(code) for side, code in jobs}
    jobs.sort(key=lambda job: -work[job])  # the longest first
    elements = sum(each.size(code) for each in everything for code in each.codes())
    need = _PER_DISTANCE * elements + _PER_LOOK_UP * max(work.values(), default=0)
    words = f"looking up {elements} boundary elements"
    require_memory("surface distances", Need(need, words, "leave distances out"))

    def nearest(side: int, code: int) -> Floats:
        return nearest_mm(volumes[side].far.points(code), everything[1 - side].points(code), spacing_mm, threads)

    return volumes, dict(zip(jobs, run(nearest, jobs), strict=True))


def _distances(
    volume: _Volume, code: int, ring_mm: Floats, far_mm: Floats | None, areas: Floats | None
) -> tuple[Floats, Floats | None]:
    """(Distances, ascending; areas, ascending where distances are equal) of the elements of a code."""
    keys, counts = volume.near(code)
    mm, kinds = np.repeat(ring_mm[rings_of(keys)], counts), np.repeat(kinds_of(keys), counts)
    if far_mm is not None:
        of_far = volume.far.kinds(code)
        order = np.lexsort((of_far, far_mm))
        nearest = far_mm[order[0]]
        mm, kinds = np.concatenate((mm, far_mm[order])), np.concatenate((kinds, of_far[order]))
        if nearest <= ring_mm[rings_of(keys)].max(initial=-1.0):  # a block with few elements did not look as far around
            order = np.lexsort((kinds, mm))
            mm, kinds = mm[order], kinds[order]
    return mm, None if areas is None else areas[kinds]

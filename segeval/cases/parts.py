"""A pair of volumes that can be read at any place, counted part by part, here or elsewhere.

Each part's numbers are added to its neighbour's, those of two to the next two's, in an order that the parts alone
decide: whoever counts them, and whoever is first, the sums are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Protocol, Self, TypeVar

from msgspec import Struct

from segeval.cases.counting import LabelResult, SoftResult, count_labels, count_probabilities
from segeval.cases.pair import Pair
from segeval.choices import Kind
from segeval.errors import UsageError
from segeval.tallies.tally import TallyOptions
from segeval.volumes.tiles import Box, parts_of, tiled

PartResult = LabelResult | SoftResult
"""What counting a part gives."""

Elsewhere = Callable[[int], Iterable[tuple[int, PartResult]]]
"""Counts so many parts in other processes; gives each with its number, in any order."""


class _Adds(Protocol):
    def __add__(self, other: Self) -> Self: ...


_Sum = TypeVar("_Sum", bound=_Adds)


class Parts(Struct, frozen=True):
    """The boxes of each part. elsewhere: who counts them; None: this process, one after the other."""

    groups: Sequence[tuple[Box, ...]]
    elsewhere: Elsewhere | None = None


def parts_of_pair(pair: Pair) -> list[tuple[Box, ...]] | None:
    """Where a pair can be counted in parts: both sides give any box, and nothing asks where a voxel lies."""
    if pair.weights is not None or pair.settings.asks_for_places or pair.settings.slices_of is not None:
        return None
    return parts_of(pair.prediction, pair.reference)


def counted_elsewhere(pair: Pair, kind: Kind | None, elsewhere: Elsewhere) -> Parts:
    """The parts of a pair, for others to count. Raises UsageError where it is counted as a whole."""
    if pair.parts is not None:
        return Parts(pair.parts.groups, elsewhere)
    if pair.settings.asks_for_places:
        why = "distances, instances, topology, profiles and losses of whole maps are measured on the whole volume"
    elif pair.weights is not None or pair.settings.mask is not None or pair.settings.within is not None:
        why = "masks, weights and --within are read as one stream"
    elif pair.settings.slices_of is not None:
        why = "--slices-of asks where the reference has a label"
    elif kind is None:
        why = "its values say whether it holds labels or probabilities; say so with --kind"
    else:
        why = (
            "both must be stored so that any place can be read (Zarr, HDF5, or not compressed: .nii, .npy, .mha, "
            ".nrrd), as integers or as probabilities, and as they are on one grid"
        )
    raise UsageError(
        f"{pair.prediction_name} and {pair.reference_name}: cannot be counted in parts: {why}; leave --workers and "
        "--dask out"
    )


def count_label_parts(pair: Pair, parts: Parts) -> LabelResult:
    """The joint histogram of a pair of label maps."""

    def count(boxes: tuple[Box, ...]) -> LabelResult:
        sides = tiled(pair.prediction, boxes), tiled(pair.reference, boxes)
        return count_labels(pair.backend, *sides, pair.settings.labels.ignore)

    return _added(parts, count, LabelResult)


def count_soft_parts(pair: Pair, parts: Parts, options: TallyOptions) -> SoftResult:
    """The sums of a probability map against a label map."""

    def count(boxes: tuple[Box, ...]) -> SoftResult:
        sides = tiled(pair.prediction, boxes), tiled(pair.reference, boxes)
        return count_probabilities(pair.backend, *sides, options, pair.sets)

    return _added(parts, count, SoftResult)


def _added(parts: Parts, count: Callable[[tuple[Box, ...]], _Sum], of: type[_Sum]) -> _Sum:
    total: Neighbours[_Sum] = Neighbours(len(parts.groups))
    for number, result in _counted(parts, count):
        if not isinstance(result, of):
            raise TypeError(f"part {number} was counted as {type(result).__name__}, not as {of.__name__}")
        total.add(number, result)
    return total.sum()


def _counted(parts: Parts, count: Callable[[tuple[Box, ...]], _Sum]) -> Iterator[tuple[int, object]]:
    if parts.elsewhere is not None:
        yield from parts.elsewhere(len(parts.groups))
        return
    for number, boxes in enumerate(parts.groups):
        yield number, count(boxes)


class Neighbours(Generic[_Sum]):
    """Adds what comes in any order as if it had come in one: pairs of neighbours, then pairs of pairs."""

    def __init__(self, count: int) -> None:
        self._sizes = [count]
        while self._sizes[-1] > 1:
            self._sizes.append(-(-self._sizes[-1] // 2))
        self._waiting: dict[tuple[int, int], _Sum] = {}

    def add(self, number: int, value: _Sum) -> None:
        """The value of this number, once."""
        for level, size in enumerate(self._sizes[:-1]):
            other = number ^ 1
            if other < size:
                neighbour = self._waiting.pop((level, other), None)
                if neighbour is None:
                    self._waiting[level, number] = value
                    return
                value = neighbour + value if other < number else value + neighbour
            number //= 2
        self._waiting[len(self._sizes) - 1, 0] = value

    def sum(self) -> _Sum:
        """Of all, once each was added."""
        (value,) = self._waiting.values()
        return value

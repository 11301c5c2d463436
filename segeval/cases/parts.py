"""A pair of volumes that can be read at any place, counted part by part, here or elsewhere.

Each part's numbers are added to its neighbour's, those of two to the next two's, in an order that the parts alone
decide: whoever counts them, and whoever is first, the sums are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from msgspec import Struct

from segeval.cases.counting import LabelResult, SoftResult, add_probabilities, count_labels, soft_result
from segeval.cases.pair import Pair
from segeval.choices import Kind
from segeval.errors import UsageError
from segeval.kernels.numpy_backend import NumpyBackend
from segeval.kernels.numpy_labels import require_room_for_another
from segeval.settings import Settings
from segeval.tallies.tally import TallyOptions
from segeval.volumes.tiles import Box, parts_of, tiled
from segeval.volumes.volume import PIECE_VOXELS, DerivedSource, Piece, VoxelSource

if TYPE_CHECKING:
    from segeval.cases.region_plan import Plan

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
    """Where a pair can be counted in parts: both sides give any box, and nothing asks for the whole volume."""
    if pair.weights is not None or pair.settings.slices_of is not None or pair.settings.border_mm is not None:
        return None
    if pair.settings.asks_for_places and (_why_whole(pair.settings) is not None or 0 in pair.reference.shape):
        return None
    return parts_of(pair.prediction, pair.reference)


def _why_whole(settings: Settings) -> str | None:
    from segeval.cases.region_plan import why_whole

    return why_whole(settings)


def counted_elsewhere(pair: Pair, kind: Kind | None, elsewhere: Elsewhere) -> Parts:
    """The parts of a pair, for others to count. Raises UsageError where it is counted as a whole."""
    if pair.parts is not None:
        return Parts(pair.parts.groups, elsewhere)
    whole = _why_whole(pair.settings) if pair.settings.asks_for_places else None
    if whole is not None:
        why = whole
    elif pair.weights is not None or pair.settings.mask is not None or pair.settings.within is not None:
        why = "masks, weights and --within are read as one stream"
    elif pair.settings.slices_of is not None:
        why = "--slices-of asks where the reference has a label"
    elif pair.settings.border_mm is not None:
        why = "--border-mm asks where the reference has another label"
    elif kind is None:
        why = "its values say whether it holds labels or probabilities; say so with --kind"
    else:
        why = (
            f"{_why_stream(pair)}both must be stored so that any place can be read (Zarr, HDF5, or not compressed: "
            ".nii, .npy, .mha, .nrrd), as integers or as probabilities, and as they are on one grid"
        )
    raise UsageError(
        f"{pair.prediction_name} and {pair.reference_name}: cannot be counted in parts: {why}; leave --workers, "
        "--dask and --resume out"
    )


def _why_stream(pair: Pair) -> str:
    """Which of both is no more than a stream, as the beginning of a sentence."""
    sides = {pair.prediction_name: pair.prediction, pair.reference_name: pair.reference}
    streams = [name for name, source in sides.items() if not getattr(_stored(source), "anywhere", False)]
    if not streams:
        return ""
    verb = "is" if len(streams) == 1 else "are"
    return f"{' and '.join(streams)} {verb} read from front to end, as what is compressed as a whole is; "


def _stored(source: VoxelSource) -> VoxelSource:
    while isinstance(source, DerivedSource):
        source = source.source
    return source


def count_label_parts(pair: Pair, parts: Parts) -> LabelResult:
    """The joint histogram of a pair of label maps, and their components where these are asked for."""
    if pair.settings.asks_for_places:
        return _added(parts, _counter_of_regions(pair), LabelResult)

    def count(boxes: tuple[Box, ...]) -> LabelResult:
        sides = tiled(pair.prediction, boxes), tiled(pair.reference, boxes)
        return count_labels(pair.backend, *sides, pair.settings.labels.ignore)

    return _added(parts, count, LabelResult)


def _counter_of_regions(pair: Pair) -> Callable[[tuple[Box, ...]], LabelResult]:
    """What counts a part box by box; it holds one box, and what was found in the part."""
    from segeval.cases.regions import find_in

    plan = _plan(pair)
    backend = NumpyBackend()  # the pair's may keep whole volumes

    def count(boxes: tuple[Box, ...]) -> LabelResult:
        total: Neighbours[LabelResult] = Neighbours(len(boxes))
        for number, box in enumerate(boxes):
            (whole_p, p), (whole_r, r) = _read(pair, plan, box)
            kernel = backend.label_kernel(pair.settings.labels.ignore)
            for piece in _pieces(p.size):
                kernel.add(p[piece], r[piece])
            total.add(number, LabelResult(kernel.confusion(), regions=find_in(plan, box, whole_p, whole_r)))
        return total.sum()

    return count


def _plan(pair: Pair, options: TallyOptions | None = None) -> Plan:
    """options: of a probability map."""
    from segeval.cases.region_plan import plan_of

    if pair.parts is None:
        raise ValueError("the pair has no parts")
    boxes = [box for boxes in pair.parts.groups for box in boxes]
    unsigned = pair.prediction.dtype.kind != "i", pair.reference.dtype.kind != "i"
    per_voxel = 0
    if options is not None:
        stored = _stored(pair.prediction)
        both = [pair.prediction] if stored is pair.prediction else [pair.prediction, stored]
        per_voxel = pair.prediction.channels * sum(source.dtype.itemsize for source in both)
    return plan_of(pair.settings, pair.reference.shape, unsigned, boxes, pair.geometry, options, per_voxel)


def _read(pair: Pair, plan: Plan, box: Box) -> list[tuple[Piece, Piece]]:
    """Each channel of the prediction, and the reference: around a box, and in it."""
    from segeval.cases.regions import flat, within

    around = plan.around(box)
    found = []
    for source in (pair.prediction, pair.reference):
        side = tiled(source, (around,))
        for channel in range(source.channels):
            whole = flat(list(side.pieces(channel)))
            found.append((whole, whole if around == box else within(whole, around, box)))
    return found


def _pieces(size: int) -> Iterator[slice]:
    """Of so many voxels."""
    return (slice(first, first + PIECE_VOXELS) for first in range(0, size, PIECE_VOXELS))


def count_soft_parts(pair: Pair, parts: Parts, options: TallyOptions) -> SoftResult:
    """The sums of a probability map against a label map, and its winners' components where these are asked for."""
    if pair.settings.asks_for_places:
        return _added(parts, _counter_of_winners(pair, options), SoftResult)

    def count(boxes: tuple[Box, ...]) -> SoftResult:
        kernel = pair.backend.soft_kernel(options, pair.sets)
        for box in boxes:
            add_probabilities(kernel, tiled(pair.prediction, (box,)), tiled(pair.reference, (box,)))
        return soft_result(kernel)

    return _added(parts, count, SoftResult)


def _counter_of_winners(pair: Pair, options: TallyOptions) -> Callable[[tuple[Box, ...]], SoftResult]:
    """Likewise of a probability map, whose winning channels are its labels."""
    from segeval.cases.regions import FoundRegions, find_in
    from segeval.kernels.winners import winners_of

    plan = _plan(pair, options)
    backend = NumpyBackend()

    def count(boxes: tuple[Box, ...]) -> SoftResult:
        kernel = backend.soft_kernel(options, pair.sets)
        found: Neighbours[FoundRegions] = Neighbours(len(boxes))
        for number, box in enumerate(boxes):
            *channels, (whole_r, r) = _read(pair, plan, box)
            for piece in _pieces(r.size):
                stretch = kernel.stretch(r[piece])
                for channel, (_, p) in enumerate(channels):
                    stretch.add(channel, 0, p[piece])
                stretch.finish()
            won = winners_of([whole for whole, _ in channels], options)
            del channels
            found.add(number, find_in(plan, box, plan.labels_of(won), whole_r))
        return soft_result(kernel, found.sum())

    return count


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


def require_room_for_next(result: PartResult) -> None:
    """Raises NotEnoughMemory where another part may bring as many pairs of labels as this one, and they would not fit.

    What a process of its own has counted takes memory here before anybody can ask for it.
    """
    if isinstance(result, LabelResult):
        require_room_for_another(result.confusion)


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

"""Volumes to tallies: the order in which voxels are read, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from segeval.kernels import Backend, HeldPair, SoftKernel, ValuesSeen
from segeval.kernels.numpy_labels import require_room
from segeval.tallies.profiles import PairProfile
from segeval.tallies.tally import Confusion, Sets, Tally, TallyOptions
from segeval.targets import TargetKey
from segeval.volumes.chunks import lockstep, restretch
from segeval.volumes.values import Rounding
from segeval.volumes.volume import Piece, VoxelSource

if TYPE_CHECKING:
    from segeval.cases.regions import FoundRegions

_HELD_VOXELS = 1 << 21  # what is kept of so many lies in huge pages: to touch others for the first time takes longer


class SoftResult(Struct, frozen=True):
    """A probability map's tally, what values it held, and how often the reference holds each value.

    held: the winning channels and the reference labels, where the backend keeps them. profile: the same per slice,
        where it counts that, by target for independent channels. regions: as in ``LabelResult``.
    """

    tally: Tally
    seen: ValuesSeen
    reference_counts: Mapping[int, int]
    held: HeldPair | None = None
    profile: PairProfile | Mapping[TargetKey, PairProfile] | None = None
    regions: FoundRegions | None = None

    def __add__(self, other: SoftResult) -> SoftResult:
        counts = dict(self.reference_counts)
        for value, count in other.reference_counts.items():
            counts[value] = counts.get(value, 0) + count
        both = _both(self.regions, other.regions)
        return SoftResult(self.tally + other.tally, self.seen + other.seen, counts, regions=both)


class LabelResult(Struct, frozen=True):
    """The joint histogram of two label maps; the maps, where they are kept, and their profile, where it is counted.

    regions: the components of both, where boxes are looked at one by one.
    """

    confusion: Confusion
    held: HeldPair | None = None
    profile: PairProfile | None = None
    regions: FoundRegions | None = None

    def __add__(self, other: LabelResult) -> LabelResult:
        require_room(len(self.confusion.pairs) + len(other.confusion.pairs))
        return LabelResult(self.confusion + other.confusion, regions=_both(self.regions, other.regions))


def _both(one: FoundRegions | None, other: FoundRegions | None) -> FoundRegions | None:
    return None if one is None or other is None else one + other


def count_labels(
    backend: Backend,
    prediction: VoxelSource,
    reference: VoxelSource,
    ignore: int | None,
    weights: VoxelSource | None = None,
) -> LabelResult:
    """The joint histogram of two label maps on one grid, and the weights of its pairs where voxels have some."""
    labels = _Labels(backend, ignore, weights)
    for p, r, *w in lockstep([prediction.pieces(0), reference.pieces(0), *_pieces(weights)]):
        labels.add(p, r, w)
    return labels.result()


class _Labels:
    """Counts pairs of labels, and adds their weights."""

    def __init__(self, backend: Backend, ignore: int | None, weights: VoxelSource | None) -> None:
        self._kernel = backend.label_kernel(ignore)
        self._weighted = None
        if weights is not None:
            from segeval.kernels.weighted_pairs import WeightedPairs

            self._weighted = WeightedPairs(ignore)

    def add(self, prediction: Piece, reference: Piece, weights: list[Piece]) -> None:
        """weights: none, or one array of them."""
        self._kernel.add(prediction, reference)
        if self._weighted is not None:
            self._weighted.add(prediction, reference, *weights)

    def result(self) -> LabelResult:
        kernel, confusion = self._kernel, self._kernel.confusion()
        if self._weighted is not None:
            confusion = replace(confusion, weights=self._weighted.weights())
        return LabelResult(confusion, kernel.held, kernel.profile())


def _pieces(weights: VoxelSource | None) -> list[Iterator[Piece]]:
    """To be read in step with what they are the weights of."""
    return [] if weights is None else [weights.pieces(0)]


def count_probabilities(
    backend: Backend,
    prediction: VoxelSource,
    reference: VoxelSource,
    options: TallyOptions,
    sets: Sets,
    weights: VoxelSource | None = None,
) -> SoftResult:
    """The sums of a probability map against a label map on its grid."""
    kernel = backend.soft_kernel(options, sets)
    add_probabilities(kernel, prediction, reference, weights)
    return soft_result(kernel)


def add_probabilities(
    kernel: SoftKernel, prediction: VoxelSource, reference: VoxelSource, weights: VoxelSource | None = None
) -> None:
    """Give a kernel all voxels of both."""
    if prediction.in_order and prediction.channels > 1:
        _channel_by_channel(kernel, prediction, reference, weights)
    else:
        _side_by_side(kernel, prediction, reference, weights)


def count_undecided(
    backend: Backend,
    prediction: VoxelSource,
    reference: VoxelSource,
    options: TallyOptions,
    sets: Sets,
    weights: VoxelSource | None = None,
) -> tuple[LabelResult | None, SoftResult | None, Rounding]:
    """A single map of floats that may hold labels or probabilities, counted as both until one is ruled out.

    (Labels, probabilities, what rounding met); one of the two is None once the values have decided.
    """
    rounding = Rounding(prediction.shape)
    labels = _Labels(backend, options.ignore, weights)
    soft: SoftKernel | None = backend.soft_kernel(options, sets)
    for p, r, *w in lockstep([prediction.pieces(0), reference.pieces(0), *_pieces(weights)]):
        if soft is None or not rounding.fractional:  # no label map, once it has a fraction
            rounded = rounding.round(p)
            if not rounding.fractional:
                labels.add(rounded, r, w)
                if rounded.max() > 1 or rounded.min() < 0:
                    soft = None  # so far only integers, and more than 0 and 1: a label map
        if soft is not None:
            stretch = soft.stretch(r, *w)
            stretch.add(0, 0, p)
            stretch.finish()
    as_labels = None if rounding.fractional else labels.result()
    return as_labels, None if soft is None else soft_result(soft), rounding


def soft_result(kernel: SoftKernel, regions: FoundRegions | None = None) -> SoftResult:
    """What a kernel has counted."""
    counts = kernel.reference_counts()
    return SoftResult(kernel.tally(), kernel.seen, counts, kernel.held, kernel.profile(), regions)


def _side_by_side(
    kernel: SoftKernel, prediction: VoxelSource, reference: VoxelSource, weights: VoxelSource | None
) -> None:
    """All channels of a piece of voxels, then the next piece: constant memory."""
    channels = [prediction.pieces(channel) for channel in range(prediction.channels)]
    for r, *values in lockstep([reference.pieces(0), *channels, *_pieces(weights)]):
        stretch = kernel.stretch(r, *values[len(channels) :])
        for channel, piece in enumerate(values[: len(channels)]):
            stretch.add(channel, 0, piece)
        stretch.finish()


def _channel_by_channel(
    kernel: SoftKernel, prediction: VoxelSource, reference: VoxelSource, weights: VoxelSource | None
) -> None:
    """A stream of whole channels, one after the other: the reference and the running state of its voxels are held."""
    pieces = list(_joined(lockstep([reference.pieces(0), *_pieces(weights)]), _HELD_VOXELS))
    stretches = [kernel.stretch(*piece) for piece in pieces]
    lengths = [piece[0].size for piece in pieces]
    del pieces
    last = prediction.channels - 1
    for channel in range(prediction.channels):
        for index, start, values in restretch(prediction.pieces(channel), lengths):
            stretches[index].add(channel, start, values)
            if channel == last and start + values.size == lengths[index]:
                stretches[index].finish()  # while what follows is decoded


def _joined(pieces: Iterable[tuple[Piece, ...]], least: int) -> Iterator[list[Piece]]:
    """Longer pieces of streams side by side, of at least so many voxels but for the last."""
    parts: list[tuple[Piece, ...]] = []
    for piece in pieces:
        parts.append(piece)
        if sum(part[0].size for part in parts) >= least:
            yield list(map(np.concatenate, zip(*parts, strict=True)))
            parts = []
    if parts:
        yield list(map(np.concatenate, zip(*parts, strict=True)))

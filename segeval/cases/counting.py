"""Volumes to tallies: the order in which voxels are read, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from msgspec import Struct

from segeval.kernels import Backend, HeldPair, LabelKernel, SoftKernel, ValuesSeen
from segeval.tallies.profiles import PairProfile
from segeval.tallies.tally import Confusion, Tally, TallyOptions
from segeval.targets import TargetKey
from segeval.volumes.chunks import lockstep, restretch
from segeval.volumes.values import Rounding
from segeval.volumes.volume import Piece, VoxelSource

Sets = Mapping[int, frozenset[int]]
_HELD_VOXELS = 1 << 21  # what is kept of so many lies in huge pages: to touch others for the first time takes longer


class SoftResult(Struct, frozen=True):
    """A probability map's tally, what values it held, and how often the reference holds each value.

    held: the winning channels and the reference labels, where the backend keeps them. profile: the same per slice,
        where it counts that, by target for independent channels.
    """

    tally: Tally
    seen: ValuesSeen
    reference_counts: Mapping[int, int]
    held: HeldPair | None = None
    profile: PairProfile | Mapping[TargetKey, PairProfile] | None = None


class LabelResult(Struct, frozen=True):
    """The joint histogram of two label maps; the maps, where they are kept, and their profile, where it is counted."""

    confusion: Confusion
    held: HeldPair | None = None
    profile: PairProfile | None = None


def count_labels(backend: Backend, prediction: VoxelSource, reference: VoxelSource, ignore: int | None) -> LabelResult:
    """The joint histogram of two label maps on one grid."""
    kernel = backend.label_kernel(ignore)
    for p, r in lockstep([prediction.pieces(0), reference.pieces(0)]):
        kernel.add(p, r)
    return _label_result(kernel)


def count_probabilities(
    backend: Backend, prediction: VoxelSource, reference: VoxelSource, options: TallyOptions, sets: Sets
) -> SoftResult:
    """The sums of a probability map against a label map on its grid."""
    kernel = backend.soft_kernel(options, sets)
    if prediction.in_order and prediction.channels > 1:
        _channel_by_channel(kernel, prediction, reference)
    else:
        _side_by_side(kernel, prediction, reference)
    return _soft_result(kernel)


def count_undecided(
    backend: Backend, prediction: VoxelSource, reference: VoxelSource, options: TallyOptions, sets: Sets
) -> tuple[LabelResult | None, SoftResult | None, Rounding]:
    """A single map of floats that may hold labels or probabilities, counted as both until one is ruled out.

    (Labels, probabilities, what rounding met); one of the two is None once the values have decided.
    """
    rounding = Rounding(prediction.shape)
    labels = backend.label_kernel(options.ignore)
    soft: SoftKernel | None = backend.soft_kernel(options, sets)
    for p, r in lockstep([prediction.pieces(0), reference.pieces(0)]):
        if soft is None or not rounding.fractional:  # no label map, once it has a fraction
            rounded = rounding.round(p)
            if not rounding.fractional:
                labels.add(rounded, r)
                if rounded.max() > 1 or rounded.min() < 0:
                    soft = None  # so far only integers, and more than 0 and 1: a label map
        if soft is not None:
            stretch = soft.stretch(r)
            stretch.add(0, 0, p)
            stretch.finish()
    as_labels = None if rounding.fractional else _label_result(labels)
    return as_labels, None if soft is None else _soft_result(soft), rounding


def _soft_result(kernel: SoftKernel) -> SoftResult:
    return SoftResult(kernel.tally(), kernel.seen, kernel.reference_counts(), kernel.held, kernel.profile())


def _label_result(kernel: LabelKernel) -> LabelResult:
    return LabelResult(kernel.confusion(), kernel.held, kernel.profile())


def _side_by_side(kernel: SoftKernel, prediction: VoxelSource, reference: VoxelSource) -> None:
    """All channels of a piece of voxels, then the next piece: constant memory."""
    channels = [prediction.pieces(channel) for channel in range(prediction.channels)]
    for r, *values in lockstep([reference.pieces(0), *channels]):
        stretch = kernel.stretch(r)
        for channel, piece in enumerate(values):
            stretch.add(channel, 0, piece)
        stretch.finish()


def _channel_by_channel(kernel: SoftKernel, prediction: VoxelSource, reference: VoxelSource) -> None:
    """A stream of whole channels, one after the other: the reference and the running state of its voxels are held."""
    pieces = list(_joined(reference.pieces(0), _HELD_VOXELS))
    stretches = [kernel.stretch(piece) for piece in pieces]
    lengths = [piece.size for piece in pieces]
    del pieces
    last = prediction.channels - 1
    for channel in range(prediction.channels):
        for index, start, values in restretch(prediction.pieces(channel), lengths):
            stretches[index].add(channel, start, values)
            if channel == last and start + values.size == lengths[index]:
                stretches[index].finish()  # while what follows is decoded


def _joined(pieces: Iterable[Piece], least: int) -> Iterator[Piece]:
    """Longer pieces, of at least so many voxels but for the last."""
    parts: list[Piece] = []
    for piece in pieces:
        parts.append(piece)
        if sum(part.size for part in parts) >= least:
            yield np.concatenate(parts)
            parts = []
    if parts:
        yield np.concatenate(parts)

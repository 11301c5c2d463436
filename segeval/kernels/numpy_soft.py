"""Probabilities against reference labels, summed in NumPy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.kernels.codebook import Codebook
from segeval.kernels.held_labels import HeldPair
from segeval.kernels.kernel import ValuesSeen
from segeval.kernels.members import Members
from segeval.kernels.numpy_labels import NumpyLabelKernel
from segeval.kernels.probability_bins import ProbabilityBins
from segeval.kernels.slice_counts import SliceCounter
from segeval.kernels.soft_targets import SoftTargets, reference_side
from segeval.kernels.target_sums import BLOCK, Logarithms, TargetSums, counts_of, sums_of
from segeval.kernels.winners import Winners, reaches
from segeval.tallies.profiles import PairProfile
from segeval.tallies.tally import Confusion, Sets, SoftTally, Tally, TallyOptions
from segeval.targets import BACKGROUND, TargetKey

BYTES = range(256)


class NumpySoftKernel:
    """Sums probabilities against reference labels, one channel of a stretch at a time."""

    def __init__(
        self,
        options: TallyOptions,
        sets: Sets,
        held: HeldPair | None = None,
        slices: SliceCounter | None = None,
    ) -> None:
        """held: gets the winning channel of every voxel, and its reference label. slices: counts them per slice."""
        self.seen = ValuesSeen()
        self.options = options
        self.hard = NumpyLabelKernel(options.ignore, held, None if options.independent else slices)
        self.codes = Codebook()
        self.plan = SoftTargets(options, sets)
        self.targets = self.plan.keys
        self.contributors = self.plan.contributors
        self._bins = ProbabilityBins(len(self.targets)) if options.histogram else None
        self._logarithms = Logarithms(options.logs, options.powers, weighted=options.weighted)
        self._sums = {target: TargetSums(self._logarithms) for target in self.targets}
        self._members: dict[tuple[TargetKey, bool], Members] = {}
        self.by_target: dict[TargetKey, SliceCounter] | None = None
        if slices is not None and options.independent:
            self.by_target = {target: slices.another() for target in self.targets}

    def stretch(self, reference: NDArray[Any], weights: Floats | None = None) -> NumpyStretch:
        """Begin a stretch of voxels with these reference labels, and weights where the options say so."""
        return NumpyStretch(self, reference, weights)

    def inside(self, target: TargetKey, codes: NDArray[Any], values: Sequence[int]) -> NDArray[np.bool_]:
        """Which voxels of these reference codes belong to the target; ``values``: what the codes stand for."""
        key = target, values is BYTES
        members = self._members.get(key)
        if members is None:
            members = self._members[key] = Members()
        if members.known < len(values):
            members.extend(self.plan.holds(target, value) for value in values[members.known :])
        return members.among(codes)

    def add(
        self, target: TargetKey, probabilities: NDArray[Any], inside: NDArray[np.bool_], weights: Floats | None
    ) -> None:
        """Sum one target over voxels whose probabilities lie in [0, 1]."""
        for start in range(0, probabilities.size, BLOCK):
            block = slice(start, start + BLOCK)
            self._sums[target].add(probabilities[block], inside[block], None if weights is None else weights[block])
        if self._bins is not None:
            self._bins.add(self.targets.index(target), probabilities, inside)
            if self.options.single and target == self.options.labels[0]:
                rest = 1 - probabilities.astype(np.float64)
                self._bins.add(self.targets.index(BACKGROUND), rest, ~inside)

    def add_hard(self, target: TargetKey, chosen: NDArray[np.bool_], inside: NDArray[np.bool_]) -> None:
        """Count one target of independent channels."""
        self._sums[target].tp += int(np.count_nonzero(chosen & inside))
        self._sums[target].predicted += int(np.count_nonzero(chosen))

    @property
    def held(self) -> HeldPair | None:
        """The winners and the reference labels, where they are kept."""
        return self.hard.held

    def count_slices(self, target: TargetKey, chosen: NDArray[np.bool_], inside: NDArray[np.bool_]) -> None:
        """Count one target of independent channels per slice, in the order of the voxels."""
        if self.by_target is not None:
            self.by_target[target].add(chosen, inside, None, chosen.size)

    def profile(self) -> PairProfile | Mapping[TargetKey, PairProfile] | None:
        """Winners and reference labels per slice, where they are counted; of independent channels by target."""
        if self.by_target is None:
            return self.hard.profile()
        found = {target: counter.profile() for target, counter in self.by_target.items()}
        return {target: each for target, each in found.items() if each is not None}

    def tally(self) -> Tally:
        """The sums of all finished stretches."""
        options = self.options
        if options.single:
            self._sums[BACKGROUND] = self._sums[options.labels[0]].complement()
        parts = [self._sums[target] for target in self.targets]
        confusion = None if options.independent else self._confusion()
        histogram = None if self._bins is None else self._bins.histogram()
        soft = SoftTally(self.targets, counts_of(parts), sums_of(parts, self._logarithms), histogram)
        return Tally(options, confusion, soft)

    def reference_counts(self) -> dict[int, int]:
        """Evaluated voxels of each reference value in all finished stretches."""
        return reference_side(self._confusion())

    def _confusion(self) -> Confusion:
        labels = self.plan.labels_of_winners()
        pairs = self.hard.confusion().pairs.items()
        return Confusion({(value, labels[winner]): count for (value, winner), count in pairs})


def stretch_bytes(options: TallyOptions, sets: Sets, values: np.dtype[Any], reference: np.dtype[Any]) -> int:
    """What a stretch holds of each voxel while its channels pass, in bytes.

    values, reference: the types of the probabilities and of the labels. More than 256 distinct labels take 3 more.
    """
    several = sum(len(channels) > 1 for channels in SoftTargets(options, sets).contributors.values())
    winner = np.min_scalar_type(len(options.channels)).itemsize
    size = reference.itemsize + (reference.itemsize > 1) + winner
    size += (options.ignore is not None) + 8 * options.weighted
    if options.independent:
        return size + 9 * several
    return size + values.itemsize + np.dtype(np.float32).itemsize + 8 * several


class NumpyStretch:
    """Some voxels, and what their channels share: the running maximum and the running sums."""

    def __init__(self, kernel: NumpySoftKernel, reference: NDArray[Any], weights: Floats | None = None) -> None:
        ignore = kernel.options.ignore
        self._weights = weights
        self._kernel = kernel
        self._reference = reference
        self._kept = None if ignore is None else reference != ignore
        self._codes, self._values = _codes_of(reference, kernel.codes)
        self._winners = Winners(kernel.options, reference.size)
        self._planes: dict[TargetKey, Floats] = {}
        self._chosen: dict[TargetKey, NDArray[np.bool_]] = {}

    def add(self, channel: int, start: int, probabilities: NDArray[Any]) -> None:
        """The channel's values of the stretch's voxels from ``start`` on."""
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are counted, and refused at the end
            for first in range(0, probabilities.size, BLOCK):
                self._add(channel, start + first, probabilities[first : first + BLOCK])

    def finish(self) -> None:
        """Count what needs all channels of a voxel."""
        self._kernel.hard.add(self._winners.numbers, self._reference)
        for start in range(0, self._reference.size, BLOCK):
            self._finish(slice(start, start + BLOCK))

    def _finish(self, where: slice) -> None:
        """The channels' sum, and the targets that are made of several channels."""
        kernel, options = self._kernel, self._kernel.options
        if self._winners.total is not None:
            total = self._only(self._winners.total, where)
            error = max(total.max(initial=1) - 1, 1 - total.min(initial=1))
            kernel.seen.sum_error = max(kernel.seen.sum_error, float(np.nan_to_num(error, nan=0.0)))
        for target, contributors in kernel.contributors.items():
            if len(contributors) == 1 or (options.single and target == BACKGROUND):
                continue
            plane = self._planes.get(target)
            inside = self._only(kernel.inside(target, self._codes[where], self._values), where, already=True)
            p = np.zeros(inside.size) if plane is None else np.minimum(self._only(plane, where), 1.0)
            kernel.add(target, p, inside, self._weights_of(where))
            if target in self._chosen:
                kernel.add_hard(target, self._only(self._chosen[target], where), inside)
                self._count_slices(target, where, self._chosen[target][where])

    def _add(self, channel: int, start: int, values: NDArray[Any]) -> None:
        kernel, options = self._kernel, self._kernel.options
        where = slice(start, start + values.size)
        low, high = _span(kernel.seen, self._only(values, where, already=True))
        above = np.zeros(0, dtype=np.bool_)  # where no channel stands by itself, nobody asks
        if options.independent:
            above = reaches(values, options.threshold)
        else:
            self._winners.add(channel, where, values, low, high)
        within = low >= 0 and high <= 1
        clipped = values if within and self._kept is None else np.clip(values.astype(np.float64), 0.0, 1.0)
        for target, contributors in kernel.contributors.items():
            if channel not in contributors:
                continue
            if len(contributors) > 1:
                self._collect(target, where, clipped, above)
                continue
            inside = self._only(kernel.inside(target, self._codes[where], self._values), where, already=True)
            kernel.add(target, self._only(clipped, where, already=True), inside, self._weights_of(where))
            if options.independent:
                kernel.add_hard(target, self._only(above, where, already=True), inside)
                self._count_slices(target, where, above)

    def _count_slices(self, target: TargetKey, where: slice, chosen: NDArray[np.bool_]) -> None:
        """Of all voxels, those that are not evaluated as background in both volumes."""
        kernel = self._kernel
        if kernel.by_target is not None:
            kept = True if self._kept is None else self._kept[where]
            kernel.count_slices(target, chosen & kept, kernel.inside(target, self._codes[where], self._values) & kept)

    def _collect(self, target: TargetKey, where: slice, clipped: NDArray[Any], above: NDArray[np.bool_]) -> None:
        """Add a channel to a target made of several: their sum, for independent channels their maximum."""
        size = self._reference.size
        plane = self._planes.setdefault(target, np.zeros(size))[where]
        if not self._kernel.options.independent:
            plane += clipped
            return
        np.maximum(plane, clipped, out=plane)
        self._chosen.setdefault(target, np.zeros(size, dtype=np.bool_))[where] |= above

    def _weights_of(self, where: slice) -> Floats | None:
        return None if self._weights is None else self._only(self._weights, where)

    def _only(self, values: NDArray[Any], where: slice, already: bool = False) -> NDArray[Any]:
        """The evaluated voxels among ``values[where]``; ``already``: the values are cut to ``where``."""
        part = values if already else values[where]
        return part if self._kept is None else part[self._kept[where]]


def _span(seen: ValuesSeen, values: NDArray[Any]) -> tuple[float, float]:
    """The smallest and the largest value, noted; NaN where some value is not finite."""
    if not values.size:
        return 0.0, 0.0
    low, high = float(values.min()), float(values.max())
    if np.isfinite(low) and np.isfinite(high):
        seen.low, seen.high = min(seen.low, low), max(seen.high, high)
        return low, high
    finite = values[np.isfinite(values)]
    seen.not_finite += values.size - finite.size
    seen.low = min(seen.low, float(finite.min(initial=np.inf)))
    seen.high = max(seen.high, float(finite.max(initial=-np.inf)))
    return math.nan, math.nan


def _codes_of(reference: NDArray[Any], codebook: Codebook) -> tuple[NDArray[Any], Sequence[int]]:
    """Codes of the reference's values, and the value behind each code; a byte is its own code."""
    if reference.dtype in (np.bool_, np.uint8):
        return reference.view(np.uint8), BYTES
    codes = codebook.encode(reference)
    few = len(codebook.values) <= len(BYTES)
    return codes.astype(np.uint8) if few else codes, codebook.values

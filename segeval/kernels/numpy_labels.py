"""Pairs of labels, counted in NumPy.

Label maps are long runs: comparing each voxel with its neighbour in both volumes finds the runs at the speed of
memory, and only the first voxel of a run is looked up. Where runs are short the voxels are counted one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.codebook import Codebook
from segeval.kernels.held_labels import HeldPair
from segeval.kernels.slice_counts import SliceCounter
from segeval.tallies.profiles import PairProfile
from segeval.tallies.tally import Confusion
from segeval.volumes.memory import Need, require_memory

_BLOCK = 1 << 18  # voxels whose labels and marks stay in a core's cache
_SHORT_RUNS = 0.85  # of the words of eight voxels: where more of them hold a change, run-length counting loses
_MOST_WAITING = 1 << 15  # pairs
_DENSE_BINS = 1 << 16  # of the joint histogram that is an array
_MANY_PAIRS = 1 << 16  # from here on it is asked whether there is room for more
_PER_PAIR, _PER_COPY = 200, 75  # bytes of a pair and its count, and of one more table of them; measured
_PER_LABEL = 130  # bytes of a label, its code, and their places in a codebook; measured


class NumpyLabelKernel:
    """Counts pairs of labels in a joint histogram: linear in voxels, however many labels there are."""

    def __init__(
        self, ignore: int | None = None, held: HeldPair | None = None, slices: SliceCounter | None = None
    ) -> None:
        """held: gets every label that is counted. slices: counts them per slice."""
        self.held = held
        self._slices = slices
        self._ignore = ignore
        self._reference = Codebook()
        self._prediction = Codebook()
        self._dense = np.zeros((16, 16), dtype=np.int64)  # by codes (reference, prediction), with room to grow
        self._sparse: dict[tuple[int, int], int] = {}  # by codes, once the dense histogram would be too large
        self._starts = RunStarts()
        self._waiting: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []  # values, and voxels that they are of
        self._entries = 0
        self._room = _MANY_PAIRS

    def add(self, prediction: NDArray[Any], reference: NDArray[Any]) -> None:
        """Count two 1-D integer arrays of equal length."""
        for first in range(0, prediction.size, _BLOCK):
            p, r = prediction[first : first + _BLOCK], reference[first : first + _BLOCK]
            starts = self._starts.of(p, r)
            if self.held is not None:
                self.held.prediction.add(p, starts)
                self.held.reference.add(r, starts)
            if starts is not None:
                lengths = np.empty_like(starts)
                np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
                lengths[-1] = p.size - starts[-1]
                values = p.take(starts), r.take(starts)
                if self._slices is not None:
                    self._slices.add(*values, starts, p.size)
                self._later(*values, lengths)
                continue
            if self._slices is not None:
                self._slices.add(p, r, None, p.size)
            if p.itemsize == r.itemsize == 1:
                self._later(*_histogram_of_bytes(p, r))
            else:
                self._count(p, r, None)

    def profile(self) -> PairProfile | None:
        """The pairs per slice, where they are counted."""
        return None if self._slices is None else self._slices.profile()

    def confusion(self) -> Confusion:
        """The joint histogram, ignored voxels left out."""
        self._count_waiting()
        require_room(len(self._sparse), _PER_PAIR + _PER_COPY)
        pairs = dict(self._sparse)
        for r, p in np.argwhere(self._dense).tolist():
            pairs[r, p] = pairs.get((r, p), 0) + int(self._dense[r, p])
        references, predictions = self._reference.values, self._prediction.values
        return Confusion(
            {(references[r], predictions[p]): n for (r, p), n in pairs.items() if references[r] != self._ignore}
        )

    def _later(self, prediction: NDArray[Any], reference: NDArray[Any], voxels: Integers) -> None:
        """Few pairs of many blocks are counted together: by themselves they cost more calls than counting."""
        if self._waiting and any(
            a.dtype != b.dtype for a, b in zip(self._waiting[-1][:2], (prediction, reference), strict=True)
        ):
            self._count_waiting()  # together they would become floats
        self._waiting.append((prediction, reference, voxels))
        self._entries += prediction.size
        if self._entries > _MOST_WAITING:
            self._count_waiting()

    def _count_waiting(self) -> None:
        if self._waiting:
            p, r, voxels = map(np.concatenate, zip(*self._waiting, strict=True))
            bytes_ = p.itemsize == r.itemsize == 1
            self._count(*(_histogram_of_bytes(p, r, voxels) if bytes_ else (p, r, voxels)))
            self._waiting.clear()
            self._entries = 0

    def _count(self, prediction: NDArray[Any], reference: NDArray[Any], voxels: Integers | None) -> None:
        """Pairs of values, each standing for so many voxels; None for one each."""
        p, r = self._prediction.encode(prediction), self._reference.encode(reference)
        needed = len(self._reference.values), len(self._prediction.values)
        if needed[0] > self._dense.shape[0] or needed[1] > self._dense.shape[1]:
            self._grow(needed)
        if self._dense.size:
            joint = r * np.int32(self._dense.shape[1])
            joint += p
            counts = np.bincount(joint, voxels)  # float64 where weighted: exact, a block is far smaller than 2^53
            self._dense.reshape(-1)[: counts.size] += counts.astype(np.int64)
            return
        keys, places = np.unique(r * np.int64(needed[1]) + p, return_inverse=True)
        for key, count in zip(keys.tolist(), np.bincount(places, voxels).tolist(), strict=True):
            pair = divmod(key, needed[1])
            self._sparse[pair] = self._sparse.get(pair, 0) + int(count)
        if len(self._sparse) > self._room:
            labels = len(self._reference.values) + len(self._prediction.values)
            require_room(len(self._sparse), _PER_PAIR, labels)  # as many may come again
            self._room = 2 * len(self._sparse)

    def _grow(self, needed: tuple[int, int]) -> None:
        """Room for so many codes: twice as many, or the sparse histogram from here on."""
        if not self._dense.size:
            return
        rows, columns = (max(have, 2 * need) for have, need in zip(self._dense.shape, needed, strict=True))
        if rows * columns > _DENSE_BINS:
            for r, p in np.argwhere(self._dense).tolist():
                self._sparse[r, p] = int(self._dense[r, p])
            self._dense = np.zeros((0, 0), dtype=np.int64)
            return
        larger = np.zeros((rows, columns), dtype=np.int64)
        larger[: self._dense.shape[0], : self._dense.shape[1]] = self._dense
        self._dense = larger


def require_room(pairs: int, each: int = _PER_COPY, labels: int = 0) -> None:
    """Raises NotEnoughMemory where so many pairs of labels are too many. each: bytes; of a copy by default.

    labels: that are new in either map.
    """
    if pairs <= _MANY_PAIRS:
        return
    size, words = each * pairs + _PER_LABEL * labels, f"counting {pairs:,} pairs of labels"
    require_memory("the joint histogram", Need(size, words, "cut the volumes into pieces and score each"))


def require_room_for_another(confusion: Confusion) -> None:
    """Raises NotEnoughMemory where a histogram like this one, counted elsewhere, could not be taken, too."""
    require_room(len(confusion.pairs), _PER_PAIR)


def _histogram_of_bytes(
    prediction: NDArray[Any], reference: NDArray[Any], voxels: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The pairs that occur in two arrays of one byte per voxel, and how often: faster than looking up each voxel.

    voxels: those that each pair of values stands for; None for one each.
    """
    joint = reference.view(np.uint8).astype(np.uint16)
    joint <<= 8
    joint |= prediction.view(np.uint8)
    counts = np.bincount(joint, voxels)
    keys = np.flatnonzero(counts)
    p, r = (keys & 0xFF).astype(np.uint8), (keys >> 8).astype(np.uint8)
    return p.view(prediction.dtype), r.view(reference.dtype), counts[keys]


class RunStarts:
    """Where a voxel differs from its predecessor in any of several arrays; the work arrays are kept."""

    def __init__(self) -> None:
        self._marks = np.zeros(_BLOCK, dtype=np.uint8)  # anything but 0 where a run starts
        self._other = np.empty(_BLOCK, dtype=np.uint8)

    def of(self, first: NDArray[Any], second: NDArray[Any]) -> Integers | None:
        """Positions of the first voxels of the runs, ascending, 0 among them; None where the runs are short.

        At most ``_BLOCK`` voxels.
        """
        if first.strides == second.strides == (0,):  # one value each, as where nothing is stored
            return np.zeros(1, dtype=np.int64)
        size = first.size
        marks, other = self._marks[:size], self._other[: size - 1]
        marks[0] = 1
        _mark_changes(first, marks[1:])
        _mark_changes(second, other)
        np.bitwise_or(marks[1:], other, out=marks[1:])
        padded = -(-size // 8) * 8
        self._marks[size:padded] = 0
        words = self._marks[:padded].view(np.uint64)  # eight marks at once: most words hold none
        marked = np.flatnonzero(words != 0)
        if marked.size > _SHORT_RUNS * words.size:
            return None
        within = np.flatnonzero(words.take(marked).view(np.uint8) != 0)
        starts = marked.take(within >> 3)
        starts <<= 3
        within &= 7
        starts += within
        return starts


def _mark_changes(values: NDArray[Any], marks: NDArray[np.uint8]) -> None:
    """Anything but 0 for each value but the first that is not its predecessor."""
    if values.itemsize == 1:  # the bits that differ: two thirds of a comparison's time
        numbers = values.view(np.uint8)
        np.bitwise_xor(numbers[1:], numbers[:-1], out=marks)
    else:
        np.not_equal(values[1:], values[:-1], out=marks.view(np.bool_))

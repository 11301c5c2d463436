"""Sizes, boxes and centroids of instances, added up over runs of voxels along the first axis, slab by slab."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats, Integers
from segeval.shapes.runs import Runs
from segeval.tallies.instances import Instance

_PIECE = 1 << 18  # runs that are added at once


class Facts(Struct, frozen=True):
    """What is known of some instances.

    ids: what they are called; shape (instances,), like the arrays that follow.
    voxels: their sizes.
    boxes: first voxel and the voxel behind the last, from the origin; shape (instances, axes, 2).
    centroids: from the origin; shape (instances, axes).
    origin: where the box that they were found in begins in the volume.
    """

    ids: NDArray[np.integer]
    voxels: Integers
    boxes: Integers
    centroids: Floats
    origin: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def instances(self) -> list[Instance]:
        """Every instance as a record, in the coordinates of the volume."""
        axes = range(len(self.origin))
        edges = [(self.boxes[:, axis] + self.origin[axis]).T.tolist() for axis in axes]
        boxes = zip(*(zip(first, behind, strict=True) for first, behind in edges), strict=True)
        centroids = zip(*((self.centroids[:, axis] + self.origin[axis]).tolist() for axis in axes), strict=True)
        return list(map(Instance, self.ids.tolist(), self.voxels.tolist(), boxes, centroids))

    def some(self, chosen: NDArray[np.bool_] | slice) -> Facts:
        """Of some of the instances."""
        return Facts(self.ids[chosen], self.voxels[chosen], self.boxes[chosen], self.centroids[chosen], self.origin)


class Sums:
    """Adds up runs by number, slab by slab, and then by instance, of which there may be several numbers."""

    def __init__(self, axes: int) -> None:
        self._axes = axes
        self._parts: list[Summed] = []

    def add(self, runs: Runs, numbers: NDArray[Any], codes: NDArray[Any], before: int) -> None:
        """Of a slab. numbers, codes: of the runs; ``before`` is added to the numbers, which count from 0."""
        if not numbers.size:
            return
        part = Summed.nothing(int(numbers.max()) + 1, self._axes)
        for start in range(0, len(numbers), _PIECE):
            here = slice(start, start + _PIECE)
            part.add(runs.part(here), numbers[here].astype(np.intp), codes[here])
        there = np.flatnonzero(part.voxels)
        self._parts.append(part.some(there, there + before))

    def by_instance(self, instance: Integers) -> Summed:
        """instance: by number, that it stands for, from 0; all of them occur."""
        total = Summed.nothing(int(instance.max(initial=-1)) + 1, self._axes)
        for part in self._parts:
            total.join(part, instance[part.numbers])
        return total


class Summed(Struct, frozen=True):
    """Sums of numbers or instances; the arrays' last axis is theirs.

    positions: the sums of the indices, by axis. low, high: the least and the greatest index, by axis. first: the least
    position of a run. All int64, exact.
    """

    numbers: Integers
    codes: Integers
    voxels: Integers
    positions: Integers
    low: Integers
    high: Integers
    first: Integers

    @classmethod
    def nothing(cls, count: int, axes: int) -> Summed:
        """Before anything was added."""
        zeros, most = np.zeros((2 * axes + 2, count), np.int64), np.iinfo(np.int64).max
        low = np.full((axes + 1, count), most)
        return cls(np.arange(count), zeros[0], zeros[1], zeros[2 : 2 + axes], low[:axes], zeros[2 + axes :], low[axes])

    def add(self, runs: Runs, numbers: NDArray[np.intp], codes: NDArray[Any]) -> None:
        """Runs of these numbers."""
        count, lengths = len(self.voxels), runs.lengths
        self.codes[numbers] = codes
        self.voxels[:] += _counts(numbers, lengths, count)
        for axis, index in enumerate(runs.indices):
            inside = lengths * (lengths - 1) // 2 if axis == 0 else 0
            self.positions[axis] += _counts(numbers, lengths * index + inside, count)
            np.minimum.at(self.low[axis], numbers, index)
            np.maximum.at(self.high[axis], numbers, index + lengths - 1 if axis == 0 else index)
        np.minimum.at(self.first, numbers, runs.positions)

    def join(self, part: Summed, instance: Integers) -> None:
        """Sums of numbers that stand for these instances."""
        self.codes[instance] = part.codes
        np.add.at(self.voxels, instance, part.voxels)
        for axis in range(len(self.low)):
            np.add.at(self.positions[axis], instance, part.positions[axis])
            np.minimum.at(self.low[axis], instance, part.low[axis])
            np.maximum.at(self.high[axis], instance, part.high[axis])
        np.minimum.at(self.first, instance, part.first)

    def some(self, chosen: Integers, numbers: Integers) -> Summed:
        """Of some, under these numbers."""
        return Summed(
            numbers,
            self.codes[chosen],
            self.voxels[chosen],
            self.positions[:, chosen],
            self.low[:, chosen],
            self.high[:, chosen],
            self.first[chosen],
        )

    def facts(self, ids: NDArray[Any], origin: tuple[int, ...]) -> Facts:
        """As they are read; ids: what the instances are called."""
        return Facts(
            ids,
            self.voxels,
            np.stack((self.low.T, self.high.T + 1), axis=2),
            self.positions.T / self.voxels[:, np.newaxis],
            origin,
        )


def _counts(numbers: NDArray[np.intp], weights: Integers, count: int) -> Integers:
    """Sums of weights, which stay below 2^53 and so are exact."""
    return np.bincount(numbers, weights, count).astype(np.int64)

"""Some slices of a volume, picked out of its stream: nothing else is held but one sheet of voxels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.kernels.soft_targets import SoftTargets
from segeval.tallies.tally import TallyOptions
from segeval.targets import TargetKey
from segeval.volumes.chunks import restretch
from segeval.volumes.volume import VoxelSource

Place = tuple[int, int]
"""A stored axis (of a picture, 2 is the one of one voxel) and the number of the slice across it, from 0."""


def slices_of(source: VoxelSource, channel: int, places: Sequence[Place]) -> list[NDArray[Any]]:
    """One channel's slices, each with its two other axes in their stored order."""
    shape = (*source.shape, 1)[:3]
    found = [np.empty([n for other, n in enumerate(shape) if other != axis], dtype=source.dtype) for axis, _ in places]
    size = math.prod(shape[:2])
    sheet = np.empty(size, dtype=source.dtype)
    for number, start, values in restretch(source.pieces(channel), [size] * shape[2]):
        if values.size < size:
            sheet[start : start + values.size] = values
            if start + values.size < size:
                continue
        whole = values if values.size == size else sheet
        _take(whole.reshape(shape[:2], order="F"), number, places, found)
    return found


def _take(sheet: NDArray[Any], number: int, places: Sequence[Place], found: list[NDArray[Any]]) -> None:
    """What lies in the sheet of this number along the third axis."""
    for (axis, index), into in zip(places, found, strict=True):
        if axis == 0:
            into[:, number] = sheet[index]
        elif axis == 1:
            into[:, number] = sheet[:, index]
        elif index == number:
            into[...] = sheet


def decided_slices(source: VoxelSource, places: Sequence[Place], options: TallyOptions) -> list[Integers]:
    """The labels that a probability map decides for, as they were counted."""
    labels = np.array(SoftTargets(options, {}).labels_of_winners())
    if options.single:
        return [
            labels[(values >= values.dtype.type(options.threshold)).astype(np.intp)]
            for values in slices_of(source, 0, places)
        ]
    best = slices_of(source, 0, places)
    winner = [np.zeros(values.shape, dtype=np.intp) for values in best]
    for channel in range(1, source.channels):
        for place, values in enumerate(slices_of(source, channel, places)):
            winner[place][values > best[place]] = channel
            np.maximum(best[place], values, out=best[place])
    return [labels[each] for each in winner]


def chosen_slices(
    source: VoxelSource, places: Sequence[Place], options: TallyOptions
) -> dict[tuple[TargetKey, Place], NDArray[np.bool_]]:
    """The voxels of each target of independent channels, as they were counted: where one of its channels is chosen."""
    contributors = SoftTargets(options, {}).contributors
    found: dict[tuple[TargetKey, Place], NDArray[np.bool_]] = {}
    for channel in range(source.channels):
        for place, values in zip(places, slices_of(source, channel, places), strict=True):
            chosen = values >= values.dtype.type(options.threshold)
            for target, channels in contributors.items():
                if channel in channels:
                    found[target, place] = chosen | found.get((target, place), False)
    return found

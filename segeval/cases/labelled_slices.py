"""Labels that count only in the slices where the reference has them: elsewhere they are background in both volumes."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.errors import GeometryError, LabelError, UsageError
from segeval.settings import Settings
from segeval.settings.labels import BEFORE_LAST, within_region
from segeval.settings.values import SLICES_OF_LABELS
from segeval.volumes.memory import Need, require_memory
from segeval.volumes.volume import (
    ArraySource,
    DerivedSource,
    Piece,
    Volume,
    VoxelSource,
    whole_channel,
    whole_channel_bytes,
)

_AXIS = 2
_FEW = 50  # labels up to which comparing a slice with each is faster than sorting it

Slices = Mapping[int, tuple[int, int]]
"""By label value, the first slice where it counts, and the one behind the last."""


def in_labelled_slices(prediction: Volume, reference: Volume, settings: Settings) -> tuple[Volume, Volume]:
    """Both volumes, of one grid, as ``slices_of`` has them. Raises what `sources_in_labelled_slices` does."""
    if settings.slices_of is None:
        return prediction, reference
    refuse_probabilities(prediction.source, prediction.name)
    sets = ChainMap(prediction.sets, reference.sets)  # a view: overlaps are met while the voxels are read
    names = prediction.name, reference.name
    ours, theirs = sources_in_labelled_slices(prediction.source, reference.source, settings, sets, names)
    return replace(prediction, source=ours), replace(reference, source=theirs)


def refuse_probabilities(prediction: VoxelSource, name: str) -> None:
    """Raises UsageError for several channels of floats, as the slices are of labels."""
    if prediction.channels > 1 and prediction.dtype.kind == "f":
        raise UsageError(f"{name}: holds probabilities, and {SLICES_OF_LABELS}")


def sources_in_labelled_slices(
    prediction: VoxelSource,
    reference: VoxelSource,
    settings: Settings,
    sets: Mapping[int, frozenset[int]],
    names: tuple[str, str],
) -> tuple[VoxelSource, VoxelSource]:
    """Both label maps, of one grid, as ``slices_of`` has them; the reference is held to find the slices.

    A label that the reference lacks is left as it is. sets: the labels behind codes of both. names: what messages call
    them. Raises GeometryError, UsageError, NotEnoughMemory.
    """
    if settings.slices_of is None:
        return prediction, reference
    if len(reference.shape) != _AXIS + 1:
        shape = "×".join(map(str, reference.shape))
        raise GeometryError(
            f"{names[1]}: has {shape} voxels, and slices of labels lie along a third axis; leave --slices-of out"
        )
    size = whole_channel_bytes(reference)
    require_memory(names[1], Need(size, "finding the slices of its labels", "leave --slices-of out"))
    labels = whole_channel(reference, 0)
    chosen = within_region(settings.slices_of.removesuffix(BEFORE_LAST), settings.labels, "--slices-of").labels
    wanted = np.unique(labels).tolist() if chosen is None else sorted(chosen)
    slices = _slices(labels, [value for value in wanted if value], settings.slices_of.endswith(BEFORE_LAST))
    whole = ArraySource(labels[np.newaxis])
    return InSlices(prediction, slices, chosen, sets, names[0]), InSlices(whole, slices, chosen, sets, names[1])


def _slices(labels: NDArray[Any], values: Collection[int], before_last: bool) -> dict[int, tuple[int, int]]:
    """Those of each label that occurs."""
    found: dict[int, tuple[int, int]] = {}
    for index in range(labels.shape[_AXIS]):
        plane = labels[:, :, index]
        occurring = set(np.unique(plane).tolist()) if len(values) > _FEW else None
        for value in values:
            if (plane == value).any() if occurring is None else value in occurring:
                found[value] = (found.get(value, (index, 0))[0], index + 1)
    return {value: (first, stop - before_last) for value, (first, stop) in found.items()}


class InSlices(DerivedSource, frozen=True):
    """A label map whose labels are background outside of slices of their own.

    chosen: the labels that have such slices where they occur; None for all. name: what messages call the map.
    """

    slices: Slices
    chosen: frozenset[int] | None
    sets: Mapping[int, frozenset[int]]
    name: str

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The labels. Raises LabelError for a voxel of several labels, one of which counts in some slices alone."""
        plane, start = math.prod(self.source.shape[:_AXIS]), 0
        for piece in self.source.pieces(channel):
            yield self._cut(piece, start, plane)
            start += piece.size
            self._require_apart()

    def _cut(self, piece: Piece, start: int, plane: int) -> Piece:
        found = piece
        for value, (first, stop) in self.slices.items():
            low, high = (min(max(index * plane - start, 0), piece.size) for index in (first, stop))
            for part in (slice(0, low), slice(high, piece.size)):
                outside = piece[part] == value
                if outside.any():
                    found = piece.copy() if found is piece else found
                    found[part][outside] = 0
        return found

    def _require_apart(self) -> None:
        for members in self.sets.values():
            if len(members) > 1 and (self.chosen is None or members & self.chosen):
                raise LabelError(
                    f"{self.name}: has voxels of several labels ({', '.join(map(str, sorted(members)))}); --slices-of "
                    "cannot take them apart, so leave it out"
                )

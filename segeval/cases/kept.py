"""Both volumes kept as they stream by, for the losses that need a whole probability map."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from segeval.array_types import Floats, Mask
from segeval.errors import LabelError
from segeval.kernels.soft_targets import SoftTargets
from segeval.quantities import membership, parts_of, targets_of
from segeval.settings import Settings
from segeval.tallies.maps import Maps, TargetMap
from segeval.tallies.tally import Confusion, Sets, Tally
from segeval.targets import BACKGROUND, LabelChoice
from segeval.volumes.geometry import Geometry
from segeval.volumes.memory import Need
from segeval.volumes.volume import DerivedSource, Piece, VoxelSource

_WORK_BYTES = 48  # per voxel, while a target is measured: its map, masks and distances
_INSTEAD = "leave map_losses and detection_maps out of --metrics"
Channels = dict[int, NDArray[Any]]


class KeptSource(DerivedSource, frozen=True):
    """A source whose voxels stay: by channel, as they were read, first axis fastest."""

    channels_read: Channels = field(default_factory=dict)

    @property
    def need(self) -> Need:
        size = self.channels * math.prod(self.shape) * self.dtype.itemsize
        return Need(size, "keeping a whole volume", _INSTEAD)

    def pieces(self, channel: int) -> Iterator[Piece]:
        """The channel as it is."""
        values = self.channels_read[channel] = np.empty(math.prod(self.shape), dtype=self.dtype)
        filled = 0
        for piece in self.source.pieces(channel):
            values[filled : filled + piece.size] = piece
            filled += piece.size
            yield piece

    def volume(self, channel: int) -> NDArray[Any]:
        """A channel that was read, in the volume's shape."""
        return self.channels_read[channel].reshape(self.shape, order="F")


class KeptPair(Struct, frozen=True):
    """The prediction's values and the reference's labels, as they were counted. sets: as the pair has them."""

    prediction: KeptSource
    reference: KeptSource
    sets: Sets

    @classmethod
    def of(cls, prediction: VoxelSource, reference: VoxelSource, sets: Sets) -> KeptPair:
        """Of sources that were not read yet."""
        return cls(KeptSource(prediction), KeptSource(reference), sets)

    @property
    def need(self) -> Need:
        """What measuring will hold beside them."""
        return Need(_WORK_BYTES * math.prod(self.reference.shape), "measuring whole maps", _INSTEAD)

    def maps(self, tally: Tally, settings: Settings, geometry: Geometry | None) -> Maps:
        """What the values say of each of ``targets_of(tally)``. Raises LabelError, GeometryError."""
        choice = settings.labels
        if geometry is not None and any(part.settings.get("unit") == "mm" for part in parts_of(settings.selections)):
            geometry.require_right_angles("unit=mm")
        labels = self.reference.volume(0)
        ignore = tally.options.ignore
        evaluated = None if ignore is None else labels != ignore
        make = self._of_labels(tally, choice) if tally.soft is None else self._of_probabilities(tally)

        def made(index: int) -> TargetMap:
            probabilities, mask = make(index)
            if evaluated is None:
                return TargetMap(probabilities, mask)
            return TargetMap(np.where(evaluated, probabilities, 0.0), mask & evaluated)

        return Maps(
            targets_of(tally, choice),
            made,
            evaluated,
            labels.size if evaluated is None else int(np.count_nonzero(evaluated)),
            None if geometry is None or geometry.affine is None else geometry.spacing_mm[: labels.ndim],
            _distances(settings, [key for key in targets_of(tally, choice) if isinstance(key, int)]),
        )

    def _of_probabilities(self, tally: Tally) -> Callable[[int], tuple[Floats, Mask]]:
        options = tally.options
        plan = SoftTargets(options, self.sets)
        labels = self.reference.volume(0)
        values = np.unique(labels).tolist()

        def make(index: int) -> tuple[Floats, Mask]:
            target = plan.keys[index]
            mask = np.isin(labels, [value for value in values if plan.holds(target, value)])
            if options.single and target == BACKGROUND:
                return 1 - self._probability(0), mask
            total = np.zeros(labels.shape)
            for channel in plan.contributors[target]:
                p = self._probability(channel)
                total = np.maximum(total, p) if options.independent else total + p
            return np.minimum(total, 1.0), mask

        return make

    def _probability(self, channel: int) -> Floats:
        return np.clip(self.prediction.volume(channel).astype(np.float64), 0.0, 1.0)

    def _of_labels(self, tally: Tally, choice: LabelChoice) -> Callable[[int], tuple[Floats, Mask]]:
        confusion = tally.confusion or Confusion()
        keys = targets_of(tally, choice)
        belongs = membership(
            confusion, [key for key in keys if isinstance(key, int) and key != BACKGROUND], choice.regions
        )
        predicted, labels = np.rint(self.prediction.volume(0)), self.reference.volume(0)

        def make(index: int) -> tuple[Floats, Mask]:
            values = [value for value, places in belongs.items() if index in places]
            return np.isin(predicted, values).astype(np.float64), np.isin(labels, values)

        return make


def _distances(settings: Settings, labels: list[int]) -> Floats | None:
    matrix = settings.label_distances
    if matrix is None:
        return None
    if len(matrix) != len(labels):
        raise LabelError(
            f"--label-distances: is a matrix of {len(matrix)} labels, evaluated are {len(labels)} "
            f"({', '.join(map(str, labels[:10]))}{', …' if len(labels) > 10 else ''}), the background among them"
        )
    return np.array(matrix)

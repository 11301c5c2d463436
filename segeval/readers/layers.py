"""Layers of labels that may overlap, interleaved in one stream, as one stream of labels and codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.readers.masks import MaskCodes, overlap_remarks
from segeval.volumes.volume import Piece, VoxelSource

_TABLE_VALUES = 1 << 16  # stored values that are looked up in a table
_SHOWN = 10


class LayerSource:
    """The values of each layer become labels; a voxel that has one in several layers gets a code.

    source: layers × shape[0] values along the first axis, those of one voxel side by side. tables: of each layer, the
    labels by value; all other values become background.
    """

    def __init__(self, source: VoxelSource, shape: tuple[int, ...], tables: Sequence[Mapping[int, int]]) -> None:
        self._source = source
        self._tables = [ValueTable(table) for table in tables]
        self.shape = shape
        self.channels = 1
        self.dtype: np.dtype[Any] = np.dtype(np.int64)
        self.in_order = True
        self.codes = MaskCodes({})
        self.overlapping_voxels = 0

    def pieces(self, channel: int) -> Iterator[Piece]:
        """Labels, and codes where layers overlap."""
        layers = len(self._tables)
        rest: Piece | None = None
        for piece in self._source.pieces(channel):
            values = piece if rest is None else np.concatenate((rest, piece))
            whole = values.size - values.size % layers
            rest = values[whole:] if whole < values.size else None
            if whole:
                yield self._composed(values[:whole].reshape(-1, layers))

    def _composed(self, values: NDArray[Any]) -> Piece:
        labels = self._tables[0].labels(values[:, 0])
        for number in range(1, len(self._tables)):
            of_layer = self._tables[number].labels(values[:, number])
            if of_layer.any():
                for label in np.unique(of_layer[of_layer != 0]).tolist():
                    self.overlapping_voxels += self.codes.claim(labels, of_layer == label, label)
        return labels

    def remarks(self, name: str) -> list[str]:
        """What the voxels showed, once they were read."""
        found = overlap_remarks(name, self.overlapping_voxels, "segments")
        for table in self._tables:
            found += table.remarks(name)
        return found


class ValueTable:
    """Labels by stored value, and how many voxels had a value that is not listed."""

    def __init__(self, labels: Mapping[int, int]) -> None:
        self._listed = dict(labels)
        self.strayed: Counter[int] = Counter()  # the first values, not all that a damaged file may hold
        self.strayed_voxels = 0
        size = max([*labels, 0]) + 1
        self._table = np.zeros(min(size, _TABLE_VALUES), dtype=np.int64)
        for value, label in labels.items():
            if value < self._table.size:
                self._table[value] = label

    def labels(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Of stored values, as a new array."""
        if not values.any():
            return np.zeros(values.shape, dtype=np.int64)
        if values.min() >= 0 and values.max() < self._table.size:
            found = self._table.take(values)
            unknown = (found == 0) & (values != 0)
        else:
            found = np.zeros(values.shape, dtype=np.int64)
            unknown = values != 0
            for value in np.unique(values).tolist():
                if value in self._listed:
                    found[values == value] = self._listed[value]
                    unknown &= values != value
        if unknown.any():
            strays, counts = np.unique(values[unknown], return_counts=True)
            self.strayed_voxels += int(counts.sum())
            for value, count in zip(strays.tolist(), counts.tolist(), strict=True):
                if value in self.strayed or len(self.strayed) < _SHOWN:
                    self.strayed[value] += count
        return found

    def remarks(self, name: str) -> list[str]:
        """What was not listed, if anything."""
        if not self.strayed_voxels:
            return []
        words = ", ".join(f"{value} ({count} voxels)" for value, count in sorted(self.strayed.items())[:_SHOWN])
        return [f"{name}: {self.strayed_voxels} voxels have values of no segment, counted as background: {words}"]

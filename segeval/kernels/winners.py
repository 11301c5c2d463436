"""Which channel of a probability map each voxel belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.kernels.kernel import SUM_PRECISION
from segeval.kernels.target_sums import BLOCK
from segeval.tallies.tally import TallyOptions


class Winners:
    """The winning channel of some voxels, as their channels come; of a single map 1 from the threshold on, else 0.

    numbers: of the channels. total: the running sum, where channels compete.
    """

    def __init__(self, options: TallyOptions, size: int) -> None:
        self.numbers = np.zeros(size, dtype=np.min_scalar_type(len(options.channels)))
        self.total: NDArray[np.float32] | None = None
        self._best: NDArray[Any] | None = None
        self._options = options

    def add(self, channel: int, where: slice, values: NDArray[Any], low: float, high: float) -> None:
        """The running argmax (the lowest channel wins a tie) and the running sum, of values from low to high.

        Where the sum is about 1, the winner is no less than the mean, and what is next to nothing changes neither.
        """
        if self._options.single:
            self.numbers[where] = reaches(values, self._options.threshold)
            return
        if self._best is None or self.total is None:
            self._best = np.empty(self.numbers.size, dtype=values.dtype)
            self.total = np.empty(self.numbers.size, dtype=np.float32)
        nothing = low >= 0 and high <= SUM_PRECISION / len(self._options.channels)
        if channel == 0:  # comes first
            self._best[where] = self.total[where] = 0 if nothing else values
        if channel == 0 or nothing:
            return
        best, winner = self._best[where], self.numbers[where]
        self.total[where] += values
        higher = values > best
        if higher.any():  # few channels win anything in a block
            np.maximum(winner, higher.astype(winner.dtype) * winner.dtype.type(channel), out=winner)  # the last one won
            np.maximum(best, values, out=best)


def reaches(values: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
    """Which of these do, in the stored precision, inclusive."""
    return np.asarray(values >= values.dtype.type(threshold))


def winners_of(channels: Sequence[NDArray[Any]], options: TallyOptions) -> NDArray[Any]:
    """Of voxels of which all channels are there; of one value each, where they are that, as where nothing is stored."""
    size = channels[0].size
    if size > 1 and all(values.strides == (0,) for values in channels):
        return np.broadcast_to(winners_of([values[:1] for values in channels], options), (size,))
    found = Winners(options, size)
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are refused once all is counted
        for first in range(0, size, BLOCK):
            for channel, values in enumerate(channels):
                block = values[first : first + BLOCK]
                found.add(channel, slice(first, first + block.size), block, float(block.min()), float(block.max()))
    return found.numbers

"""How probabilities are distributed inside and outside the reference: what calibration and ranking are computed from.

[0, 1] is divided into 4,096 equal bins, some of them cut further into cells. Cells are what is counted:

- Bin k holds k/4096 <= p < (k + 1)/4096, the last one p = 1 too. An edge times 4096 is an integer, exact in float32
  and float64: the voxels at or above k/4096 are those of the threshold k/4096, inclusive.
- A bin with a multiple of 1/300 inside is cut there, also inclusive from below: 10, 15, 20 … 100 equal parts of
  [0, 1] then consist of whole cells, as 2, 4, 8 … 4,096 parts do of whole bins.
- The first and the last bin are cut at eight places per octave of p and of 1 − p, down to 2^-60. Trained networks
  put most voxels there; without these cuts they would all be ties to a ranking.

Cells ascend with p, so any cell, bin or part is a run of cells.
"""

from __future__ import annotations

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.tallies.by_value import ByValue

BINS = 4096
PARTS = 300
"""Equal parts of [0, 1] that consist of whole cells, and so does every number of parts that divides it."""

OCTAVE_CUTS = 8
"""Cells per octave of p in the first bin, and of 1 − p in the last."""

SMALLEST_EXPONENT = -60
"""All p below 2^-60 share the first cell, all 1 − p below 2^-60 the last."""

TAIL_CELLS = 1 + OCTAVE_CUTS * (-SMALLEST_EXPONENT - 12)
"""Cells of the first bin, as of the last: 2^-12 is a bin's width."""


def _cuts() -> Floats:
    """Per bin, the multiple of 1/300 strictly inside; infinity where there is none."""
    cuts = np.full(BINS, np.inf)
    for part in range(1, PARTS):
        containing, beyond_the_edge = divmod(BINS * part, PARTS)
        if beyond_the_edge:
            cuts[containing] = part / PARTS
    return cuts


CUTS = _cuts()


def _first_cells() -> Integers:
    sizes = np.where(np.isfinite(CUTS), 2, 1)
    sizes[[0, -1]] = TAIL_CELLS
    return np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)


FIRST_CELLS = _first_cells()
"""The first cell of each bin."""

CELLS = int(FIRST_CELLS[-1]) + TAIL_CELLS


def can_be_parted(parts: float) -> bool:
    """Whether so many equal parts of [0, 1] consist of whole cells: the divisors of 4,096 and of 300."""
    return parts == int(parts) and 1 <= parts <= BINS and (BINS % parts == 0 or PARTS % parts == 0)


class ProbabilityHistogram(ByValue, frozen=True):
    """Of several targets: how many voxels have a probability in which cell, arrays of shape (targets, CELLS).

    voxels: all evaluated voxels; inside: those inside the reference; probability: the sum of their probabilities (all).
    """

    voxels: Integers
    inside: Integers
    probability: Floats

    @classmethod
    def empty(cls, targets: int) -> ProbabilityHistogram:
        """Nothing counted yet."""
        shape = (targets, CELLS)
        return cls(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64), np.zeros(shape))

    @property
    def n(self) -> Integers:
        """Evaluated voxels, shape (targets,)."""
        return np.asarray(self.voxels.sum(axis=1))

    @property
    def reference(self) -> Integers:
        """Voxels of the target in the reference, shape (targets,)."""
        return np.asarray(self.inside.sum(axis=1))

    def __add__(self, other: ProbabilityHistogram) -> ProbabilityHistogram:
        if self.voxels.shape != other.voxels.shape:
            raise ValueError(
                f"histograms of {len(self.voxels)} and of {len(other.voxels)} targets do not add: they must be the same"
            )
        return ProbabilityHistogram(
            self.voxels + other.voxels, self.inside + other.inside, self.probability + other.probability
        )

    def __getitem__(self, rows: slice | list[int]) -> ProbabilityHistogram:
        """The histogram of some of the targets."""
        return ProbabilityHistogram(self.voxels[rows], self.inside[rows], self.probability[rows])

    def in_parts(self, parts: float) -> ProbabilityHistogram:
        """The same voxels in so many equal parts of [0, 1]: arrays of shape (targets, parts), every part exact.

        Part i holds i/parts <= p < (i + 1)/parts, the last one p = 1 too. ValueError unless ``can_be_parted``.
        """
        if not can_be_parted(parts):
            raise ValueError(
                f"{parts:g} equal parts of [0, 1] are not made of whole bins: take a divisor of {PARTS} or of {BINS}"
            )
        containing, beyond_the_edge = np.divmod(BINS * np.arange(int(parts)), int(parts))
        starts = FIRST_CELLS[containing] + (beyond_the_edge > 0)
        voxels, inside, probability = (
            np.add.reduceat(a, starts, axis=1) for a in (self.voxels, self.inside, self.probability)
        )
        return ProbabilityHistogram(voxels, inside, probability)

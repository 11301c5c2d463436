"""Runs of equal voxels along the first axis, which label maps are made of: what is done with runs is soon done."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Integers


class Runs(Struct, frozen=True):
    """Stretches of voxels along the first axis of a box of this shape; none goes on in the next line.

    positions: of their first voxels in the flat box, in Fortran order. lengths: in voxels.
    """

    shape: tuple[int, ...]
    positions: Integers
    lengths: Integers

    @property
    def indices(self) -> list[Integers]:
        """Of the first voxels, by axis."""
        found, rest = [], self.positions
        for size in self.shape[:-1]:
            further = rest // size  # with a product, several times faster than divmod
            found.append(rest - further * size)
            rest = further
        return [*found, rest]

    def some(self, chosen: NDArray[np.intp]) -> Runs:
        """Some of them."""
        return Runs(self.shape, self.positions.take(chosen), self.lengths.take(chosen))

    def part(self, chosen: slice) -> Runs:
        """Some that follow each other."""
        return Runs(self.shape, self.positions[chosen], self.lengths[chosen])


def changes_along(flat: NDArray[Any], shape: tuple[int, ...], axis: int) -> NDArray[np.bool_]:
    """Where a voxel differs from the one before it along the axis, or has none before it; flat."""
    step = math.prod(shape[:axis])
    changes = np.empty(flat.size, dtype=np.bool_)
    np.not_equal(flat[step:], flat[: flat.size - step], out=changes[step:])
    changes.reshape(-1, shape[axis], step)[:, 0] = True
    return changes

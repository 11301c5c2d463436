"""What some losses need beside the nine sums: a sum over the voxels of each side of a target's border.

With t the probability of what is the case (p inside the target, 1 − p outside) and f = 1 − t that of what is not.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from segeval.array_types import Floats
from segeval.tallies.by_value import ByValue

PowerSum = tuple[Literal["error", "log", "wrong_log"], float, float]
"""What is summed, as (name, γ, η):

``error``: f^γ, the distance between probability and reference to a power (η plays no part, and is 0).
``log``: (−ln t̂)^γ, the cross-entropy to a power.
``wrong_log``: ln f̂, what label smoothing adds (γ plays no part, and is 1).

The hat means clipped to [η, 1 − η].
"""


class Sides(ByValue, frozen=True):
    """One of these sums over the voxels inside each target, and over those outside: float64, shape (targets,)."""

    inside: Floats
    outside: Floats

    def __add__(self, other: Sides) -> Sides:
        return Sides(self.inside + other.inside, self.outside + other.outside)

    def __getitem__(self, rows: slice | list[int]) -> Sides:
        """The sums of some of the targets."""
        return Sides(self.inside[rows], self.outside[rows])

    @property
    def both(self) -> Floats:
        """Over all voxels."""
        return self.inside + self.outside


def term(what: PowerSum, false: Floats, true: Floats) -> Floats:
    """What each voxel adds; ``false`` and ``true``: f and t of the voxels, float64."""
    name, gamma, eta = what
    if name == "error":
        return np.asarray(false**gamma)
    if name == "log":
        return np.asarray((-np.log(np.clip(true, eta, 1 - eta))) ** gamma)
    return np.log(np.clip(false, eta, 1 - eta))


def term_where_certain(what: PowerSum) -> float | None:
    """What a voxel adds whose f is at most η: the same for all of them; None where it depends on f."""
    name, gamma, eta = what
    if name == "error":
        return None
    return (-math.log1p(-eta)) ** gamma if name == "log" else math.log(eta)


def of_a_label_map(what: PowerSum, right: Floats, wrong: Floats) -> Floats:
    """The sum over so many voxels whose t is 1, and so many whose t is 0."""
    ends = np.array([0.0, 1.0])
    if_right, if_wrong = term(what, ends, 1 - ends)
    return np.asarray(right * if_right + wrong * if_wrong)

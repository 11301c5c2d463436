"""What a backend must offer: two counters that take pieces of voxels and give tallies.

Laws, for every backend: any chunking gives the same counts exactly and the same sums to 1e-9, order does not matter,
and the tally of two stretches is the sum of their tallies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.kernels.held_labels import HeldPair
from segeval.tallies.profiles import PairProfile
from segeval.tallies.tally import Confusion, Sets, Tally, TallyOptions
from segeval.targets import TargetKey

SUM_PRECISION = 1e-4
"""How well the sum of a voxel's channels is known: far better than what a map is refused for."""


class ValuesSeen(Struct):
    """What a probability map held, as stored after scaling and before clipping.

    not_finite: voxels that are NaN or infinite. sum_error: largest distance of a voxel's channel sum from 1, to
    ``SUM_PRECISION``.
    """

    low: float = float("inf")
    high: float = float("-inf")
    not_finite: int = 0
    sum_error: float = 0.0

    def __add__(self, other: ValuesSeen) -> ValuesSeen:
        return ValuesSeen(
            min(self.low, other.low),
            max(self.high, other.high),
            self.not_finite + other.not_finite,
            max(self.sum_error, other.sum_error),
        )


class LabelKernel(Protocol):
    """Counts pairs of labels.

    held: the label maps themselves, where the backend was asked to keep them.
    """

    held: HeldPair | None

    def add(self, prediction: NDArray[Any], reference: NDArray[Any]) -> None:
        """Count two 1-D integer arrays of equal length, any integer types."""
        ...

    def confusion(self) -> Confusion:
        """The joint histogram of everything added."""
        ...

    def profile(self) -> PairProfile | None:
        """Everything added, per slice, where the backend was asked to count that and could."""
        ...


class Stretch(Protocol):
    """Some voxels of a probability map, whose channels come one by one."""

    def add(self, channel: int, start: int, probabilities: NDArray[Any]) -> None:
        """The channel's values of the stretch's voxels from ``start`` on."""
        ...

    def finish(self) -> None:
        """All channels were added: what needs them together is counted now."""
        ...


class SoftKernel(Protocol):
    """Sums probabilities against reference labels."""

    @property
    def held(self) -> HeldPair | None:
        """The number of each voxel's winning channel (of a single map: 1 from the threshold on), and its reference
        label, where the backend was asked to keep them."""
        ...

    @property
    def seen(self) -> ValuesSeen:
        """What values all that was added held."""
        ...

    def stretch(self, reference: NDArray[Any], weights: Floats | None = None) -> Stretch:
        """Begin a stretch of voxels with these reference labels, and weights where the options say so."""
        ...

    def tally(self) -> Tally:
        """The sums of all finished stretches."""
        ...

    def profile(self) -> PairProfile | Mapping[TargetKey, PairProfile] | None:
        """Winners and reference labels per slice, where the backend was asked to count that and could; of independent
        channels, by target, with 1 for what is chosen and what is inside."""
        ...

    def reference_counts(self) -> Mapping[int, int]:
        """Evaluated voxels of each reference value in all finished stretches."""
        ...


class Backend(Protocol):
    """One place where voxels are counted."""

    def label_kernel(self, ignore: int | None) -> LabelKernel: ...
    def soft_kernel(self, options: TallyOptions, sets: Sets) -> SoftKernel: ...

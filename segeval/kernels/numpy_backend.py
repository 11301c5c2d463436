"""The backend that runs everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from segeval.kernels.held_labels import HeldPair
from segeval.kernels.numpy_labels import NumpyLabelKernel
from segeval.tallies.tally import TallyOptions

if TYPE_CHECKING:
    from segeval.kernels.numpy_soft import NumpySoftKernel


class NumpyBackend:
    """Counts on the processor; ``hold``: the shape of volumes that are to be kept, label by label or as runs."""

    def __init__(self, hold: tuple[int, ...] | None = None, *, runs: bool = False) -> None:
        self._hold, self._runs = hold, runs

    def label_kernel(self, ignore: int | None) -> NumpyLabelKernel:
        """A counter of label pairs."""
        return NumpyLabelKernel(ignore, self._held())

    def soft_kernel(self, options: TallyOptions, sets: Mapping[int, frozenset[int]]) -> NumpySoftKernel:
        """A counter of probabilities; ``sets``: the labels behind the codes of an overlapping reference."""
        from segeval.kernels.numpy_soft import NumpySoftKernel

        return NumpySoftKernel(options, sets, self._held())

    def _held(self) -> HeldPair | None:
        return None if self._hold is None else HeldPair.of_shape(self._hold, runs=self._runs)

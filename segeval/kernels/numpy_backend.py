"""The backend that runs everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segeval.kernels.held_labels import HeldPair
from segeval.kernels.numpy_labels import NumpyLabelKernel
from segeval.kernels.slice_counts import SliceCounter
from segeval.tallies.tally import Sets, TallyOptions

if TYPE_CHECKING:
    from segeval.kernels.numpy_soft import NumpySoftKernel


class NumpyBackend:
    """Counts on the processor.

    hold: the shape of volumes that are to be kept, label by label or as runs. slices: of volumes whose slices are to be
    counted, too; every_slice: what both agree on as well as the errors.
    """

    def __init__(
        self,
        hold: tuple[int, ...] | None = None,
        *,
        runs: bool = False,
        slices: tuple[int, ...] | None = None,
        every_slice: bool = False,
    ) -> None:
        self._hold, self._runs, self._slices, self._every = hold, runs, slices, every_slice

    def label_kernel(self, ignore: int | None) -> NumpyLabelKernel:
        """A counter of label pairs."""
        return NumpyLabelKernel(ignore, self._held(), self._counter(ignore, self._every))

    def soft_kernel(self, options: TallyOptions, sets: Sets) -> NumpySoftKernel:
        """A counter of probabilities; ``sets``: the labels behind the codes of an overlapping reference."""
        from segeval.kernels.numpy_soft import NumpySoftKernel
        from segeval.kernels.soft_targets import SoftTargets

        winners = SoftTargets(options, sets).labels_of_winners()
        alike = winners == tuple(range(len(winners))) and not options.any_foreground
        every = self._every or not alike  # where a winner's number is no label, equal numbers are no agreement
        return NumpySoftKernel(
            options, sets, self._held(), self._counter(None if options.independent else options.ignore, every)
        )

    def _held(self) -> HeldPair | None:
        return None if self._hold is None else HeldPair.of_shape(self._hold, runs=self._runs)

    def _counter(self, ignore: int | None, every: bool) -> SliceCounter | None:
        return None if self._slices is None else SliceCounter(self._slices, ignore, every=every)

"""The backend that counts on a CUDA device, through CuPy."""

from __future__ import annotations

from segeval.kernels.cupy_device import Uploads, require_device
from segeval.kernels.cupy_labels import CupyLabelKernel
from segeval.kernels.cupy_soft import CupySoftKernel
from segeval.tallies.tally import Sets, TallyOptions


class CupyBackend:
    """Counts on the CUDA device in use, on CuPy's current stream. Raises UsageError where there is none.

    Pieces may be host or device arrays; host arrays are copied piece by piece.
    """

    def __init__(self) -> None:
        require_device()
        self._uploads = Uploads()

    def label_kernel(self, ignore: int | None) -> CupyLabelKernel:
        """A counter of label pairs."""
        return CupyLabelKernel(self._uploads, ignore)

    def soft_kernel(self, options: TallyOptions, sets: Sets) -> CupySoftKernel:
        """A counter of probabilities; ``sets``: the labels behind the codes of an overlapping reference."""
        return CupySoftKernel(self._uploads, options, sets)

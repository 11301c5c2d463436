"""Pairs of labels, counted on a CUDA device."""

from __future__ import annotations

from typing import Any

from segeval.kernels.cupy_codes import Codes, PairCounts, most_at_once
from segeval.kernels.cupy_device import Uploads, slices
from segeval.kernels.held_labels import HeldPair
from segeval.tallies.tally import Confusion


class CupyLabelKernel:
    """Counts pairs of labels, from host arrays, device arrays, or one of each."""

    held: HeldPair | None = None  # this backend keeps no volume

    def __init__(self, uploads: Uploads, ignore: int | None = None) -> None:
        self._uploads = uploads
        self._ignore = ignore
        self._reference, self._prediction = Codes(), Codes()
        self._pairs = PairCounts()

    def add(self, prediction: Any, reference: Any) -> None:
        """Count two 1-D integer arrays of equal length."""
        for part in slices(prediction.size, most_at_once(prediction, reference)):
            codes = [self._reference.encode(reference[part]), self._prediction.encode(prediction[part])]
            with self._uploads.on_device(codes, [code.dtype for code in codes]) as (rows, columns):
                self._pairs.add(rows, columns, len(self._reference.values), len(self._prediction.values))

    def profile(self) -> None:
        """This backend counts no slices."""

    def confusion(self) -> Confusion:
        """The joint histogram, ignored voxels left out."""
        r, p = self._reference.values, self._prediction.values
        return Confusion({(r[i], p[j]): n for (i, j), n in self._pairs.pairs().items() if r[i] != self._ignore})

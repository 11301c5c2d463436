"""Nanoseconds per voxel of the counting kernels, over label count, run length, type and channels.

Run: pip install pytest-benchmark; python benchmarks/kernels.py [options of pytest, such as -k uint8]
Every test counts one million voxels, so that a millisecond of the table is a nanosecond per voxel. For a review, run it
with --benchmark-save=before, change the kernel, and run it with --benchmark-compare.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.kernels import NumpyBackend
from segeval.tallies.tally import TallyOptions

_VOXELS = 1_000_000
_PIECE = 1 << 19  # bytes, as the readers give them
_RUNS = {"long": 1000, "real": 100, "dense": 15, "noise": 1}  # mean length; dense: brain parcellations of 1-2 mm
_TYPES = {"uint8": 255, "int16": 1 << 15, "int32": 1 << 31, "int64": 1 << 63}
_OPTIONS = ["--benchmark-time-unit=ms", "--benchmark-columns=median,iqr,min", "--benchmark-sort=name", "-q"]

Array = NDArray[Any]


def label_pair(labels: int, run: int, dtype: str) -> tuple[Array, Array]:
    """A prediction and a reference in runs; half of the borders are one or two voxels apart."""
    rng = np.random.default_rng(0)
    borders = np.unique(rng.integers(0, _VOXELS, _VOXELS // run)) if run > 1 else np.arange(_VOXELS)
    values = rng.integers(0, labels, borders.size + 1).astype(dtype)
    moved = borders + rng.integers(1, 3, borders.size) * rng.integers(0, 2, borders.size)
    if run == 1:
        return rng.permutation(values[:_VOXELS]), values[:_VOXELS]
    prediction, reference = (
        np.repeat(values, np.diff(np.sort(ends.clip(max=_VOXELS)), prepend=0, append=_VOXELS))
        for ends in (moved, borders)
    )
    return prediction, reference


@pytest.mark.parametrize("dtype", _TYPES)
@pytest.mark.parametrize("runs", _RUNS)
@pytest.mark.parametrize("labels", [2, 14, 117, 5000])
def test_label_kernel(benchmark: Any, labels: int, runs: str, dtype: str) -> None:
    if labels > _TYPES[dtype]:
        pytest.skip("more labels than the type holds")
    prediction, reference = label_pair(labels, _RUNS[runs], dtype)
    size = _PIECE // prediction.itemsize

    def count() -> int:
        kernel = NumpyBackend().label_kernel(None)
        for start in range(0, _VOXELS, size):
            kernel.add(prediction[start : start + size], reference[start : start + size])
        return sum(kernel.confusion().pairs.values())

    assert benchmark.pedantic(count, rounds=5, warmup_rounds=1) == _VOXELS


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("runs", ["real", "noise"])
@pytest.mark.parametrize("channels", [1, 5])
def test_soft_kernel(benchmark: Any, channels: int, runs: str, dtype: str) -> None:
    """Voxels of one channel are counted, so that five channels take about five times as long as one."""
    labels = max(2, channels)
    _, reference = label_pair(labels, _RUNS[runs], "uint8")
    logits = np.random.default_rng(1).normal(size=(labels, _VOXELS)) + 12.0 * (reference == np.arange(labels)[:, None])
    shares = np.exp(logits)
    shares = (shares / shares.sum(axis=0)).astype(dtype)[labels - channels :]
    options = TallyOptions(channels=tuple(range(labels))[labels - channels :], labels=tuple(range(1, labels)))
    size = _PIECE // shares.itemsize

    def count() -> int:
        kernel = NumpyBackend().soft_kernel(options, {})
        for start in range(0, _VOXELS, size):
            stretch = kernel.stretch(reference[start : start + size])
            for channel in range(channels):
                stretch.add(channel, 0, shares[channel, start : start + size])
            stretch.finish()
        tally = kernel.tally()
        assert tally.soft is not None
        return int(tally.soft.sums.n[0])

    assert benchmark.pedantic(count, rounds=5, warmup_rounds=1) == _VOXELS


if __name__ == "__main__":
    command = [sys.executable, "-m", "pytest", __file__, *_OPTIONS, *sys.argv[1:]]
    os.execv(sys.executable, command)  # noqa: S606 (a fresh process: pytest wants to import segeval's plugin itself)

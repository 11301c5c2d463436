"""Where the voxels of a case are counted."""

from __future__ import annotations

import math
from collections.abc import Callable

from segeval.choices import BackendName, Kind
from segeval.kernels.kernel import Backend
from segeval.kernels.numpy_backend import NumpyBackend


def _cupy_backend() -> Backend:
    from segeval.kernels.cupy_backend import CupyBackend

    return CupyBackend()


BACKENDS: dict[str, Callable[[], Backend]] = {"numpy": NumpyBackend, "cupy": _cupy_backend}

_WORTHWHILE = 1 << 25  # probabilities: NumPy needs about as long for them as a device needs to start, half a second
_BYTES_PER_VOXEL = 64  # what the voxels of a map may need on the device while its channels pass


def choose_backend(
    name: BackendName,
    kind: Kind | None,
    shape: tuple[int, ...],
    channels: int,
    *,
    hold: bool,
    histogram: bool,
    runs: bool = False,
    slices: bool = False,
    weighted: bool = False,
) -> tuple[Backend, list[str]]:
    """The backend for a prediction, and a remark where ``auto`` took the device, or ``cupy`` could not.

    hold: the label maps are to be kept; runs: as runs. histogram: probabilities are to be counted by value; slices:
    labels per slice; weighted: voxels have weights. Only NumPy's does any of it.

    ``auto`` takes it for what is known to be a probability map (by option, header or channels) of at least 2^25 values,
    where there is one with 64 bytes free per voxel; label maps, and maps whose values have yet to tell their kind, are
    counted faster than they could be copied. Raises UsageError for ``cupy`` where there is no device.
    """
    if hold or histogram or slices or weighted:
        what = "surfaces, instances, calibration, profiles and weights of voxels"
        remark = f"counted on the processor: {what} need it, not a CUDA device"
        backend = NumpyBackend(shape if hold else None, runs=runs, slices=shape if slices else None)
        return backend, [remark] if name == "cupy" else []
    if name != "auto":
        return BACKENDS[name](), []
    voxels = math.prod(shape)
    if kind != "probabilities" or voxels * channels < _WORTHWHILE:
        return NumpyBackend(), []
    from segeval.kernels.cupy_device import device_name, free_memory, missing_device

    if missing_device() is not None or free_memory() < _BYTES_PER_VOXEL * voxels:
        return NumpyBackend(), []
    return _cupy_backend(), [f"counted on the CUDA device {device_name()}, chosen by --backend auto"]

"""Voxels to tallies: the only hot code, one backend per file."""

from segeval.kernels.kernel import Backend, LabelKernel, SoftKernel, Stretch, ValuesSeen
from segeval.kernels.numpy_backend import NumpyBackend

BACKENDS: dict[str, type[Backend]] = {"numpy": NumpyBackend}

__all__ = ["BACKENDS", "Backend", "LabelKernel", "NumpyBackend", "SoftKernel", "Stretch", "ValuesSeen"]

"""Voxels to tallies: the only hot code, one backend per file."""

from segeval.kernels.choosing import BACKENDS, choose_backend
from segeval.kernels.held_labels import HeldPair
from segeval.kernels.kernel import Backend, LabelKernel, SoftKernel, Stretch, ValuesSeen
from segeval.kernels.numpy_backend import NumpyBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "HeldPair",
    "LabelKernel",
    "NumpyBackend",
    "SoftKernel",
    "Stretch",
    "ValuesSeen",
    "choose_backend",
]

"""The CUDA device: whether there is one, the compiled kernels, and host memory on its way there.

CuPy is imported in the functions that use it: it costs half a second, and most runs need no device.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from segeval.errors import UsageError
from segeval.words.extras import install

THREADS = 256  # per block; a power of two
BLOCKS = 512  # rows of a table of running sums
STAGED = 1 << 19  # voxels of a host piece that are copied at once
RESIDENT = 1 << 24  # voxels that are counted at once where they lie on the device
_BUFFER = STAGED * 2 * 8  # bytes: two arrays of the widest type
_ALIGNED = 256
_WORDS = {"float32": "float", "float64": "double", "uint8": "unsigned char", "int32": "int"}

DeviceArray = Any
"""A ``cupy.ndarray``; CuPy may not be installed where the types are checked."""


def missing_device() -> str | None:
    """Why nothing can be counted on a CUDA device, and what to do about it; None where it can."""
    advice = f"install it with {install('gpu')}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # CuPy guesses at toolkits; what is missing is found out below
            import cupy
    except ImportError:
        return f"CuPy is not installed; {advice}"
    try:
        if not cupy.cuda.runtime.getDeviceCount():
            return "no CUDA device was found; score on a machine with one"
    except cupy.cuda.runtime.CUDARuntimeError as problem:
        return f"no CUDA device was found ({str(problem).partition(':')[0]}); score on a machine with one"
    try:
        cupy.cuda.nvrtc.getVersion()
    except Exception:  # which exception it is depends on CuPy's version
        return f"NVRTC, CUDA's compiler, was not found; {advice}"
    return None


def require_device() -> None:
    """Raises UsageError where nothing can be counted on a CUDA device. The device is not started."""
    problem = missing_device()
    if problem is not None:
        raise UsageError(f"--backend cupy: {problem}, or leave --backend out")


def device_name() -> str:
    """The name of the device in use, as its maker calls it."""
    import cupy

    name: bytes = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"]
    return name.decode()


def free_memory() -> int:
    """Bytes that are free on the device in use."""
    import cupy

    return int(cupy.cuda.Device().mem_info[0])


def device_array(name: str, values: Any) -> DeviceArray:
    """What implements ``__cuda_array_interface__`` (CuPy, PyTorch, Numba …) as a CuPy array of the same memory.

    Raises UsageError where CuPy or its device is missing.
    """
    problem = missing_device()
    if problem is not None:
        raise UsageError(f"the {name} lies on a CUDA device: {problem}, or give an array in host memory")
    import cupy

    return cupy.asarray(values)


@lru_cache
def _module(value: str, code: str, column: str, logs: int, powers: int) -> Any:
    import cupy

    macros = {
        "VALUE": _WORDS[value],
        "CODE": _WORDS[code],
        "COLUMN": _WORDS[column],
        "LOGS": logs,
        "POWERS": powers,
        "THREADS": THREADS,
    }
    source = files("segeval.kernels").joinpath("counting.cu").read_text(encoding="ascii")
    options = ("-std=c++17", *(f"-D{name}={word}" for name, word in macros.items()))
    return cupy.RawModule(code=source, options=options)


@lru_cache
def _kernel(name: str, value: str, code: str, column: str, logs: int, powers: int) -> Any:
    return _module(value, code, column, logs, powers).get_function(name)


def launch(
    name: str,
    voxels: int,
    arguments: Sequence[Any],
    *,
    value: DTypeLike = np.float32,
    code: DTypeLike = np.uint8,
    column: DTypeLike = np.uint8,
    logs: int = 1,
    powers: int = 0,
    shared_bytes: int = 0,
) -> None:
    """Run a kernel of counting.cu over some voxels on the current stream.

    arguments: Python's integers become ``int``, ``None`` a null pointer.
    value, code, column, logs, powers: what the source is compiled for.
    """
    if not voxels:
        return
    names = [np.dtype(kind).name for kind in (value, code, column)]
    kernel = _kernel(name, names[0], names[1], names[2], logs, powers)
    blocks = min(BLOCKS, -(-voxels // THREADS))
    kernel((blocks,), (THREADS,), tuple(map(_argument, arguments)), shared_mem=shared_bytes)


def _argument(value: Any) -> Any:
    if value is None:
        return np.uint64(0)
    if isinstance(value, int):
        return np.int32(value)
    return np.float64(value) if isinstance(value, float) else value


class Uploads:
    """Pieces of host memory, copied through two pinned buffers on a stream of their own.

    While the device counts one piece, the next one is copied. A buffer is filled again only when its last copy has
    left it, and its device side only when the kernels that read it are through.
    """

    def __init__(self) -> None:
        import cupy

        self._stream = cupy.cuda.Stream(non_blocking=True)
        self._buffers = [_Buffer(), _Buffer()]

    @contextmanager
    def on_device(
        self, pieces: Sequence[Any], dtypes: Sequence[type[Any] | np.dtype[Any]]
    ) -> Iterator[list[DeviceArray]]:
        """1-D arrays of at most ``STAGED`` voxels as these types on the device, two of them at most.

        Kernels that read them are launched inside the block; afterwards their memory is used again. What lies on the
        device already is only converted.
        """
        import cupy

        counting = cupy.cuda.get_current_stream()
        buffer = self._buffers[0]
        self._buffers.reverse()
        buffer.copied.synchronize()
        self._stream.wait_event(buffer.counted)
        arrays: list[DeviceArray] = []
        start = 0
        for piece, kind in zip(pieces, dtypes, strict=True):
            dtype = np.dtype(kind)
            if not isinstance(piece, np.ndarray):
                arrays.append(cupy.ascontiguousarray(piece, dtype=dtype))
                continue
            arrays.append(buffer.copy(piece, dtype, start, self._stream))
            start += -(-piece.size * dtype.itemsize // _ALIGNED) * _ALIGNED
        buffer.copied.record(self._stream)
        counting.wait_event(buffer.copied)
        try:
            yield arrays
        finally:
            buffer.counted.record(counting)


class _Buffer:
    """A pinned buffer and its device side; the events say when each may be used again."""

    def __init__(self) -> None:
        import cupy

        self._host = np.frombuffer(cupy.cuda.alloc_pinned_memory(_BUFFER), dtype=np.uint8, count=_BUFFER)
        self._device = cupy.empty(_BUFFER, dtype=np.uint8)
        cupy.cuda.get_current_stream().synchronize()  # the memory may have been another kernel's a moment ago
        self.copied, self.counted = (cupy.cuda.Event(disable_timing=True) for _ in range(2))

    def copy(self, piece: Any, dtype: np.dtype[Any], start: int, stream: Any) -> DeviceArray:
        """Begin to copy a piece; the array is whole when ``stream`` is."""
        part = slice(start, start + piece.size * dtype.itemsize)
        host, device = self._host[part].view(dtype), self._device[part].view(dtype)
        np.copyto(host, piece, casting="unsafe")
        device.set(host, stream=stream)
        return device


def slices(size: int, most: int) -> Iterator[slice]:
    """Neighbouring slices of at most ``most`` that cover ``size``."""
    return (slice(start, min(start + most, size)) for start in range(0, size, most))

"""Arrays of whatever library as NumPy's, or as CuPy's where they lie on a device."""

from __future__ import annotations

from typing import Any

import numpy as np

from segeval.errors import LabelError, SegevalError, UsageError
from segeval.words.printable import printable, shortened


def in_host_memory(name: str, values: Any) -> np.ndarray[Any, Any]:
    """What lies beside a pair, as a NumPy array. Raises LabelError for what lies on a device, and as `array_of`."""
    if hasattr(values, "__cuda_array_interface__"):
        raise LabelError(f"the {name} array lies on a device; give a NumPy array of integers, booleans or floats")
    found: np.ndarray[Any, Any] = array_of(name, values)
    return found


def array_of(name: str, values: Any) -> Any:
    """A NumPy array, or a CuPy array of what lies on a device. Raises UsageError, also for what its library raises."""
    try:
        array = _converted(name, values)
    except (SegevalError, MemoryError):
        raise
    except Exception as problem:  # of the library that it is of
        reason = shortened(printable(f"{type(problem).__name__}: {problem}"), 300)
        raise UsageError(f"the {name} cannot be read as an array ({reason}); give one with a value per voxel") from None
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        masked = int(np.ma.getmaskarray(values).sum())
        raise UsageError(
            f"the {name} is a masked array with {masked} values masked; give its .data, and "
            "mask=, which is not 0 where voxels count"
        )
    return array


def _converted(name: str, values: Any) -> Any:
    """Of PyTorch's, gradients are not followed, and bfloat16, which NumPy does not have, is widened."""
    if callable(detach := getattr(values, "detach", None)):
        values = detach()
        if str(getattr(values, "dtype", "")) == "torch.bfloat16":
            values = values.float()
    if not hasattr(values, "__cuda_array_interface__"):
        only_dlpack = hasattr(values, "__dlpack__") and not hasattr(values, "__array__")
        return np.from_dlpack(values) if only_dlpack else np.asarray(values)
    from segeval.kernels.cupy_device import device_array

    return device_array(name, values)

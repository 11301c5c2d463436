"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scored import Score


@pytest.fixture
def score(segeval: Callable[..., Any], nifti: Callable[..., Path]) -> Score:
    """Score two small arrays as files, to JSON: lists are label maps (n, 1, 1), floats keep their type."""

    def run(prediction: Any, reference: Any, *options: str, ending: str = ".nii") -> Any:
        files = []
        for name, volume in (("prediction", prediction), ("reference", reference)):
            array = np.asarray(volume)
            if array.dtype.kind in "iu" and array.dtype == np.int64:
                array = array.astype(np.int16)
            shape = (array.shape[0], 1, 1, *array.shape[1:])
            files.append(nifti(name + ending, array.reshape(shape)))
        return segeval("score", *files, *options, "--format", "json")

    return run

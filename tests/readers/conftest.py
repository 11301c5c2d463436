"""What the tests of this folder share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from masks_in_folders import (
    AFFINE,
    NAMES,
    Array,
    Nifti,
)


@pytest.fixture
def folder_of(nifti: Nifti, tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of masks: ``folder_of("p", {"liver": array})``."""

    def write(name: str, masks: Mapping[str, Array], ending: str = ".nii.gz", dtype: Any = np.uint8) -> Path:
        for stem, mask in masks.items():
            nifti(f"{name}/{stem}{ending}", mask.astype(dtype), AFFINE)
        return tmp_path / name

    return write


@pytest.fixture
def label_file(tmp_path: Path) -> Path:
    """Names and numbers of the classes."""
    path = tmp_path / "names.json"
    path.write_text(json.dumps(NAMES))
    return path

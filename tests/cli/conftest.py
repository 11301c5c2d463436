"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from bad_files import (
    GOOD_BYTES,
    compressed_in_storage_order,
)
from checks import ODD, Folders, Segeval


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Every other voxel of a NIfTI file, as a file of the same name: an eighth of the work."""
    folder = tmp_path_factory.mktemp("small")

    @cache
    def halved(path: Path) -> Path:
        image: Any = nibabel.load(path)
        affine = image.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
        voxels = np.asanyarray(image.dataobj)[::2, ::2, ::2]
        nibabel.save(nibabel.Nifti1Image(voxels, affine), folder / path.name)
        return folder / path.name

    return halved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds one good reference and one good prediction."""
    (tmp_path / "good.nii.gz").write_bytes(compressed_in_storage_order(GOOD_BYTES))
    return tmp_path


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Four cases of labels 1 and 2, by hand: Dice of label 1 is 1, 8/9, 3/4 and 4/7, label 2 is perfect."""
    for number in range(4):
        reference = np.zeros((5, 4, 3), np.uint8)
        reference[0, :, 0] = reference[1, :1, 0] = 1
        reference[4] = 2
        prediction = reference.copy()
        prediction.ravel()[np.flatnonzero(reference == 1)[:number]] = 0
        for side, array in (("ours", prediction), ("theirs", reference)):
            path = tmp_path / side / f"{ODD if number == 1 else f'case_{number}'}.nii.gz"
            path.parent.mkdir(exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0])), path)
    return tmp_path / "ours", tmp_path / "theirs"


@pytest.fixture
def results(folders: Folders, tmp_path: Path, segeval: Segeval) -> Path:
    path = tmp_path / "results.json"
    assert segeval("batch", *folders, "--metrics", "dice,precision", "-o", path).code == 0
    return path


@pytest.fixture
def broken(folders: Folders, tmp_path: Path, segeval: Segeval) -> Path:
    """The same, and a case that cannot be evaluated."""
    (folders[0] / "case_3.nii.gz").write_bytes(b"rubbish")
    path = tmp_path / "broken.json"
    assert segeval("batch", *folders, "--metrics", "dice", "-o", path).code == 3
    return path

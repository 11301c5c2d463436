"""NRRD's spaces: where the axes point that a header names, or that it cannot name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from formats import nrrd
from reading import read

VOXELS = np.random.default_rng(4).integers(0, 3, (4, 4, 4), dtype=np.uint8)
SPACES = {
    "left-posterior-superior": (-1, -1), "right-anterior-superior": (1, 1), "left-anterior-superior": (-1, 1),
    "LPS": (-1, -1), "RAS": (1, 1), "LAS": (-1, 1),
}  # fmt: skip
"""By name, what x and y are in RAS."""


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("time", [False, True])
def test_a_space_says_where_axes_point(time: bool, space: str, tmp_path: Path) -> None:
    """ITK takes those with time for LPS, whatever they say."""
    name = space if not time else f"{space}T" if space.isupper() else f"{space}-time"
    array = VOXELS[..., np.newaxis] if time else VOXELS
    fields = [f"space: {name}", "space directions: (0.7,0,0) (0,1.3,0) (0,0,2.9)", "space origin: (1,2,3)"]
    if time:
        fields[1:] = ["space directions: (0.7,0,0,0) (0,1.3,0,0) (0,0,2.9,0) (0,0,0,1)", "space origin: (1,2,3,0)"]
    (tmp_path / "x.nrrd").write_bytes(nrrd(array, *fields))
    _, volume = read(tmp_path / "x.nrrd")
    x, y = SPACES[space]
    np.testing.assert_allclose(volume.geometry.affine[:3], [[0.7 * x, 0, 0, x], [0, 1.3 * y, 0, 2 * y], [0, 0, 2.9, 3]])
    assert volume.geometry.oriented


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_picture_stored_the_other_way_round_is_turned(
    ending: str, segeval: Callable[..., Any], tmp_path: Path
) -> None:
    """ITK writes directions of two axes without a space, as NRRD has no name for one."""
    picture = sitk.GetImageFromArray(VOXELS[0])
    picture.SetSpacing((0.5, 2.0))
    sitk.WriteImage(picture, tmp_path / f"r.{ending}")
    sitk.WriteImage(sitk.Flip(picture, (True, False)), tmp_path / f"p.{ending}")
    run = segeval("score", tmp_path / f"p.{ending}", tmp_path / f"r.{ending}", "--format", "json")
    assert run.row(1)["dice"] == run.row(2)["dice"] == 1.0

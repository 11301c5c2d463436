"""Voxels near a border of two labels in a slice: by hand, by CREMI's rule on random slices, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segeval import evaluate, evaluate_arrays
from segeval.cases.label_borders import without_borders
from segeval.errors import GeometryError, UsageError
from segeval.settings import settings_of
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import ArraySource, whole_channel

Run = Callable[..., Any]


def voxels(reference: Any, border_mm: float, spacing: tuple[float, ...]) -> dict[str, Any]:
    """How many the reference has of each label."""
    reference = np.asarray(reference, np.uint8)
    report = evaluate_arrays(reference, reference, metrics="ref_voxels", border_mm=border_mm, spacing=spacing)
    return {str(row.label): row.values["ref_voxels"] for row in report.cases[0].rows if isinstance(row.label, int)}


def test_by_hand() -> None:
    """A row of five 1 and five 2, in steps of 2 mm: the two in the middle are border, the next ones 2 mm from it."""
    row = [[1, 1, 1, 1, 1, 2, 2, 2, 2, 2]]
    for border_mm, left in ((0, 4), (1.9, 4), (2, 3), (4, 2), (7.9, 1)):
        assert voxels(row, border_mm, (1.0, 2.0)) == {"1": left, "2": left}
    assert voxels(np.ones((4, 4)), 10, (1.0, 1.0)) == {"1": 16}  # no border, and the image's end is none


def test_a_border_is_within_a_slice() -> None:
    """1 over 2 along the third axis touch in no slice; beside 3 both lose what is within 1 mm of it."""
    stack = np.ones((6, 1, 2), np.uint8)
    stack[..., 1] = 2
    assert voxels(stack, 5, (1.0, 1.0, 1.0)) == {"1": 6, "2": 6}
    stack[4:] = 3
    assert voxels(stack, 1, (1.0, 1.0, 9.0)) == {"1": 2, "2": 2, "3": 0}


@given(arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 2)), elements=st.integers(0, 2)),
       st.sampled_from([0.0, 1.0, 1.5, 2.5]), st.sampled_from([(1.0, 1.0), (0.5, 2.0)]))  # fmt: skip
def test_as_cremi_has_it(labels: np.ndarray[Any, Any], reach: float, steps: tuple[float, float]) -> None:
    """A border voxel has another label among its four neighbours; what is at most this far from one becomes 0."""
    settings = settings_of({"border_mm": reach})
    geometry = Geometry(labels.shape, np.diag([*steps, 5.0, 1.0]), True)
    found = whole_channel(without_borders(ArraySource(labels[np.newaxis]), geometry, settings, "r"), 0)
    expected = labels.copy()
    for index in range(labels.shape[2]):
        image = labels[..., index]
        padded = np.pad(image, 1, mode="edge")
        around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
        border = np.argwhere(np.any([image != side for side in around], axis=0))
        for place in np.ndindex(image.shape):
            mm = np.sqrt((((border - place) * steps) ** 2).sum(axis=1)).min(initial=np.inf)
            if mm <= reach * (1 + 1e-9):
                expected[(*place, index)] = 0
    assert np.array_equal(found, expected)


def test_files_and_arrays_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    reference, prediction = (np.kron(rng.integers(1, 4, (4, 4, 3)), np.ones((4, 4, 1), int)) for _ in range(2))
    for side, labels in (("p", prediction), ("r", reference)):
        nibabel.Nifti1Image(labels.astype(np.uint8), np.diag([0.5, 0.5, 2, 1])).to_filename(tmp_path / f"{side}.nii.gz")
    options: dict[str, Any] = {"protocol": "cremi2016", "border_mm": 0.5}
    by_file = evaluate(tmp_path / "p.nii.gz", tmp_path / "r.nii.gz", **options)
    by_array = evaluate_arrays(
        prediction.astype(np.uint8), reference.astype(np.uint8), spacing=(0.5, 0.5, 2), **options
    )
    (one,), (other,) = ([r.values for r in x.cases[0].rows if r.label == "all"] for x in (by_file, by_array))
    assert dict(one) == pytest.approx(dict(other))
    assert "border_mm:0.5" in by_file.signature
    whole = evaluate(tmp_path / "p.nii.gz", tmp_path / "r.nii.gz", protocol="cremi2016")
    assert whole.cases[0].rows[-1].values != one


def test_what_cannot_be_is_refused() -> None:
    labels = np.ones((3, 3), np.uint8)
    with pytest.raises(GeometryError, match="the reference: states no spacing, and --border-mm is a distance"):
        evaluate_arrays(labels, labels, border_mm=1)
    with pytest.raises(GeometryError, match="has one axis, and borders lie within slices"):
        evaluate_arrays(labels[0], labels[0], border_mm=1, spacing=(1.0,))
    with pytest.raises(UsageError, match="--border-mm -1: write a distance of at least 0 mm"):
        evaluate_arrays(labels, labels, border_mm=-1, spacing=(1.0, 1.0))

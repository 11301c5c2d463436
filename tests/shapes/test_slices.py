"""The boundary of each slice by itself: by hand, and against what WMH 2017 computes with SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from masks import mask_pairs
from scipy.spatial import KDTree

from segeval import evaluate_arrays
from segeval.shapes.elements import slices_of

Array = np.ndarray[Any, Any]
PAIRS = mask_pairs(st.integers(2, 7), [0.2, 0.5, 0.9, 0.98], st.sampled_from([0.5, 1.0, 3.0]))


def found(prediction: Array, reference: Array, spacing: tuple[float, ...], metrics: str) -> dict[str, Any]:
    report = evaluate_arrays(prediction.astype(np.uint8), reference.astype(np.uint8), metrics=metrics, spacing=spacing)
    return dict(report.cases[0].rows[0].values)


def test_by_hand() -> None:
    """A cube of 3×3×3 voxels of 1×1×3 mm; the prediction is its middle slice.

    Slice by slice: rings of 8 voxels, 1 and 3. As volumes: 9 voxels, of which the middle is 1 mm from the cube's 26.
    """
    prediction, reference = np.zeros((5, 5, 5)), np.zeros((5, 5, 5))
    reference[1:4, 1:4, 1:4] = prediction[1:4, 1:4, 2] = 1
    values = found(prediction, reference, (1, 1, 3), "assd,assd:boundary=slices,hd:boundary=slices")
    assert values == {
        "assd": pytest.approx((1 + 18 * 3) / 35),
        "assd:boundary=slices": pytest.approx(16 * 3 / 32),
        "hd:boundary=slices": pytest.approx(3),
    }


def test_the_thickest_axis_and_the_last_of_equal_ones() -> None:
    known = {(1, 1, 3): 2, (3, 1, 1): 0, (1, 1, 1): 2, (2, 1, 2.0000001): 2, (2.0000001, 1, 2): 2}
    assert {spacing: slices_of(spacing)._across for spacing in known} == known


def wmh(prediction: Array, reference: Array, spacing: tuple[float, ...], across: int | None) -> float | None:
    """hd95 of what an erosion by SimpleITK in the slice takes away; None where that is nothing."""
    points = []
    for mask in (prediction, reference):
        radius = [int(axis != across) for axis in reversed(range(mask.ndim))]
        image = sitk.GetImageFromArray(mask.astype(np.uint8))
        eroded = sitk.GetArrayFromImage(sitk.BinaryErode(image, radius))
        points.append(np.argwhere(mask & (eroded == 0)) * spacing)
    if not all(map(len, points)):
        return None
    there, back = KDTree(points[1]).query(points[0])[0], KDTree(points[0]).query(points[1])[0]
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


@given(PAIRS, st.sampled_from([np.ascontiguousarray, np.asfortranarray]))
def test_wmh_2017_agrees(pair: tuple[Array, Array, tuple[float, ...]], order: Callable[[Array], Array]) -> None:
    """Inside an image; and at its border, where the challenge's code has no boundary, by ``outside=mask``."""
    prediction, reference = (order(np.pad(mask, 1)) for mask in pair[:2])
    spacing = pair[2]
    across = None
    if prediction.ndim == 3:
        across = max(axis for axis in range(3) if spacing[axis] == max(spacing))
    values = found(prediction, reference, spacing, "hd95:boundary=slices")
    assert values["hd95:boundary=slices"] == pytest.approx(wmh(prediction, reference, spacing, across), abs=1e-9)
    prediction, reference = (order(mask) for mask in pair[:2])
    expected = wmh(prediction, reference, spacing, across)
    if expected is None:
        return  # a mask fills its slices
    key = "hd95:boundary=slices:outside=mask"
    assert found(prediction, reference, spacing, key)[key] == pytest.approx(expected, abs=1e-9)


def test_all_targets_of_a_large_volume_at_once() -> None:
    """Past the small boxes that are measured another way: labels and a region in blocks, each as it is alone."""
    rng = np.random.default_rng(4)
    grid = np.indices((70, 60, 50))
    reference = np.zeros((70, 60, 50), np.uint8)
    for label in (1, 2, 3):
        middle = rng.integers(15, 45, 3)
        reference[((grid - middle[:, None, None, None]) ** 2).sum(axis=0) < 144] = label
    prediction = np.roll(reference, 2, axis=1)
    metrics = "hd95:boundary=slices,assd:boundary=slices"
    report = evaluate_arrays(prediction, reference, metrics=metrics, spacing=(1, 1, 2.5), regions=["any=*"])
    masks = {1: 1, 2: 2, 3: 3, "any": None}
    for row in report.cases[0].rows:
        if row.label in masks:
            value = masks[row.label]
            p, r = ((a > 0) if value is None else (a == value) for a in (prediction, reference))
            expected = wmh(np.pad(p, 1), np.pad(r, 1), (1, 1, 2.5), 2)
            assert row.values["hd95:boundary=slices"] == pytest.approx(expected, abs=1e-9)


def test_surfels_have_no_slices(segeval: Callable[..., Any], nifti: Callable[..., Any]) -> None:
    file = nifti("a.nii", np.ones((3, 3, 3), np.uint8))
    run = segeval("score", file, file, "--metrics", "hd95:surfel:boundary=slices")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "give one of them" in run.err
    run = segeval("score", file, file, "--metrics", "hd95:boundary=slabs")
    assert (run.code, run.err) == (
        2,
        "segeval: --metrics: hd95:boundary='slabs'; write volume, slices, edges or corners\n",
    )

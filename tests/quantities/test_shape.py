"""Place and shape: by hand, against SciPy and NumPy, and what holds for every pair; EvaluateSegmentation's, too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from masks import mask_pairs
from scipy import ndimage
from scipy.spatial import distance

from segeval import evaluate_arrays
from segeval.quantities import select

Array = np.ndarray[Any, Any]
NAMES = [selection.key for selection in select("shape")]
PAIRS = mask_pairs(st.integers(2, 8), [0.1, 0.5, 0.95], st.sampled_from([0.5, 1.0, 3.0]))


def found(prediction: Array, reference: Array, metrics: str = "shape", label: Any = 1, **options: Any) -> Any:
    prediction = prediction.astype(np.uint8) if prediction.dtype.kind == "b" else prediction
    report = evaluate_arrays(prediction, reference.astype(np.uint8), metrics=metrics, **options)
    (row,) = (row for row in report.cases[0].rows if row.label == label)
    return dict(row.values)


def squares() -> tuple[Array, Array]:
    """Of 4×4 pixels in an image of 10×10, a column apart."""
    prediction, reference = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    prediction[2:6, 3:7] = reference[2:6, 2:6] = True
    return prediction, reference


def test_by_hand() -> None:
    values = found(*squares(), "shape,boundary_iou:d=0.15", spacing=(1, 3))
    assert values == {
        "boundary_iou": pytest.approx(6 / 18),  # 0.02 · √200 is less than a pixel, so one: rings of 12, 6 in common
        "centroid_distance_mm": pytest.approx(3),
        "mahalanobis": pytest.approx(1 / math.sqrt(5 / 4)),  # four columns: their variance is 5/4 in both
        "boundary_iou:d=0.15": pytest.approx(12 / 20),  # two pixels: the squares themselves
    }


def test_evaluate_segmentations_by_hand() -> None:
    """TP 3, FN 1, FP 2, TN 4. ICC: within 1.5/10, between 2 (15/4 − 10 · 0.45²) / 9."""
    reference = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]).reshape(10, 1, 1)
    prediction = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0]).reshape(10, 1, 1)
    values = found(prediction.astype(np.uint8), reference, "probabilistic_distance,icc")
    assert values == {"probabilistic_distance": pytest.approx(3 / 6), "icc": pytest.approx(0.4375)}


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 8)])
def test_empty_masks(shape: tuple[int, ...]) -> None:
    some, nothing = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    some[1:4, 1:5] = 1
    if some.ndim == 3:
        some[..., 5:] = 0
    diagonal = math.hypot(*(n - 1 for n in shape))
    more = "shape,probabilistic_distance,icc"
    for pair in ((some, nothing), (nothing, some)):
        values = found(*pair, more)
        assert values["boundary_iou"] == 0
        assert values["centroid_distance_mm"] == pytest.approx(diagonal)
        assert math.isnan(values["mahalanobis"])
        assert math.isnan(values["probabilistic_distance"])
        assert values["icc"] < 0
        assert found(*pair, missed=99)["centroid_distance_mm"] == 99
    missed = found(nothing, some, more, "mean")
    assert math.isnan(missed["mahalanobis"])  # a complete miss must not leave the mean
    assert math.isnan(missed["probabilistic_distance"])
    assert all(math.isnan(value) for value in found(nothing, nothing, more, labels="1").values())


def test_voxels_of_a_plane_have_no_mahalanobis_distance() -> None:
    plane = np.zeros((6, 6, 6), bool)
    x, y, z = np.indices(plane.shape)
    plane[x + y + z == 6] = True
    plane = np.pad(plane, 1)
    assert math.isnan(found(plane, np.roll(plane, 1, 0))["mahalanobis"])
    assert found(plane, np.roll(plane, 1, 0))["centroid_distance_mm"] > 0
    plane[0, 0, 0] = True
    assert found(plane, plane)["mahalanobis"] == 0


def band(mask: Array, width: int) -> Array:
    """Cheng et al.'s: the mask without what so many erosions by all neighbours leave of it."""
    around = np.ones((3,) * mask.ndim, bool)
    return mask & ~ndimage.binary_erosion(mask, around, iterations=width, border_value=0)


@given(PAIRS, st.sampled_from([0.02, 0.2, 0.4, 1.0]))
def test_scipy_and_numpy_agree(pair: tuple[Array, Array, tuple[float, ...]], d: float) -> None:
    prediction, reference, spacing = pair
    key = "boundary_iou" if d == 0.02 else f"boundary_iou:d={d:g}"
    values = found(prediction, reference, f"{key},centroid_distance_mm,mahalanobis,icc", spacing=spacing)
    width = max(1, round(d * math.sqrt(sum(n**2 for n in prediction.shape))))
    bands = band(prediction, width), band(reference, width)
    assert values[key] == pytest.approx((bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum())
    centres = [np.multiply(ndimage.center_of_mass(mask), spacing) for mask in (prediction, reference)]
    assert values["centroid_distance_mm"] == pytest.approx(distance.euclidean(*centres), abs=1e-9)
    points = [np.argwhere(mask) * spacing for mask in (prediction, reference)]
    common = sum(len(part) * np.cov(part.T, bias=True) for part in points) / sum(map(len, points))
    if np.linalg.cond(common) < 1e10:
        expected = distance.mahalanobis(*centres, np.linalg.inv(common))
        assert values["mahalanobis"] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    else:
        assert math.isnan(values["mahalanobis"])
    if prediction.size > 1 and not (prediction.all() and reference.all()):
        assert values["icc"] == pytest.approx(anova(prediction, reference), rel=1e-9)


def anova(p: Array, r: Array) -> float:
    """ICC(1) of two raters, voxel by voxel."""
    ratings = np.stack([p.ravel(), r.ravel()], axis=1).astype(float)
    means = ratings.mean(axis=1)
    within = ((ratings - means[:, np.newaxis]) ** 2).sum() / len(ratings)
    between = 2 * ((means - ratings.mean()) ** 2).sum() / (len(ratings) - 1)
    return float((between - within) / (between + within))


@pytest.mark.parametrize("seed", range(3))
def test_of_probabilities_the_values_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    r = rng.random((6, 7, 8)) < 0.3
    p = rng.random(r.shape)
    values = found(p, r, "probabilistic_distance,icc")
    assert values["probabilistic_distance"] == pytest.approx(np.abs(p - r).sum() / (2 * (p * r).sum()), rel=1e-9)
    assert values["icc"] == pytest.approx(anova(p, r), rel=1e-9)


@given(PAIRS)
def test_laws(pair: tuple[Array, Array, tuple[float, ...]]) -> None:
    prediction, reference, spacing = pair
    metrics = "shape,probabilistic_distance,icc"
    there = found(prediction, reference, metrics, spacing=spacing)
    assert found(reference, prediction, metrics, spacing=spacing) == pytest.approx(there, nan_ok=True, abs=1e-12)
    assert 0 <= there["boundary_iou"] <= 1
    doubled = found(prediction, reference, spacing=tuple(2 * mm for mm in spacing))
    assert doubled["centroid_distance_mm"] == pytest.approx(2 * there["centroid_distance_mm"])
    assert doubled["mahalanobis"] == pytest.approx(there["mahalanobis"], nan_ok=True)
    same = found(reference, reference, metrics)
    assert (same["boundary_iou"], same["centroid_distance_mm"], same["probabilistic_distance"]) == (1, 0, 0)
    assert same["mahalanobis"] == 0 or math.isnan(same["mahalanobis"])

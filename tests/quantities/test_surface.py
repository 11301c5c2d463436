"""The surface quantities: worked by hand, against MedPy, and what every pair of surfaces obeys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masks import mask_pairs, masks_of
from medpy.metric import binary

from segeval.quantities.surface import assd, bavd, hd, hd95, masd, nsd, rmsd
from segeval.shapes.surface_distances import measure
from segeval.tallies.surfaces import Surfaces, TargetSurface, diagonal_mm

Array = np.ndarray[Any, Any]
PAIRS = mask_pairs(st.integers(2, 8), [0.1, 0.5, 0.9], st.sampled_from([0.5, 1.0, 1.2, 3.0]))

# docs/surface_distances.md: a row of ten voxels of 2 mm; the prediction holds voxel 2, the reference 2, 3 and 6.
HAND = TargetSurface(np.array([0.0]), np.array([0.0, 2.0, 8.0]))


def only(target: TargetSurface, **options: Any) -> Surfaces:
    return Surfaces((target,), None, diagonal_mm((10, 1), (2.0, 2.0)), **options)


def measured(prediction: Array, reference: Array, spacing: tuple[float, ...]) -> Surfaces:
    target = measure(masks_of(prediction, reference, spacing))
    return Surfaces((target,), None, diagonal_mm(prediction.shape, spacing))


def test_the_worked_example_is_what_its_masks_measure() -> None:
    prediction, reference = np.zeros((10, 1)), np.zeros((10, 1))
    prediction[2], reference[[2, 3, 6]] = 1, 1
    (target,) = measured(prediction, reference, (2.0, 2.0)).targets(surfel=False)
    assert target.to_reference.tolist() == HAND.to_reference.tolist()
    assert target.to_prediction.tolist() == HAND.to_prediction.tolist()


@pytest.mark.parametrize(
    ("formula", "settings", "expected"),
    [
        (hd, {}, 8.0),
        (hd, {"p": 50.0}, 2.0),  # the middle of 0, 2, 8
        (hd, {"p": 75.0}, 5.0),  # half way between 2 and 8
        (hd95, {}, 7.4),  # rank 0.95·2 = 1.9 of 0, 2, 8: 2 + 0.9·6
        (hd95, {"pooled": True}, 7.1),  # rank 0.95·3 = 2.85 of 0, 0, 2, 8: 2 + 0.85·6
        (assd, {}, 2.5),  # (0 + 0 + 2 + 8) / 4
        (masd, {}, 5 / 3),  # (0 + 10/3) / 2
        (nsd, {}, 0.5),  # 2 of 4 within 1 mm
        (nsd, {"tau": 2.0}, 0.75),  # inclusive
        (nsd, {"tau": 8.0}, 1.0),
        (rmsd, {}, 17**0.5),  # √((0 + 0 + 4 + 64) / 4)
        (bavd, {}, 10 / 6),  # (0 + 10) / (2 · 3)
        (hd, {"direction": "prediction"}, 0.0),
        (hd, {"direction": "reference"}, 8.0),
        (hd95, {"direction": "reference"}, 7.4),
        (hd95, {"direction": "reference", "pooled": True}, 7.4),
        (assd, {"direction": "reference"}, 10 / 3),
        (masd, {"direction": "prediction"}, 0.0),
        (rmsd, {"direction": "reference"}, (68 / 3) ** 0.5),
        (nsd, {"direction": "prediction"}, 1.0),
        (nsd, {"direction": "reference"}, 1 / 3),
    ],
)
def test_worked_by_hand(formula: Any, settings: dict[str, Any], expected: float) -> None:
    assert formula(only(HAND), **settings).tolist() == pytest.approx([expected], abs=1e-12)


@pytest.mark.parametrize(
    ("formula", "settings", "expected"),
    [
        (hd, {}, 4.0),
        (hd, {"p": 75.0}, 1.0),  # of 1, 4 with areas 3, 1: three quarters of the area reach 1 mm
        (hd, {"p": 76.0}, 4.0),
        (hd95, {}, 4.0),
        (hd95, {"pooled": True}, 4.0),  # the last 1 of 6 mm²
        (assd, {}, 7 / 6),  # (0·2 + 1·3 + 4·1) / 6
        (masd, {}, 0.875),  # (0 + 7/4) / 2
        (nsd, {}, 5 / 6),
        (nsd, {"tau": 0.5}, 2 / 6),
        (rmsd, {}, (19 / 6) ** 0.5),  # (0·2 + 1·3 + 16·1) / 6
        (bavd, {}, 0.875),  # (0 + 7) / (2 · 4)
        (nsd, {"direction": "reference"}, 3 / 4),
    ],
)
def test_worked_by_hand_with_areas(formula: Any, settings: dict[str, Any], expected: float) -> None:
    target = TargetSurface(np.array([0.0]), np.array([1.0, 4.0]), np.array([2.0]), np.array([3.0, 1.0]))
    surfaces = Surfaces(None, (target,), 100.0)
    assert formula(surfaces, surfel=True, **settings).tolist() == pytest.approx([expected], abs=1e-12)


@given(st.lists(st.floats(0, 500), min_size=1, max_size=60), st.one_of(st.integers(0, 100), st.floats(0, 100)))
def test_a_percentile_is_numpys_to_the_last_bit(distances: list[float], p: float) -> None:
    ascending = np.sort(np.array(distances))
    target = TargetSurface(ascending, np.zeros(1))
    assert hd(only(target), p=float(p)).tolist() == [np.percentile(ascending, p)]


@pytest.mark.parametrize("formula", [hd, hd95, assd, masd, rmsd, bavd])
def test_a_missed_target_gets_the_diagonal_or_what_is_chosen(formula: Any) -> None:
    targets = (
        TargetSurface(in_prediction=False),
        TargetSurface(in_reference=False),
        TargetSurface(in_prediction=False, in_reference=False),
    )
    diagonal = diagonal_mm((4, 5), (1.0, 1.0))
    assert diagonal == 5.0
    np.testing.assert_equal(formula(Surfaces(targets, None, diagonal)), [5.0, 5.0, math.nan])
    np.testing.assert_equal(formula(Surfaces(targets, None, diagonal, missed_mm=373.0)), [373.0, 373.0, math.nan])
    np.testing.assert_equal(formula(Surfaces(targets, None, diagonal, missed_mm=math.nan)), [math.nan] * 3)
    np.testing.assert_equal(formula(Surfaces(None, targets, diagonal), surfel=True), [5.0, 5.0, math.nan])
    np.testing.assert_equal(nsd(Surfaces(targets, None, diagonal, missed_mm=math.nan)), [0.0, 0.0, math.nan])


def test_rows_can_be_picked_and_a_form_that_was_not_measured_is_refused() -> None:
    surfaces = Surfaces((HAND, TargetSurface(in_prediction=False)), None, 9.0)
    assert hd(surfaces[[1, 0]]).tolist() == [9.0, 8.0]
    assert hd(surfaces[:1]).tolist() == [8.0]
    assert hd(surfaces[:0]).shape == (0,)
    with pytest.raises(ValueError, match="surfels of these volumes were not measured"):
        hd(surfaces, surfel=True)


@given(PAIRS)
def test_medpy_agrees(pair: tuple[Array, Array, tuple[float, ...]]) -> None:
    """MedPy's boundary is ours (erosion by the face neighbours); its hd95 is ours pooled, its asd one direction."""
    prediction, reference, spacing = pair
    surfaces = measured(*pair)
    assert hd(surfaces)[0] == pytest.approx(binary.hd(prediction, reference, spacing), abs=1e-9)
    pooled = binary.hd95(prediction, reference, spacing)
    assert hd95(surfaces, pooled=True)[0] == pytest.approx(pooled, abs=1e-9)
    assert assd(surfaces)[0] == pytest.approx(binary.assd(prediction, reference, spacing), abs=1e-9)
    directed = [binary.asd(prediction, reference, spacing), binary.asd(reference, prediction, spacing)]
    assert masd(surfaces)[0] == pytest.approx(np.mean(directed), abs=1e-9)
    for direction, expected in zip(("prediction", "reference"), directed, strict=True):
        assert assd(surfaces, direction=direction)[0] == pytest.approx(expected, abs=1e-9)
        assert masd(surfaces, direction=direction)[0] == pytest.approx(expected, abs=1e-9)


@given(PAIRS)
@settings(max_examples=50)
def test_laws(pair: tuple[Array, Array, tuple[float, ...]]) -> None:
    prediction, reference, spacing = pair
    there, back = measured(prediction, reference, spacing), measured(reference, prediction, spacing)
    for formula in (hd, hd95, assd, masd, rmsd, nsd):
        np.testing.assert_allclose(formula(there), formula(back), rtol=1e-12)
        of_prediction, of_reference = formula(there, direction="prediction"), formula(there, direction="reference")
        np.testing.assert_allclose(of_prediction, formula(back, direction="reference"), rtol=1e-12)
        low, high = sorted((float(of_prediction[0]), float(of_reference[0])))
        assert low * (1 - 1e-9) <= formula(there)[0] <= high * (1 + 1e-9)
    assert assd(there) <= rmsd(there) * (1 + 1e-12)
    assert rmsd(there) <= hd(there) * (1 + 1e-12)
    assert assd(there) <= hd(there) <= there.diagonal_mm * (1 + 1e-12)
    assert hd95(there) <= hd(there)
    assert hd95(there, pooled=True) <= hd(there)
    assert nsd(there, tau=0.5) <= nsd(there, tau=2.0)
    assert nsd(there, tau=float(hd(there)[0])).tolist() == [1.0]
    doubled = measured(prediction, reference, tuple(2 * mm for mm in spacing))
    for formula in (hd, hd95, assd, masd, rmsd, bavd):
        np.testing.assert_allclose(formula(doubled), 2 * formula(there), rtol=1e-12)
    same = measured(prediction, prediction, spacing)
    assert [float(f(same)[0]) for f in (hd, hd95, assd, masd, rmsd, bavd, nsd)] == [0, 0, 0, 0, 0, 0, 1]

"""Calibration and ranking: values worked out by hand, scikit-learn, and direct computation on the raw probabilities."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from segeval.kernels.probability_bins import ProbabilityBins
from segeval.kernels.target_sums import Logarithms, TargetSums, sums_of
from segeval.quantities.calibration import (
    auroc,
    auroc_error,
    average_precision,
    average_precision_error,
    best_dice,
    best_dice_threshold,
    brier,
    brier_over_all,
    ece,
    threshold_curve,
)
from segeval.tallies.histogram import ProbabilityHistogram
from segeval.tallies.tally import Counts, SoftSums, label_map_sums

Array = np.ndarray[Any, Any]
SEEDS = range(4)
FORMULAS = (ece, auroc, auroc_error, average_precision, average_precision_error, best_dice, best_dice_threshold)


def histogram_of(p: Any, r: Any) -> ProbabilityHistogram:
    counter = ProbabilityBins(1)
    counter.add(0, np.asarray(p, dtype=np.float64), np.asarray(r, dtype=np.bool_))
    return counter.histogram()


def sums(*pairs: tuple[Any, Any]) -> SoftSums:
    """The nine sums of several targets' (probabilities, mask)."""
    parts = []
    for p, r in pairs:
        part = TargetSums(Logarithms(()))
        part.add(np.asarray(p, dtype=np.float64), np.asarray(r, dtype=np.bool_))
        parts.append(part)
    return sums_of(parts, Logarithms(()))


def on_edges(seed: int, size: int = 500) -> tuple[Array, Array]:
    """Probabilities that are multiples of 1/64, so that a cell holds one value only; many are tied."""
    rng = np.random.default_rng(seed)
    r = rng.random(size) < 0.3
    return np.clip(np.round(64 * rng.beta(1 + 2 * r, 3 - 2 * r)) / 64, 0, 1), r


def trained(seed: int, size: int = 4000) -> tuple[Array, Array]:
    """As a trained network's: nearly all voxels close to 0 or 1, some inside the reference missed by far."""
    rng = np.random.default_rng(seed)
    r = rng.random(size) < 0.05
    logit = rng.normal(-16, 4, size) + r * rng.normal(18, 6, size)
    return (1 / (1 + np.exp(-logit))).astype(np.float32).astype(np.float64), r


# By hand: the example of docs/calibration.md

P, R = (0.1, 0.4, 0.35, 0.8), (False, False, True, True)


def test_the_worked_example() -> None:
    h = histogram_of(P, R)
    assert brier(sums((P, R)))[0] == pytest.approx((0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4)
    assert ece(h)[0] == pytest.approx((0.1 + 0.4 + 0.65 + 0.2) / 4)  # four of fifteen parts hold one voxel each
    assert ece(h, bins=2)[0] == pytest.approx((abs(0.1 + 0.4 + 0.35 - 1) + abs(0.8 - 1)) / 4)
    assert auroc(h)[0] == 3 / 4  # of four pairs, only (0.35, 0.4) is ordered wrongly
    assert average_precision(h)[0] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert best_dice(h)[0] == pytest.approx(2 * 2 / (3 + 2))  # all but 0.1
    assert best_dice_threshold(h)[0] == 410 / 4096  # 0.1 · 4096 = 409.6
    assert auroc_error(h)[0] == 0
    assert average_precision_error(h)[0] == 0


def test_two_voxels_of_a_cell_are_tied() -> None:
    h = histogram_of([0.50001, 0.50002], [False, True])  # ordered rightly: 1 without cells
    assert auroc(h)[0] == 1 / 2
    assert auroc_error(h)[0] == 1 / 2
    assert average_precision(h)[0] == 1 / 2
    assert average_precision_error(h)[0] == 1 / 2


def test_precision_can_fall_short_within_a_cell_too() -> None:
    h = histogram_of([0.9] * 9 + [0.50001, 0.50002], [False] * 9 + [True, True])
    assert average_precision(h)[0] == pytest.approx(2 / 11)
    assert average_precision_error(h)[0] == pytest.approx(2 / 11 - 1 / 10)  # one of the two comes first: 1/10


def test_the_threshold_is_inclusive_and_the_lowest_of_equals() -> None:
    assert best_dice_threshold(histogram_of([0.25, 0.75], [False, True])).tolist() == [1025 / 4096]
    assert best_dice_threshold(histogram_of([0.75], [True])).tolist() == [0.0]
    h = histogram_of([0.5, 0.75, 0.75, 1.0], [True, False, False, True])  # above 0.75: 2·1/(1 + 2), else 2·2/(4 + 2)
    assert best_dice(h).tolist() == [2 / 3]
    assert best_dice_threshold(h).tolist() == [0.0]


def test_the_curve_of_the_worked_example() -> None:
    curve = threshold_curve(histogram_of(P, R))
    at = {threshold: place for place, threshold in enumerate(curve.thresholds.tolist())}
    assert len(at) == 138
    rows = {t: (curve.tp[0, at[t]], curve.fp[0, at[t]], curve.precision[0, at[t]]) for t in (0, 0.25, 0.375, 0.5)}
    assert rows == {0: (2, 2, 1 / 2), 0.25: (2, 1, 2 / 3), 0.375: (1, 1, 1 / 2), 0.5: (1, 0, 1)}
    assert curve.sensitivity[0, [at[0.25], at[0.5], at[0.875]]].tolist() == [1, 1 / 2, 0]
    assert np.isnan(curve.precision[0, at[0.875]])
    assert (curve.n.tolist(), curve.reference.tolist()) == ([4], [2])


def test_a_perfect_and_a_perfectly_wrong_map() -> None:
    r = np.array([True, False, False])
    right, wrong = histogram_of(r, r), histogram_of(~r, r)
    assert [float(f(right)[0]) for f in (ece, auroc, average_precision, best_dice)] == [0, 1, 1, 1]
    assert [float(f(wrong)[0]) for f in (ece, auroc, average_precision, best_dice)] == [1, 0, 1 / 3, 1 / 2]
    assert brier(sums((r, r), (~r, r))).tolist() == [0, 1]


def test_what_is_undefined() -> None:
    p = [0.2, 0.9]
    absent, everywhere, nothing = histogram_of(p, [0, 0]), histogram_of(p, [1, 1]), histogram_of([], [])
    assert [math.isnan(f(absent)[0]) for f in FORMULAS] == [False, True, True, True, True, True, True]
    assert [math.isnan(f(everywhere)[0]) for f in FORMULAS] == [False, True, True, False, False, False, False]
    assert all(math.isnan(f(nothing)[0]) for f in FORMULAS)
    assert ece(absent)[0] == pytest.approx(1.1 / 2)
    assert np.isnan(brier(sums(([], [])))[0])
    assert brier(sums((p, [0, 0])))[0] == pytest.approx((0.04 + 0.81) / 2)
    assert np.isnan(threshold_curve(absent).sensitivity).all()


def test_bins_that_cannot_be_exact_are_refused() -> None:
    with pytest.raises(ValueError, match="7 equal parts"):
        ece(histogram_of(P, R), bins=7)


# Against scikit-learn and the raw probabilities


@pytest.mark.parametrize("seed", SEEDS)
def test_where_cells_hold_one_value_ranking_is_scikit_learns(seed: int) -> None:
    p, r = on_edges(seed)
    h = histogram_of(p, r)
    assert auroc(h)[0] == pytest.approx(sk.roc_auc_score(r, p), rel=1e-12)
    assert average_precision(h)[0] == pytest.approx(sk.average_precision_score(r, p), rel=1e-12)
    precision, sensitivity, _ = sk.precision_recall_curve(r, p)
    dice = 2 * precision * sensitivity / np.maximum(precision + sensitivity, 1e-300)
    assert best_dice(h)[0] == pytest.approx(dice.max(), rel=1e-12)
    chosen = p >= best_dice_threshold(h)[0]
    assert sk.f1_score(r, chosen) == pytest.approx(dice.max(), rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("draw", [on_edges, trained])
def test_brier_is_scikit_learns(draw: Any, seed: int) -> None:
    p, r = draw(seed)
    assert brier(sums((p, r)))[0] == pytest.approx(sk.brier_score_loss(r, p), rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_elsewhere_ranking_lies_within_its_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tied = 0.5 + rng.random(300) / 4096  # all in one cell
    spread = rng.random(300)
    for p in (tied, spread, np.concatenate([tied[:150], spread[:150]])):
        for r in (rng.random(300) < 0.2, np.argsort(np.argsort(p)) > 250, np.argsort(np.argsort(p)) < 50):
            h = histogram_of(p, r)
            assert abs(auroc(h)[0] - sk.roc_auc_score(r, p)) <= auroc_error(h)[0] + 1e-12
            assert abs(average_precision(h)[0] - sk.average_precision_score(r, p)) <= (
                average_precision_error(h)[0] + 1e-12
            )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_trained_networks_ranking_is_known_to_a_thousandth(seed: int) -> None:
    p, r = trained(seed)
    h = histogram_of(p, r)
    assert auroc_error(h)[0] < 1e-3
    assert auroc(h)[0] == pytest.approx(sk.roc_auc_score(r, p), abs=1e-3)
    assert average_precision(h)[0] == pytest.approx(sk.average_precision_score(r, p), abs=1e-2)
    equal_bins_alone = np.minimum(np.floor(p * 4096), 4095)  # what the cuts of the first and last bin are for
    assert abs(sk.roc_auc_score(r, equal_bins_alone) - sk.roc_auc_score(r, p)) > 1e-2


def direct_ece(p: Array, r: Array, parts: int) -> float:
    """From the raw values, part by part."""
    error = 0.0
    for part in range(parts):
        last = part == parts - 1
        members = (p >= part / parts) & ((p <= 1) if last else (p < (part + 1) / parts))
        if members.any():
            error += members.mean() * abs(p[members].mean() - r[members].mean())
    return error


@pytest.mark.parametrize("parts", [1, 5, 8, 10, 15, 20, 25, 30, 32, 50, 60, 100])
@pytest.mark.parametrize("draw", [on_edges, trained])
def test_ece_is_that_of_the_raw_values(draw: Any, parts: int) -> None:
    p, r = draw(1)
    p[: parts + 1] = np.arange(parts + 1) / parts  # on every edge
    assert ece(histogram_of(p, r), bins=parts)[0] == pytest.approx(direct_ece(p, r, parts), rel=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", SEEDS)
def test_best_dice_is_the_best_of_all_4096_thresholds(seed: int, dtype: type[np.floating[Any]]) -> None:
    rng = np.random.default_rng(seed)
    r = rng.random(120) < 0.4
    p = rng.beta(1 + r, 2 - r).astype(dtype)
    dice = []
    for k in range(4096):
        chosen = p >= dtype(k / 4096)
        dice.append(Fraction(2 * int((chosen & r).sum()), int(chosen.sum()) + int(r.sum())))
    counter = ProbabilityBins(1)
    counter.add(0, p, r)
    assert best_dice(counter.histogram())[0] == pytest.approx(float(max(dice)), rel=1e-15)
    assert best_dice_threshold(counter.histogram())[0] == dice.index(max(dice)) / 4096


@pytest.mark.parametrize("draw", [on_edges, trained])
def test_the_curve_counts_what_thresholds_make_of_the_map(draw: Any) -> None:
    p, r = draw(2)
    curve = threshold_curve(histogram_of(p, r))
    for place, threshold in enumerate(curve.thresholds):
        chosen = p >= threshold
        assert (curve.tp[0, place], curve.fp[0, place]) == ((chosen & r).sum(), (chosen & ~r).sum())
        if chosen.any():
            assert curve.precision[0, place] == pytest.approx(sk.precision_score(r, chosen))
        assert curve.sensitivity[0, place] == pytest.approx(sk.recall_score(r, chosen))


def test_several_classes_add_up_to_brier_s_own_score() -> None:
    rng = np.random.default_rng(4)
    p, r = rng.dirichlet(np.ones(3), 200), rng.integers(0, 3, 200)
    one_hot = np.eye(3)[r]
    expected = np.mean(((p - one_hot) ** 2).sum(axis=1))
    assert brier_over_all(sums(*((p[:, c], r == c) for c in range(3)))) == pytest.approx(expected, rel=1e-12)


def test_confidence_against_correctness_gives_the_top_label_calibration_error() -> None:
    rng = np.random.default_rng(5)
    p, r = rng.dirichlet(np.ones(4), 300), rng.integers(0, 4, 300)
    confidence, correct = p.max(axis=1), p.argmax(axis=1) == r
    assert ece(histogram_of(confidence, correct))[0] == pytest.approx(direct_ece(confidence, correct, 15), rel=1e-9)


def test_the_brier_score_of_a_label_map_is_its_share_of_wrong_voxels() -> None:
    counts = Counts(*(np.array([n]) for n in (3, 2, 1, 4)))
    assert brier(label_map_sums(counts, ())).tolist() == [3 / 10]


# Laws


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    """Probabilities on edges or not, and a mask that is neither empty nor full."""
    p = draw(st.lists(st.one_of(st.floats(0, 1), st.integers(0, 20).map(lambda k: k / 20)), min_size=2, max_size=40))
    r = draw(st.lists(st.booleans(), min_size=len(p) - 2, max_size=len(p) - 2))
    return np.array(p), np.array([True, False, *r])


@given(pairs())
def test_every_value_lies_on_its_scale_and_ranking_within_its_bound(pair: tuple[Array, Array]) -> None:
    p, r = pair
    h = histogram_of(p, r)
    values = {f.__name__: float(f(h)[0]) for f in FORMULAS}
    assert all(0 <= value <= 1 + 1e-12 for value in values.values()), values
    assert 0 <= brier(sums((p, r)))[0] <= 1
    assert abs(values["auroc"] - sk.roc_auc_score(r, p)) <= values["auroc_error"] + 1e-9
    exact = sk.average_precision_score(r, p)
    assert abs(values["average_precision"] - exact) <= values["average_precision_error"] + 1e-9


@given(pairs())
def test_twice_the_voxels_are_the_same_value(pair: tuple[Array, Array]) -> None:
    h = histogram_of(*pair)
    for formula in FORMULAS:
        if formula is not average_precision_error:  # a cell of more voxels can be ordered worse
            np.testing.assert_allclose(formula(h + h), formula(h), rtol=1e-12, atol=1e-12)


@given(pairs())
def test_turning_both_maps_around_turns_the_ranking_around(pair: tuple[Array, Array]) -> None:
    p, r = np.round(pair[0] * 64) / 64, pair[1]
    turned = histogram_of(1 - p, r)
    assert auroc(turned)[0] == pytest.approx(1 - auroc(histogram_of(p, r))[0])
    assert auroc(histogram_of(1 - p, ~r))[0] == pytest.approx(auroc(histogram_of(p, r))[0])


def test_targets_do_not_mix() -> None:
    counter = ProbabilityBins(3)
    maps = [on_edges(0), ([], []), on_edges(1)]
    for target, (p, r) in enumerate(maps):
        counter.add(target, np.asarray(p, dtype=np.float64), np.asarray(r, dtype=np.bool_))
    together = counter.histogram()
    for formula in FORMULAS:
        np.testing.assert_array_equal(formula(together), [formula(histogram_of(*pair))[0] for pair in maps])

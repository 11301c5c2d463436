"""The losses beside those of the default report, and the settings that make other tools' losses: by hand, and against
NumPy on whole arrays, written from the definitions page.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval import evaluate_arrays
from segeval.kernels import NumpyBackend
from segeval.tallies.documents import tally_document, tally_of
from segeval.tallies.power_sums import PowerSum
from segeval.tallies.tally import TallyOptions

Array = NDArray[Any]
ETA = 1e-7


def losses(metrics: str, prediction: Array, reference: Array, label: int | str = 1, **options: Any) -> dict[str, float]:
    """The values of one row, NaN where undefined."""
    report = evaluate_arrays(prediction, reference, metrics=metrics, **options)
    (row,) = [row for row in report.cases[0].rows if row.label == label]
    return {key: float("nan") if value is None else float(value) for key, value in row.values.items()}


# By hand: of four voxels two are the label's. P = 2, R = 2, I = 1.5, P2 = 0.5625 * 2 + 0.0625 * 2 = 1.25, FP = FN = 0.5

HAND_P = np.array([0.75, 0.75, 0.25, 0.25]).reshape(4, 1, 1)
HAND_R = np.array([1, 1, 0, 0], np.uint8).reshape(4, 1, 1)
LN = -math.log(0.75)
BY_HAND = {
    "soft_dice:epsilon=0": 1 - 3 / 3.25,
    "soft_dice:epsilon=0:power=1": 0.25,
    "soft_dice:epsilon=1:numerator_epsilon=1:power=1": 1 - 4 / 5,
    "soft_iou": 1 - 1.5 / 2.5,
    "soft_iou:power=2": 1 - 1.5 / 1.75,
    "soft_iou:epsilon=1:numerator_epsilon=1": 1 - 2.5 / 3.5,
    "gdl_uniform:epsilon=1:numerator_epsilon=1": 1 - 7 / 9,
    "gdl_simple:epsilon=1:numerator_epsilon=1": 1 - 4 / 5,
    "gdl_v:epsilon=1:numerator_epsilon=1": 1 - 2.5 / 3,
    "tversky:epsilon=0:numerator_epsilon=0": 1 - 1.5 / 2,
    "tversky:epsilon=0:fn_weight=1:fp_weight=1:numerator_epsilon=0": 1 - 1.5 / 2.5,
    "focal_tversky:epsilon=0:gamma=2:numerator_epsilon=0": 0.5,
    "log_cosh_dice:epsilon=0:power=1": math.log(math.cosh(0.25)),
    "noise_robust_dice:epsilon=0:gamma=1": 1 / 3.25,
    "noise_robust_dice:epsilon=0": 4 * 0.125 / 3.25,
    "mcc_loss:epsilon=0": 1 - (1.5 * 1.5 - 0.5 * 0.5) / 4,
    "exp_log:epsilon=0:gamma=1": 0.8 * LN + 0.2 * math.sqrt(2) * 2 * LN / 4,
    "exp_log:ce_weight=0:dice_weight=1:epsilon=0:gamma=2": LN**2,
    "ce:label_smoothing=0.1": (0.95 * 2 * LN + 0.05 * 2 * -math.log(0.25)) / 4,
    "bce:label_smoothing=0.1": 0.95 * LN + 0.05 * -math.log(0.25),
    "unified_focal:epsilon=0": 0.5 * (0.6 * 2 * LN + 0.4 * 2 * 0.5 * LN) / 4 + 0.25 * (0.25 + 0.5),
}


def test_each_loss_by_hand() -> None:
    found = losses(",".join(BY_HAND), HAND_P, HAND_R)
    assert found == {key: pytest.approx(value, rel=1e-12) for key, value in BY_HAND.items()}


# Whole arrays


def expected(p: Array, r: Array, classes: int) -> dict[str, float]:
    """One label's losses under some settings; p, r: its probabilities and its mask."""
    n, eps = p.size, 1e-6
    tp, fp, fn, tn = (float(a.sum()) for a in (p * r, p * (1 - r), (1 - p) * r, (1 - p) * (1 - r)))
    clip = np.clip(p, ETA, 1 - ETA)
    ln_p, ln_q = np.log(clip), np.log(1 - clip)
    smooth = 0.9 * r + 0.1 / classes
    tversky = 1 - (tp + eps) / (tp + 0.3 * fp + 0.7 * fn + eps)
    dice = 1 - 2 * tp / (float((p**2).sum()) + r.sum() + eps)
    a, b, c, d = (value + 1e-5 for value in (tp, fp, fn, tn))
    dsc = (2 * tp + 1) / (2 * tp + fp + fn + 1)
    weighted = math.sqrt(n / r.sum()) * float((r * (-ln_p) ** 0.3).sum()) / n if r.any() else 0.0
    focal = -(0.6 * (r * ln_p).sum() + 0.4 * ((1 - r) * p**0.5 * ln_q).sum()) / n
    of_label = (tp + 1e-7) / (tp + 0.6 * fn + 0.4 * fp + 1e-7)
    of_rest = (tn + 1e-7) / (tn + 0.6 * fp + 0.4 * fn + 1e-7)
    return {
        "soft_dice:power=1": 1 - 2 * tp / (2 * tp + fp + fn + eps),
        "soft_iou:epsilon=1:power=2": 1 - tp / (float((p**2).sum()) + r.sum() - tp + 1),
        "tversky": tversky,
        "focal_tversky": tversky**0.75,
        "log_cosh_dice": math.log(math.cosh(dice)),
        "noise_robust_dice": float((abs(p - r) ** 1.5).sum()) / (float((p**2).sum()) + r.sum() + 1e-5),
        "exp_log": 0.8 * (-math.log(dsc)) ** 0.3 + 0.2 * weighted,
        "mcc_loss": 1 - (a * d - b * c) / math.sqrt((a + b) * (a + c) * (d + b) * (d + c)),
        "unified_focal": 0.5 * focal + 0.25 * ((1 - of_rest) + (1 - of_label) ** 0.5),
        "ce:label_smoothing=0.1": -float((smooth * ln_p).mean()),
        "bce:label_smoothing=0.1": -float(((0.9 * r + 0.05) * ln_p + (0.95 - 0.9 * r) * ln_q).mean()),
    }


KEYS = list(expected(np.full(2, 0.5), np.array([1.0, 0.0]), 2))


def volume(seed: int, classes: int = 3) -> tuple[Array, Array]:
    """A softmax with certain voxels, (classes, x, y, z) float32, and the labels."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(classes, 0.4), (6, 5, 4)).astype(np.float32)
    p[rng.random((6, 5, 4)) < 0.2] = np.eye(classes, dtype=np.float32)[1]
    return np.moveaxis(p, -1, 0), rng.integers(0, classes, (6, 5, 4)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
def test_the_losses_of_a_softmax_are_those_of_whole_arrays(seed: int) -> None:
    p, reference = volume(seed)
    for label in (1, 2):
        of_label = p[label].astype(np.float64), (reference == label).astype(np.float64)
        found = losses(",".join(KEYS), p, reference, label)
        assert found == {key: pytest.approx(value, rel=1e-9) for key, value in expected(*of_label, 3).items()}


def test_the_losses_of_a_label_map_are_those_of_its_zeros_and_ones() -> None:
    _, reference = volume(5)
    labels = volume(6)[1]
    for label in (1, 2):
        of_label = (labels == label).astype(np.float64), (reference == label).astype(np.float64)
        found = losses(",".join(KEYS), labels, reference, label)
        assert found == {key: pytest.approx(value, rel=1e-9) for key, value in expected(*of_label, 3).items()}


def test_the_losses_of_a_single_map_and_its_background() -> None:
    p, reference = volume(7)
    foreground, mask = p[1].astype(np.float64), (reference == 1).astype(np.uint8)
    for label, of_label in ((1, (foreground, mask)), (0, (1 - foreground, 1 - mask))):
        found = losses(",".join(KEYS), p[1], mask, label, background=True)
        assert found == {key: pytest.approx(value, rel=1e-9) for key, value in expected(*of_label, 2).items()}


def test_the_row_all_is_the_mean_of_all_classes_and_of_cross_entropy_the_sum() -> None:
    p, reference = volume(8)
    rows = [expected(p[label].astype(np.float64), (reference == label).astype(np.float64), 3) for label in (0, 1, 2)]
    found = losses(",".join(KEYS), p, reference, "all")
    summed = {"ce:label_smoothing=0.1"}
    means = {key for key in found if key not in summed | {"exp_log"}}
    assert set(KEYS) - set(found) == {"bce:label_smoothing=0.1"}
    for key in means:
        assert found[key] == pytest.approx(np.mean([row[key] for row in rows]), rel=1e-9)
    for key in summed:
        assert found[key] == pytest.approx(sum(row[key] for row in rows), rel=1e-9)
    sums = losses("exp_log:dice_weight=0,exp_log:ce_weight=0", p, reference, "all")
    assert found["exp_log"] == pytest.approx(sum(sums.values()), rel=1e-12)
    parts = [losses("exp_log:dice_weight=0", p, reference, label, background=True) for label in (0, 1, 2)]
    assert sums["exp_log:dice_weight=0"] == pytest.approx(sum(part["exp_log:dice_weight=0"] for part in parts))


def test_absent_and_perfect_labels_have_the_values_of_the_formulas() -> None:
    empty = np.zeros((4, 4, 4), np.uint8)
    found = losses(",".join(KEYS), empty, empty, 1, labels="1")
    assert found == {key: pytest.approx(value, abs=1e-9) for key, value in expected(
        np.zeros(64), np.zeros(64), 2
    ).items()}  # fmt: skip
    perfect = np.ones((4, 4, 4), np.uint8)
    same = losses("tversky,focal_tversky,noise_robust_dice,mcc_loss,exp_log", perfect, perfect)
    assert same["tversky"] == same["focal_tversky"] == same["noise_robust_dice"] == 0
    assert losses("unified_focal:gamma=2,focal_tversky:gamma=0", perfect, perfect) == {
        "unified_focal:gamma=2": pytest.approx(math.nan, nan_ok=True),
        "focal_tversky:gamma=0": pytest.approx(math.nan, nan_ok=True),
    }


def test_the_sums_of_powers_come_back_from_a_journal_and_add() -> None:
    powers: tuple[PowerSum, ...] = (("error", 1.5, 0.0), ("log", 0.3, ETA))
    options = TallyOptions(channels=(0, 1), labels=(1,), powers=powers)
    kernel = NumpyBackend().soft_kernel(options, {})
    p = np.array([0.2, 0.9, 0.4])
    stretch = kernel.stretch(np.array([0, 1, 1], np.uint8))
    stretch.add(0, 0, 1 - p)
    stretch.add(1, 0, p)
    stretch.finish()
    tally = tally_of(json.loads(json.dumps(tally_document(kernel.tally()))))
    assert tally.soft is not None
    both = (tally + tally).soft
    assert both is not None
    for what, sides in tally.soft.sums.powers.items():
        assert sides.inside.tolist() == kernel.tally().soft.sums.powers[what].inside.tolist()  # type: ignore[union-attr]
        assert both.sums.powers[what].outside.tolist() == (2 * sides.outside).tolist()
    assert tally.soft.sums.powers[powers[0]].inside[1] == pytest.approx(0.1**1.5 + 0.6**1.5)

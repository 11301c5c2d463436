"""The rates beyond the overlap metrics: by hand, against scikit-learn, and where they are undefined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from numpy.typing import NDArray

from segeval import evaluate_arrays

Array = NDArray[Any]


def rates(prediction: Array, reference: Array, label: int | str = 1, metrics: str = "rates", **options: Any) -> Any:
    """The values of one row, NaN where undefined."""
    report = evaluate_arrays(prediction, reference, metrics=metrics, **options)
    (row,) = [row for row in report.cases[0].rows if row.label == label]
    return {key: math.nan if value is None else value for key, value in row.values.items()}


# By hand: ten voxels of 2 x 1 x 5 mm, TP 3, FN 1, FP 2, TN 4

REFERENCE = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], np.uint8).reshape(10, 1, 1)
PREDICTION = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], np.uint8).reshape(10, 1, 1)


def test_each_rate_by_hand() -> None:
    assert rates(PREDICTION, REFERENCE, spacing=(2, 1, 5)) == {
        "f_beta": pytest.approx(15 / 21),  # 5 TP / (5 TP + 4 FN + FP)
        "fpr": pytest.approx(2 / 6),
        "fnr": pytest.approx(1 / 4),
        "fdr": pytest.approx(2 / 5),
        "for": pytest.approx(1 / 5),
        "informedness": pytest.approx(3 / 4 + 4 / 6 - 1),
        "markedness": pytest.approx(3 / 5 + 4 / 5 - 1),
        "lr_positive": pytest.approx((3 / 4) / (2 / 6)),
        "lr_negative": pytest.approx((1 / 4) / (4 / 6)),
        "fowlkes_mallows": pytest.approx(math.sqrt(3 / 5 * 3 / 4)),
        "prevalence": pytest.approx(4 / 10),
        "prevalence_threshold": pytest.approx(math.sqrt(2 / 6) / (math.sqrt(3 / 4) + math.sqrt(2 / 6))),
        "absolute_volume_difference_ml": pytest.approx(1 * 10 / 1000),
        "relative_absolute_volume_difference": pytest.approx(1 / 4),
        "voe": pytest.approx(1 - 3 / 6),
        "net_benefit": pytest.approx((3 - 2) / 10),
        "probabilistic_distance": pytest.approx(3 / 6),
        "icc": pytest.approx(0.4375),  # by hand in test_shape.py
    }
    more = rates(PREDICTION, REFERENCE, metrics="net_benefit:exchange_rate=0.25,f_beta:beta=0.5,f_beta:beta=1,dice")
    assert more["net_benefit:exchange_rate=0.25"] == pytest.approx((3 - 0.5) / 10)
    assert more["f_beta:beta=0.5"] == pytest.approx(1.25 * 3 / (1.25 * 3 + 0.25 + 2))
    assert more["f_beta:beta=1"] == more["dice"]


def test_the_row_all_by_hand() -> None:
    """IoU of the label 3/6, of the background 4/7; they are 4 and 6 of 10 voxels. Kappa: 7 agree, by chance 5."""
    found = rates(PREDICTION, REFERENCE, "all")
    assert found == {
        "frequency_weighted_iou": pytest.approx(0.4 * 3 / 6 + 0.6 * 4 / 7),
        "weighted_kappa": pytest.approx(1 - 3 / 5),
    }


def pair(seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    reference = rng.integers(0, 5, (7, 6, 5)).astype(np.uint8)
    noise = rng.integers(-1, 2, reference.shape)
    return np.clip(reference + noise * (rng.random(reference.shape) < 0.4), 0, 4).astype(np.uint8), reference


@pytest.mark.parametrize("seed", range(3))
def test_the_rates_are_scikit_learns(seed: int) -> None:
    prediction, reference = pair(seed)
    for label in range(1, 5):
        found = rates(prediction, reference, label)
        truth, guess = (reference == label).ravel(), (prediction == label).ravel()
        positive, negative = sk.class_likelihood_ratios(truth, guess)
        assert found["lr_positive"] == pytest.approx(positive, rel=1e-12)
        assert found["lr_negative"] == pytest.approx(negative, rel=1e-12)
        assert found["f_beta"] == pytest.approx(sk.fbeta_score(truth, guess, beta=2), rel=1e-12)
        balanced = sk.balanced_accuracy_score(truth, guess, adjusted=True)
        assert found["informedness"] == pytest.approx(balanced, rel=1e-12)
        assert found["fowlkes_mallows"] ** 2 == pytest.approx(
            sk.precision_score(truth, guess) * sk.recall_score(truth, guess), rel=1e-12
        )
        assert found["voe"] == pytest.approx(1 - sk.jaccard_score(truth, guess), rel=1e-12)
        for name, score in (("fdr", sk.precision_score), ("fnr", sk.recall_score)):
            assert found[name] == pytest.approx(1 - score(truth, guess), rel=1e-12)
        assert found["fpr"] == pytest.approx(1 - sk.recall_score(~truth, ~guess), rel=1e-12)
        assert found["for"] == pytest.approx(1 - sk.precision_score(~truth, ~guess), rel=1e-12)
    keys = "frequency_weighted_iou,weighted_kappa,weighted_kappa:weights=quadratic"
    whole = rates(prediction, reference, "all", keys)
    truth, guess = reference.ravel(), prediction.ravel()
    expected = [
        sk.jaccard_score(truth, guess, average="weighted"),
        sk.cohen_kappa_score(truth, guess, weights="linear"),
        sk.cohen_kappa_score(truth, guess, weights="quadratic"),
    ]
    assert list(whole.values()) == pytest.approx(expected, rel=1e-12)


def test_the_distance_of_grades_is_that_of_their_values() -> None:
    """Grade 3 occurs nowhere and still lies between 1 and 4."""
    reference, prediction = (np.array(v, np.uint8).reshape(-1, 1, 1) for v in ([0, 1, 4, 4], [0, 4, 4, 1]))
    found = rates(prediction, reference, "all", "weighted_kappa")
    expected = sk.cohen_kappa_score(reference.ravel(), prediction.ravel(), labels=range(5), weights="linear")
    assert found["weighted_kappa"] == pytest.approx(expected, rel=1e-12)


def test_what_is_undefined() -> None:
    empty, full = np.zeros((3, 3, 3), np.uint8), np.ones((3, 3, 3), np.uint8)
    nothing = rates(empty, empty, labels="1", spacing=(1, 1, 1))
    defined = {name: value for name, value in nothing.items() if not math.isnan(value)}
    assert defined == {
        "fpr": 0, "for": 0, "prevalence": 0, "absolute_volume_difference_ml": 0, "net_benefit": 0,
    }  # fmt: skip
    everything = rates(full, full)
    assert math.isnan(everything["fpr"])
    assert math.isnan(everything["lr_positive"])
    assert math.isnan(everything["absolute_volume_difference_ml"])  # no geometry
    assert math.isnan(rates(full, full, "all")["weighted_kappa"])
    assert math.isnan(rates(PREDICTION * 0, REFERENCE, metrics="f_beta:beta=0")["f_beta:beta=0"])


def test_many_parts_take_linear_time_and_little_memory() -> None:
    """A table of all pairs of 100,000 values would take 80 GB."""
    values = np.arange(100_000, dtype=np.int32).reshape(-1, 1, 1)
    linear, quadratic = "weighted_kappa", "weighted_kappa:weights=quadratic"
    both = f"{linear},{quadratic}"
    assert rates(values, values, "all", both, labels="1") == {linear: 1.0, quadratic: 1.0}
    turned = rates(values[::-1].copy(), values, "all", both, labels="1")
    assert turned == pytest.approx({linear: -0.5, quadratic: -1}, abs=1e-4)

"""Partitions: by hand, against scikit-image and scikit-learn, and what holds for every pair of them."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import assume, given
from hypothesis import strategies as st
from skimage.metrics import adapted_rand_error, variation_of_information
from sklearn import metrics as sklearn_metrics

from segeval import evaluate_arrays
from segeval.quantities import select
from segeval.quantities.partitions import _squares

OLD_SCIPY = tuple(int(part) for part in scipy.__version__.split(".")[:2]) < (1, 14)
Array = np.ndarray[Any, Any]
NAMES = [selection.key for selection in select("partition")]


def over_all(prediction: Any, reference: Any, metrics: str = "partition", **options: Any) -> dict[str, float]:
    """The row ``all``."""
    report = evaluate_arrays(np.asarray(prediction), np.asarray(reference), metrics=metrics, **options)
    (row,) = (row for row in report.cases[0].rows if row.label == "all")
    return dict(row.values)


@st.composite
def partitions(draw: st.DrawFn) -> tuple[Array, Array]:
    size = draw(st.integers(2, 60))
    most = draw(st.sampled_from([1, 3, 8]))
    sides = [draw(st.lists(st.integers(0, most), min_size=size, max_size=size)) for _ in range(2)]
    return np.array(sides[0]), np.array(sides[1])


def test_by_hand() -> None:
    """Eight voxels: the reference in halves a and b; the prediction splits b, and gives one voxel of a to a part of b.

    n: a1 = 3, a2 = 1, b2 = 2, b3 = 2. t = 4, 4; s = 3, 3, 2.
    """
    reference = [1, 1, 1, 1, 2, 2, 2, 2]
    prediction = [1, 1, 1, 2, 2, 2, 3, 3]
    found = over_all(prediction, reference)
    assert set(found) == set(NAMES)
    entropies = {
        "t": 1.0,
        "s": -(2 * 3 / 8 * math.log2(3 / 8) + 2 / 8 * math.log2(2 / 8)),
        "both": -(3 / 8 * math.log2(3 / 8) + 1 / 8 * math.log2(1 / 8) + 2 * 2 / 8 * math.log2(2 / 8)),
    }
    split, merge = entropies["both"] - entropies["t"], entropies["both"] - entropies["s"]
    shared = entropies["t"] + entropies["s"] - entropies["both"]
    # Ordered pairs of voxels: together in both 3·2 + 2·1 + 2·1 = 10, in the reference 24, in the prediction 14, of 56.
    expected = {
        "voi_split": split,
        "voi_merge": merge,
        "voi": split + merge,
        "mutual_information": shared,
        "nmi": shared / ((entropies["t"] + entropies["s"]) / 2),
        "rand": (56 + 2 * 10 - 24 - 14) / 56,
        "adjusted_rand": (10 - 14 * 24 / 56) / ((14 + 24) / 2 - 14 * 24 / 56),
        "adapted_rand_error": 1 - 2 * (10 / 14) * (10 / 24) / (10 / 14 + 10 / 24),
        "adapted_rand_precision": 10 / 14,
        "adapted_rand_recall": 10 / 24,
        # By the prediction's parts, of which b2 holds a2 and b2; by the reference's, both of which are cut.
        "gce": min((1 * 2 / 3 + 2 * 1 / 3) / 8, (3 * 1 / 4 + 1 * 3 / 4 + 2 * 2 / 4 + 2 * 2 / 4) / 8),
    }
    assert found == pytest.approx(expected, rel=1e-12)
    assert over_all(prediction, reference, "voi:base=4")["voi:base=4"] == pytest.approx((split + merge) / 2, rel=1e-12)


def test_what_is_left_out_by_hand() -> None:
    """Where the reference is not 0: 1 with 5 twice and with 0, 2 with 5 and with 6, of six voxels.

    Squares: 9 + 4 in the reference, 9 + 1 + 1 in the prediction, 4 + 1 + 1 + 1 in both; apart, 0 gives 1/6 for 1.
    """
    reference, prediction = [1, 1, 1, 2, 2, 0], [5, 5, 0, 5, 6, 6]
    thirds = -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))
    expected = {
        "adapted_rand_precision:squares=yes": 7 / 11,
        "adapted_rand_recall:squares=yes": 7 / 13,
        "adapted_rand_precision:apart=yes:squares=yes": (6 + 1 / 6) / (10 + 1 / 6),
        "adapted_rand_recall:apart=yes:squares=yes": (6 + 1 / 6) / 13,
        "adapted_rand_precision:apart=yes": (2 + 1 / 6) / (6 + 1 / 6),
        "adapted_rand_recall:apart=yes": (2 + 1 / 6) / 8,
        "voi_split:background=no": 3 / 5 * thirds + 2 / 5,
        "voi_merge:background=no": 3 / 5 * thirds,
        "voi:background=no": 6 / 5 * thirds + 2 / 5,
    }
    assert over_all(prediction, reference, ",".join(expected)) == pytest.approx(expected, rel=1e-12)
    nothing = over_all(prediction, [0] * 6, "voi:background=no,adapted_rand_error:squares:apart,voi")
    assert [value == value for value in nothing.values()] == [False, False, True]


@given(partitions())
def test_scikit_learn_and_scikit_image_agree(pair: tuple[Array, Array]) -> None:
    prediction, reference = pair
    found = over_all(prediction, reference, "partition,adapted_rand_error:background=yes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "mutual_information": sklearn_metrics.mutual_info_score(reference, prediction) / math.log(2),
            "nmi": sklearn_metrics.normalized_mutual_info_score(reference, prediction),
            "rand": sklearn_metrics.rand_score(reference, prediction),
            "adjusted_rand": sklearn_metrics.adjusted_rand_score(reference, prediction),
        }
        # scikit-image's pair is H(second | first), H(first | second)
        expected["voi_split"], expected["voi_merge"] = variation_of_information(reference, prediction)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    if OLD_SCIPY:  # on it scikit-image's sparse table loses counts of few cells
        return
    for ours, ignored in (("adapted_rand_error", (0,)), ("adapted_rand_error:background=yes", ())):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            theirs = adapted_rand_error(reference, prediction, ignore_labels=ignored)[0]
        if math.isfinite(theirs) and math.isfinite(found[ours]):
            assert found[ours] == pytest.approx(theirs, abs=1e-12)


@given(partitions(), st.permutations(range(9)))
def test_laws(pair: tuple[Array, Array], names: list[int]) -> None:
    """What the parts are called changes nothing; exchanging the sides exchanges splits and merges."""
    prediction, reference = pair
    found = over_all(prediction, reference)
    renamed = over_all(np.array(names)[prediction], reference)
    assert renamed == pytest.approx(found, abs=1e-12, nan_ok=True)
    turned = over_all(reference, prediction)
    assert turned["voi_split"] == pytest.approx(found["voi_merge"], abs=1e-12)
    for name in ("voi", "nmi", "rand", "adjusted_rand", "gce", "mutual_information"):
        assert turned[name] == pytest.approx(found[name], abs=1e-12, nan_ok=True)
    assert 0 <= found["rand"] <= 1
    assert 0 <= found["gce"] <= 1


@given(partitions())
def test_a_perfect_prediction_is_best(pair: tuple[Array, Array]) -> None:
    reference = pair[0]
    assume(len(set(reference[reference > 0].tolist())) > 1)
    found = over_all(reference, reference)
    best = {"voi": 0, "voi_split": 0, "voi_merge": 0, "nmi": 1, "rand": 1, "adjusted_rand": 1, "gce": 0}
    assert {name: found[name] for name in best} == pytest.approx(best, abs=1e-12)
    if np.bincount(reference[reference > 0]).max() > 1:
        assert found["adapted_rand_error"] == pytest.approx(0, abs=1e-12)


def test_only_the_row_all_has_them() -> None:
    report = evaluate_arrays([0, 1, 1, 2], [0, 1, 2, 2], metrics="dice,voi")
    assert [set(row.values) for row in report.cases[0].rows] == [{"dice"}, {"dice"}, {"dice"}, {"dice", "voi"}]
    alone = evaluate_arrays([0, 1, 1, 2], [0, 1, 2, 2], metrics="voi")
    assert [set(row.values) for row in alone.cases[0].rows] == [set(), set(), set(), {"voi"}]


def test_where_no_voxel_counts_they_are_undefined() -> None:
    found = over_all([1, 2], [9, 9], ignore_label=9)
    assert all(math.isnan(value) for value in found.values())


def test_ids_of_64_bits_are_parts_like_any_others() -> None:
    """By another name: 2^63 + 9 and 2^64 − 1 in place of 4 and 5."""
    prediction, reference = np.array([[0, 4, 4, 5], [1, 1, 5, 5]]), np.array([[0, 4, 5, 5], [1, 4, 5, 0]])
    names = np.array([0, 1, 2, 3, 2**63 + 9, 2**64 - 1], np.uint64)
    assert over_all(names[prediction], names[reference]) == over_all(prediction, reference)


def test_squares_are_exact_beyond_64_bits() -> None:
    counts = np.array([3_000_000_000, 4_000_000_001])
    assert _squares(counts) == 3_000_000_000**2 + 4_000_000_001**2


def test_of_probabilities_the_decision_counts() -> None:
    p = np.array([[0.9, 0.2, 0.1], [0.05, 0.7, 0.2], [0.05, 0.1, 0.7]])
    assert over_all(p, [0, 1, 2], "voi,rand") == pytest.approx({"voi": 0.0, "rand": 1.0})

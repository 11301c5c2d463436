"""Detection by the rules of challenges: an example by hand, and the published rules restated over dense tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arrays import row
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from segeval import evaluate_arrays

Map = np.ndarray[Any, Any]
NAMES = ("lesion_count_difference", "matching_ap", "matching_map", "seg", "aogm_d")
maps = arrays(np.uint8, (6, 7), elements=st.integers(0, 4))

REFERENCE = np.array([[1, 1, 1, 1, 0, 2, 2, 2, 0, 3]])
PREDICTION = np.array([[1, 1, 1, 0, 0, 0, 0, 2, 2, 0]])


def found(prediction: Any, reference: Any, metrics: str = "detection", **options: Any) -> dict[str, Any]:
    """Of all objects: the maps' values are instances."""
    report = evaluate_arrays(prediction, reference, regions={"cells": "*"}, instances=True, metrics=metrics, **options)
    return dict(row(report, "cells").values)


def ious(prediction: Map, reference: Map) -> tuple[Map, Map, Map]:
    """(IoU, shared voxels, size) of every reference object (rows) and prediction object."""
    p = [prediction == value for value in np.unique(prediction[prediction > 0])]
    r = [reference == value for value in np.unique(reference[reference > 0])]
    shared = np.array([[(a & b).sum() for b in p] for a in r], dtype=float).reshape(len(r), len(p))
    union = np.array([[(a | b).sum() for b in p] for a in r], dtype=float).reshape(len(r), len(p))
    return shared / np.maximum(union, 1), shared, np.array([a.sum() for a in r], dtype=float)


def stardist(table: Map, threshold: float) -> float:
    """Accuracy of the assignment that takes most pairs of IoU ≥ threshold, and of those the largest IoUs."""
    r, p = table.shape
    if not r or not p:
        return 0.0 if r or p else np.nan
    costs = -(table >= threshold).astype(float) - table / (2 * min(r, p))
    rows, columns = linear_sum_assignment(costs)
    tp = int((table[rows, columns] >= threshold).sum())
    return tp / (r + p - tp)


def test_a_share_that_is_its_limit_is_at_most_and_at_least_that() -> None:
    """3 of a prediction's 10 voxels lie in no lesion, 0.3 of it. 7 and 6 of the 20 voxels explain 0.65 of a lesion, so
    that the third prediction, 20 of whose 26 voxels lie in none, is not looked at."""
    reference = np.array([[1] * 7 + [0] * 3])
    assert found(np.ones_like(reference), reference, "sensl:beyond=0.3,sensl:beyond=0.29") == {
        "sensl:beyond=0.3": 1.0,
        "sensl:beyond=0.29": 0.0,
    }
    reference = np.array([[1] * 20 + [0] * 20])
    prediction = np.array([[1] * 7 + [2] * 6 + [3] * 6 + [4] + [3] * 20])
    assert found(prediction, reference, "sensl:explained=0.65,sensl:explained=0.66") == {
        "sensl": 1.0,
        "sensl:explained=0.66": 0.0,
    }


def test_the_row_of_the_definitions_by_hand() -> None:
    values = found(PREDICTION, REFERENCE, "detection,matching_ap:iou=0.25,matching_ap:iou=0.75,matching_ap:iou=0.76")
    assert values == pytest.approx(
        {
            "lesion_count_difference": 1,
            "ref_instances": 3,
            "pred_instances": 2,
            "matching_ap": 1 / 4,
            "matching_map": 3 / 20,
            "sensl": 2 / 3,
            "ppvl": 1,
            "f1l": 4 / 5,
            "seg": 1 / 4,
            "aogm_d": 21,
            "matching_ap:iou=0.25": 2 / 3,
            "matching_ap:iou=0.75": 1 / 4,
            "matching_ap:iou=0.76": 0,
        }
    )


def test_a_lesion_is_found_by_what_does_not_reach_too_far_beyond() -> None:
    """1 is covered to 6/10 by 1, which lies within, and to 1/10 by 2, nine of whose ten voxels lie elsewhere."""
    reference = np.array([[1] * 10 + [0] * 9])
    prediction = np.array([[1] * 6 + [0] * 3 + [2] * 10])
    metrics = "sensl,sensl:explained=0.9,sensl:explained=0.9:beyond=0.9,sensl:found=0.7,ppvl,f1l"
    assert list(found(prediction, reference, metrics).values()) == pytest.approx([1, 0, 1, 0, 1 / 2, 2 / 3])
    assert list(found(PREDICTION, REFERENCE, "sensl:beyond=0.4").values()) == pytest.approx([1 / 3])
    nothing = np.zeros_like(reference)
    assert list(found(nothing, reference, "sensl,ppvl,f1l").values()) == [0, 0, 0]
    assert list(found(reference, nothing, "sensl,ppvl,f1l").values()) == pytest.approx([np.nan, 0, 0], nan_ok=True)


@given(maps, maps)
def test_they_are_the_published_rules(prediction: Map, reference: Map) -> None:
    table, shared, size = ious(prediction, reference)
    values = found(prediction, reference, "detection,matching_ap:iou=0.2,matching_ap:iou=1")
    assert (values["ref_instances"], values["pred_instances"]) == table.shape
    assert values["lesion_count_difference"] == abs(table.shape[0] - table.shape[1])
    for name, threshold in (("matching_ap", 0.5), ("matching_ap:iou=0.2", 0.2), ("matching_ap:iou=1", 1.0)):
        assert values[name] == pytest.approx(stardist(table, threshold), nan_ok=True), name
    thresholds = [k / 20 for k in range(10, 20)]
    expected = np.mean([stardist(table, each) for each in thresholds])
    assert values["matching_map"] == pytest.approx(expected, nan_ok=True)
    covered = np.where(shared > size[:, np.newaxis] / 2, table, 0.0).sum(axis=1) if table.size else np.zeros(len(size))
    assert values["seg"] == pytest.approx(covered.mean() if len(size) else np.nan, nan_ok=True)
    held = shared > size[:, np.newaxis] / 2
    splits = np.maximum(held.sum(axis=0) - 1, 0).sum()
    lost, invented = (~held.any(axis=1)).sum(), (~held.any(axis=0)).sum()
    assert values["aogm_d"] == 5 * splits + 10 * lost + invented


@given(maps, maps)
def test_components_are_counted_as_scipy_finds_them(prediction: Map, reference: Map) -> None:
    for connectivity, structure in ((None, np.ones((3, 3))), (4, None)):
        numbered = [ndimage.label(each > 0, structure)[0] for each in (prediction, reference)]
        report = evaluate_arrays(
            prediction > 0, reference > 0, metrics="detection", labels=[1], connectivity=connectivity
        )
        assert dict(row(report, 1).values) == pytest.approx(found(*numbered), nan_ok=True)


@pytest.mark.parametrize("options", [{"matching": "any-overlap"}, {"matching": "many-to-one", "iou": 0.1}])
def test_the_rule_of_matching_changes_none(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(2)
    prediction, reference = rng.integers(0, 6, (2, 30, 30))
    assert found(prediction, reference, **options) == pytest.approx(found(prediction, reference))


def test_rivals_for_the_same_instance_are_assigned() -> None:
    """A halves 1 and 2 halves A: at IoU 1/3 the pairs 1–A, 2–A and 2–B compete; two of them can be taken."""
    reference, prediction = np.array([[1, 1, 2, 2, 2, 2]]), np.array([[0, 1, 1, 1, 2, 2]])
    assert found(prediction, reference, "matching_ap:iou=0.25")["matching_ap:iou=0.25"] == 1.0


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        (0, 0, (0, np.nan, np.nan, np.nan, 0)),
        (1, 0, (1, 0, 0, np.nan, 1)),
        (0, 1, (1, 0, 0, 0, 10)),
        (1, 1, (0, 1, 1, 1, 0)),
    ],
)
def test_where_one_or_both_are_empty(prediction: int, reference: int, expected: tuple[float, ...]) -> None:
    values = found(np.full((3, 3), prediction), np.full((3, 3), reference))
    assert [values[name] for name in NAMES] == pytest.approx(list(expected), nan_ok=True)

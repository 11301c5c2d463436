"""``mask`` and ``within``: against arrays cut to the voxels that count, and volumes emptied outside of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arrays import row, rows_as_text
from hypothesis import given
from hypothesis import strategies as st

from segeval import evaluate_arrays
from segeval.errors import GeometryError, LabelError, UsageError

RNG = np.random.default_rng(11)
SHAPE = (7, 6, 5)
EVERYTHING = "overlap,losses,surface,instances,profile,partition"


def maps(seed: int, labels: int = 3) -> tuple[Any, Any, Any]:
    """Prediction, reference and a mask with some of their voxels."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, labels, SHAPE), rng.integers(0, labels, SHAPE), rng.integers(0, 2, SHAPE)


def soft(seed: int, channels: int = 3) -> Any:
    """Probabilities, the classes first."""
    return np.random.default_rng(seed).dirichlet(np.ones(channels), SHAPE).transpose(3, 0, 1, 2).astype(np.float32)


def values(report: Any) -> list[Any]:
    return [(each.label, pytest.approx(each.values, rel=1e-12, nan_ok=True)) for each in report.cases[0].rows]


def found(report: Any) -> list[Any]:
    return [(each.label, each.values) for each in report.cases[0].rows]


def test_a_square_of_four_voxels_by_hand() -> None:
    """Of prediction 1 1 / 0 0 and reference 1 0 / 1 0 only the left column counts: a hit and a miss."""
    prediction, reference, mask = [[1, 1], [0, 0]], [[1, 0], [1, 0]], [[1, 0], [1, 0]]
    report = evaluate_arrays(prediction, reference, mask=mask)
    assert {name: row(report, 1).values[name] for name in ("tp", "fp", "fn", "tn")} == {
        "tp": 1, "fp": 0, "fn": 1, "tn": 0,
    }  # fmt: skip
    assert row(report, 1).values["dice"] == pytest.approx(2 / 3)
    assert report.cases[0].confusion == ((1, 0, 1), (1, 1, 1))


@given(st.integers(0, 1000))
def test_a_mask_of_ones_changes_nothing(seed: int) -> None:
    prediction, reference, _ = maps(seed)
    ones = np.ones(SHAPE)
    plain = evaluate_arrays(prediction, reference, metrics=EVERYTHING, spacing=(1, 1, 2))
    assert rows_as_text(
        evaluate_arrays(prediction, reference, metrics=EVERYTHING, spacing=(1, 1, 2), mask=ones)
    ) == rows_as_text(plain)
    for asked in ({}, {"channels": "independent"}):
        plain = evaluate_arrays(soft(seed), reference, **asked)  # type: ignore[arg-type]
        assert found(evaluate_arrays(soft(seed), reference, mask=ones, **asked)) == values(plain)  # type: ignore[arg-type]


@given(st.integers(0, 1000), st.sampled_from(["overlap,losses", "partition"]))
def test_overlap_and_losses_are_those_of_the_arrays_cut_to_the_mask(seed: int, metrics: str) -> None:
    prediction, reference, mask = maps(seed)
    inside = mask != 0
    masked = evaluate_arrays(prediction, reference, mask=mask, metrics=metrics)
    cut = evaluate_arrays(prediction[inside], reference[inside], metrics=metrics)
    assert rows_as_text(masked) == rows_as_text(cut)


@pytest.mark.parametrize(
    "asked",
    [
        {"metrics": "overlap,losses,calibration"},
        {"channels": "independent", "metrics": "overlap,losses,calibration", "regions": {"both": [1, 2]}},
        {"labels": [1], "ignore_label": 2},
    ],
)
def test_a_maps_sums_are_those_of_the_arrays_cut_to_the_mask(asked: Any) -> None:
    _, reference, mask = maps(4)
    inside = mask != 0
    masked = evaluate_arrays(soft(5), reference, mask=mask, **asked)
    assert found(masked) == values(evaluate_arrays(soft(5)[:, inside], reference[inside], **asked))
    single = soft(6, 2)[1]
    masked = evaluate_arrays(single, reference > 0, mask=mask, kind="probabilities")
    assert found(masked) == values(evaluate_arrays(single[inside], (reference > 0)[inside], kind="probabilities"))


@given(st.integers(0, 1000))
def test_distances_and_instances_are_those_of_volumes_empty_outside(seed: int) -> None:
    """As of the ignore label: what does not count is background on both sides."""
    prediction, reference, mask = maps(seed)
    asked: dict[str, Any] = {"metrics": "surface,surface:surfel,instances", "spacing": (1, 2, 1.5), "labels": [1, 2]}
    masked = evaluate_arrays(prediction, reference, mask=mask, **asked)
    assert rows_as_text(masked) == rows_as_text(
        evaluate_arrays(np.where(mask, prediction, 0), np.where(mask, reference, 0), **asked)
    )


def test_the_profile_is_of_the_voxels_that_count() -> None:
    prediction, reference, mask = maps(9)
    masked = evaluate_arrays(prediction, reference, mask=mask, metrics="profile", labels=[1, 2])
    emptied = evaluate_arrays(
        np.where(mask, prediction, 0), np.where(mask, reference, 0), metrics="profile", labels=[1, 2]
    )
    assert masked.cases[0].details["error_profile"] == emptied.cases[0].details["error_profile"]


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "<i2", ">i2", "u2", "u4", "i8", "u8", "f4"])
def test_references_of_any_type_are_masked(dtype: str) -> None:
    prediction, reference, mask = maps(2, 2)
    inside = mask != 0
    asked: dict[str, Any] = {"metrics": "overlap,instances"}
    masked = evaluate_arrays(prediction, reference.astype(dtype), mask=mask, **asked)
    expected = evaluate_arrays(np.where(inside, prediction, 0), np.where(inside, reference, 0), labels=[1], **asked)
    for name in ("dice", "tp", "fp", "fn", "pq", "instance_tp"):
        assert row(masked, 1).values[name] == pytest.approx(row(expected, 1).values[name], nan_ok=True)


@pytest.mark.parametrize("ignore", [2, -1, 300])
def test_a_mask_and_an_ignore_label_add_up(ignore: int) -> None:
    prediction, reference, mask = maps(3)
    reference = np.where(reference == 2, ignore, reference).astype(np.int16)
    inside = (mask != 0) & (reference != ignore)
    masked = evaluate_arrays(prediction, reference, mask=mask, ignore_label=ignore, labels=[1, 3])
    assert rows_as_text(masked) == rows_as_text(evaluate_arrays(prediction[inside], reference[inside], labels=[1, 3]))


def test_a_mask_of_any_type_counts_where_it_is_not_0() -> None:
    prediction, reference, mask = maps(8)
    expected = rows_as_text(evaluate_arrays(prediction, reference, mask=mask))
    for other in (mask == 1, mask * -7, mask * 0.25, mask.astype(np.uint64) * 2**60):
        assert rows_as_text(evaluate_arrays(prediction, reference, mask=other)) == expected


def test_the_label_that_stands_for_what_does_not_count_is_refused_where_it_counts() -> None:
    prediction, reference, mask = maps(1)
    strange = np.where(mask, reference, -30_000)
    asked = evaluate_arrays(prediction, strange, mask=mask)
    assert rows_as_text(asked) == rows_as_text(evaluate_arrays(prediction, reference, mask=mask))
    with pytest.raises(LabelError, match="holds label -30000, which stands for voxels that do not count"):
        evaluate_arrays(prediction, strange, mask=1 - mask)
    assert evaluate_arrays(prediction, strange, mask=1 - mask, ignore_label=7)
    huge = reference.astype(np.uint64)
    huge[0, 0, 0] = 2**63
    with pytest.raises(LabelError, match=r"holds label 9223372036854775808; labels under a mask are below 2\^63"):
        evaluate_arrays(prediction, huge, mask=mask)


# Within labels of the reference


@pytest.mark.parametrize(
    ("within", "members"),
    [
        (1, {1}), ([1, 3], {1, 3}), ("1+3", {1, 3}), ("core=1 + 3", {1, 3}), ("*", {1, 2, 3}), ("0", {0}),
        ("liver", {2}), ("liver+3", {2, 3}), ("organs", {1, 2}), ("organs+spleen", {1, 2, 3}), ("any", {1, 2, 3}),
    ],
)  # fmt: skip
def test_only_voxels_of_these_labels_count(within: Any, members: set[int]) -> None:
    prediction, reference, _ = maps(7, 4)
    inside = np.isin(reference, list(members))
    names = {"kidney": 1, "liver": 2, "spleen": 3}
    asked: dict[str, Any] = {"labels": names, "regions": {"organs": [1, 2], "any": "*"}}
    report = evaluate_arrays(prediction, reference, within=within, **asked)
    assert rows_as_text(report) == rows_as_text(evaluate_arrays(prediction[inside], reference[inside], **asked))
    masked = evaluate_arrays(prediction, reference, mask=inside, **asked)
    assert rows_as_text(report) == rows_as_text(masked)


def test_mask_and_within_are_both_heeded() -> None:
    prediction, reference, mask = maps(6)
    inside = (mask != 0) & (reference == 1)
    report = evaluate_arrays(prediction, reference, mask=mask, within=1)
    assert rows_as_text(report) == rows_as_text(evaluate_arrays(prediction[inside], reference[inside]))
    assert "|mask:array|within:1|" in report.signature
    assert (report.settings["mask"], report.settings["within"]) == ("array", "1")


def test_without_either_nothing_speaks_of_them() -> None:
    report = evaluate_arrays([[1]], [[1]])
    assert "mask" not in report.signature + report.to_json()
    assert "within" not in report.signature + report.to_json()


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"mask": np.ones((2, 2))}, GeometryError, "the mask array has shape (2, 2), the reference (7, 6, 5); give"),
        ({"mask": np.full(SHAPE, np.nan)}, LabelError, "the mask: holds NaN, which says neither yes nor no"),
        ({"mask": np.zeros(SHAPE)}, LabelError, "the reference: no voxel lies in the mask, so that there is nothing"),
        ({"mask": np.full(SHAPE, "a")}, LabelError, "the mask array has dtype <U1; give a NumPy array"),
        ({"within": 9}, LabelError, "the reference: no voxel lies in --within 9, so that there is nothing to evaluate"),
        ({"within": "liver"}, UsageError, "--within: there is no label or region 'liver'; names are: none"),
        ({"within": "1+"}, UsageError, "--within '1+': write label values like 1+2, the name of a label"),
        ({"within": [1.5]}, UsageError, "within=[1.5]: give a sequence of integer label values"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_a_line(asked: dict[str, Any], error: Any, words: str) -> None:
    prediction, reference, _ = maps(0)
    with pytest.raises(error) as caught:
        evaluate_arrays(prediction, reference, **asked)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)

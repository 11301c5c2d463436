"""Errors per slice: what is counted in any pieces is what looking at every voxel finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segeval import evaluate_arrays
from segeval.kernels import NumpyBackend
from segeval.kernels.slice_counts import SliceCounter
from segeval.tallies.profiles import PairProfile

Maps = tuple[NDArray[Any], NDArray[Any]]


@st.composite
def maps(draw: st.DrawFn) -> Maps:
    """Two label maps of two or three axes: blocks, noise and stripes of few labels, some of more than a byte."""
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=2, max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.uint8, np.int16, np.uint64]))
    most = draw(st.sampled_from([1, 3, 90]))
    reference = rng.integers(0, most + 1, shape).astype(dtype)
    if draw(st.booleans()):
        reference[:] = reference.flat[0]  # one run from the first voxel to the last
    prediction = reference.copy()
    wrong = rng.random(shape) < draw(st.sampled_from([0.02, 0.5, 1]))
    prediction[wrong] = rng.integers(0, most + 1, int(wrong.sum()))
    return prediction, reference


def counted(
    prediction: NDArray[Any],
    reference: NDArray[Any],
    cuts: list[int],
    *,
    ignore: int | None = None,
    every: bool = False,
) -> PairProfile:
    kernel = NumpyBackend(slices=reference.shape, every_slice=every).label_kernel(ignore)
    p, r = prediction.ravel(order="F"), reference.ravel(order="F")
    for part in zip(np.split(p, cuts), np.split(r, cuts), strict=True):
        kernel.add(*part)
    profile = kernel.profile()
    assert profile is not None
    return profile


def by_voxel(
    prediction: NDArray[Any], reference: NDArray[Any], *, ignore: int | None = None, every: bool = False
) -> dict[tuple[int, int], list[list[int]]]:
    found: dict[tuple[int, int], list[list[int]]] = {}
    for index in np.ndindex(reference.shape):
        pair = int(reference[index]), int(prediction[index])
        if pair[0] != ignore and (pair[0] != pair[1] or (every and pair != (0, 0))):
            counts = found.setdefault(pair, [[0] * n for n in reference.shape])
            for axis, place in enumerate(index):
                counts[axis][place] += 1
    return found


def as_lists(profile: PairProfile) -> dict[tuple[int, int], list[list[int]]]:
    return {pair: [axis.tolist() for axis in axes] for pair, axes in profile.pairs.items()}


@given(maps(), st.lists(st.integers(0, 729), max_size=4), st.sampled_from([None, 0, 1]), st.booleans())
def test_any_pieces_give_what_every_voxel_says(pair: Maps, cuts: list[int], ignore: int | None, every: bool) -> None:
    inside = sorted(cut for cut in cuts if cut <= pair[0].size)
    assert as_lists(counted(*pair, inside, ignore=ignore, every=every)) == by_voxel(*pair, ignore=ignore, every=every)


@given(maps(), maps())
def test_profiles_add(one: Maps, other: Maps) -> None:
    a, b = counted(*one, []), counted(*other, [])
    if a.shape != b.shape:
        with pytest.raises(ValueError, match="do not add"):
            _ = a + b
        return
    both = as_lists(a + b)
    for pair, axes in both.items():
        parts = [as_lists(part).get(pair, [[0] * n for n in a.shape]) for part in (a, b)]
        assert axes == [np.add(*each).tolist() for each in zip(*parts, strict=True)]
    assert both.keys() == a.pairs.keys() | b.pairs.keys()


def test_noise_of_too_many_labels_is_given_up() -> None:
    counter = SliceCounter((1 << 14, 1), None, every=False)
    prediction = np.arange(1, (1 << 14) + 1)
    counter.add(prediction, np.zeros_like(prediction), np.arange(prediction.size), prediction.size)
    assert counter.profile() is None
    assert counter.given_up


def profile_of(prediction: NDArray[Any], reference: NDArray[Any], **options: Any) -> Any:
    (case,) = evaluate_arrays(prediction, reference, metrics="profile,fp,fn", **options).cases
    return case


def test_errors_of_labels_and_regions_by_hand() -> None:
    """Label 2 is called 1 in two voxels: wrong for both labels, right for the region of both."""
    reference = np.zeros((4, 3, 2), np.uint8)
    reference[1:3, 1, 0] = 1
    reference[1:3, 2, 1] = 2
    prediction = reference.copy()
    prediction[1:3, 2, 1] = 1
    prediction[0, 0, 0] = 2
    case = profile_of(prediction, reference, regions={"both": [1, 2]})
    assert [row.values["worst_slice_error"] for row in case.rows[:3]] == [2, 2, 1]
    assert case.details["error_profile"] == [
        # background: (0, 0, 0) is missed
        {"target": 0, "axes": [axis(4, 0, [0], [1]), axis(3, 0, [0], [1]), axis(2, 0, [0], [1])]},
        {"target": 1, "axes": [axis(4, 1, [1, 1], [0, 0]), axis(3, 2, [2], [0]), axis(2, 1, [2], [0])]},
        {"target": 2, "axes": [axis(4, 0, [1, 0, 0], [0, 1, 1]), axis(3, 0, [1, 0, 0], [0, 0, 2]),
                               axis(2, 0, [1, 0], [0, 2])]},
        {"target": "both", "axes": [axis(4, 0, [1], [0]), axis(3, 0, [1], [0]), axis(2, 0, [1], [0])]},
    ]  # fmt: skip


def axis(slices: int, first: int, fp: list[int], fn: list[int]) -> dict[str, Any]:
    return {"slices": slices, "first": first, "false_positive": fp, "false_negative": fn}


@pytest.mark.parametrize(
    "kind", ["labels", "softmax", "single", "single of label 7", "channels of other labels", "independent"]
)
def test_a_map_is_counted_by_its_hard_decision(kind: str) -> None:
    """Each sum over slices is the count of the row."""
    rng = np.random.default_rng(1)
    reference = rng.integers(0, 3, (6, 5, 4))
    options: dict[str, Any] = {}
    prediction: NDArray[Any] = rng.integers(0, 3, reference.shape)
    if kind == "softmax":
        prediction = rng.dirichlet(np.ones(3), reference.shape)
        options = {"class_axis": -1}
    elif kind.startswith("single"):
        reference = np.where(reference == 2, 7 if "7" in kind else 1, 0)
        prediction = rng.random(reference.shape)
    elif kind == "independent":
        prediction = rng.random((4, *reference.shape))
        options = {"channels": "independent", "labels": [1, 2], "regions": {"both": [1, 2]}, "ignore_label": 3}
        reference = rng.integers(0, 4, reference.shape)
    elif kind.startswith("channels"):
        reference = reference * 5
        prediction = rng.dirichlet(np.ones(11), reference.shape)
        options = {"class_axis": -1, "labels": [5, 10]}
    case = profile_of(prediction, reference, **options)
    document = {entry["target"]: entry["axes"] for entry in case.details["error_profile"]}
    labels = [row for row in case.rows if row.label not in ("mean", "all")]
    assert len(labels) == {"independent": 3, "single": 1, "single of label 7": 1}.get(kind, 2)
    for row in labels:
        for along in document[row.label]:
            assert sum(along["false_positive"]) == row.values["fp"]
            assert sum(along["false_negative"]) == row.values["fn"]

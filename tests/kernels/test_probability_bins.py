"""Probabilities in cells: each lies where its value says, and no chunking, order or type changes what was counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.kernels import probability_bins
from segeval.kernels.probability_bins import ProbabilityBins, cells_of
from segeval.tallies.histogram import BINS, CELLS, FIRST_CELLS, ProbabilityHistogram

Array = np.ndarray[Any, Any]
NUMBERS_OF_PARTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 25, 30, 50, 60, 64, 75, 100, 128, 150, 300, 1024, 4096)


def probabilities_around(edges: Array, dtype: type[np.floating[Any]]) -> Array:
    """The edges as this type stores them, and both neighbours of each."""
    stored = edges.astype(dtype)
    around = np.concatenate([stored, np.nextafter(stored, dtype(0)), np.nextafter(stored, dtype(1))])
    return np.clip(around, dtype(0), dtype(1))


def histogram_of(p: Array, inside: Array) -> ProbabilityHistogram:
    counter = ProbabilityBins(1)
    counter.add(0, p, inside)
    return counter.histogram()


def require_same(one: ProbabilityHistogram, other: ProbabilityHistogram) -> None:
    """Counts exactly, sums to 1e-9."""
    np.testing.assert_array_equal(one.voxels, other.voxels)
    np.testing.assert_array_equal(one.inside, other.inside)
    np.testing.assert_allclose(one.probability, other.probability, rtol=1e-9)


@st.composite
def maps(draw: st.DrawFn) -> tuple[Array, Array]:
    """Probabilities of any kind, many of them on an edge, tiny or almost 1, and a mask."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    width = 32 if dtype is np.float32 else 64
    value = st.one_of(
        st.floats(0, 1, width=width),
        st.sampled_from([0.0, 1.0, 0.5, 2.0**-12, 1 - 2.0**-12, 2.0**-60, 1e-30]),
        st.floats(-80, 0).map(lambda exponent: 2.0**exponent),
        st.integers(0, 300).map(lambda part: part / 300),
    )
    p = np.array(draw(st.lists(value, max_size=60)), dtype=dtype)
    inside = np.array(draw(st.lists(st.booleans(), min_size=p.size, max_size=p.size)), dtype=np.bool_)
    return p, inside


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parts", NUMBERS_OF_PARTS)
def test_equal_parts_are_exact_at_their_edges(parts: int, dtype: type[np.floating[Any]]) -> None:
    edges = np.arange(parts + 1) / parts
    p = probabilities_around(edges, dtype)
    inside = np.arange(p.size) % 3 == 0
    histogram = histogram_of(p, inside).in_parts(parts)
    for part in range(parts):
        below_next = p < edges[part + 1] if part + 1 < parts else p <= 1
        members = (p.astype(np.float64) >= edges[part]) & below_next
        assert histogram.voxels[0, part] == np.count_nonzero(members)
        assert histogram.inside[0, part] == np.count_nonzero(members & inside)
        assert histogram.probability[0, part] == pytest.approx(p[members].sum(dtype=np.float64), rel=1e-12)


def test_one_belongs_to_the_last_bin_and_zero_to_the_first() -> None:
    bins = histogram_of(np.array([0.0, -0.0, 5e-324, 1.0, 4095 / 4096, 1 / 4096]), np.ones(6, dtype=np.bool_))
    voxels = bins.in_parts(BINS).voxels[0]
    assert {int(k): int(voxels[k]) for k in np.flatnonzero(voxels)} == {0: 3, 1: 1, 4095: 2}


@pytest.mark.parametrize("parts", [7, 9, 40, 301, 8192, 2.5, 0, -1])
def test_parts_that_are_not_made_of_cells_are_refused(parts: float) -> None:
    with pytest.raises(ValueError, match="divisor of 300 or of 4096"):
        histogram_of(np.zeros(1), np.zeros(1, dtype=np.bool_)).in_parts(parts)


def test_the_first_and_the_last_bin_are_cut_eight_times_per_octave() -> None:
    octave = 2.0**-20 * (1 + np.arange(9) / 8)  # both ends
    assert np.diff(cells_of(octave)).tolist() == [1] * 8
    assert np.diff(cells_of(1 - octave)).tolist() == [-1] * 8
    assert cells_of(np.array([0.0, 2.0**-61])).tolist() == [0, 0]
    assert cells_of(np.array([1.0, np.nextafter(1.0, 0)])).tolist() == [CELLS - 1, CELLS - 1 - 8 * (60 - 53) - 1]


@given(maps())
def test_cells_ascend_with_the_probability_and_lie_in_their_bin(pair: tuple[Array, Array]) -> None:
    p = np.sort(pair[0].astype(np.float64))
    cells = cells_of(p)
    assert np.all(np.diff(cells) >= 0)
    bins = np.minimum(np.floor(p * 4096), 4095)
    np.testing.assert_array_equal(np.searchsorted(FIRST_CELLS, cells, side="right") - 1, bins)


@given(maps())
def test_nothing_is_lost(pair: tuple[Array, Array]) -> None:
    p, inside = pair
    histogram = histogram_of(p, inside)
    assert histogram.n.tolist() == [p.size]
    assert histogram.reference.tolist() == [np.count_nonzero(inside)]
    assert histogram.probability.sum() == pytest.approx(p.sum(dtype=np.float64), rel=1e-9)


@given(maps(), st.lists(st.integers(0, 60), max_size=4))
def test_any_chunking_counts_the_same(pair: tuple[Array, Array], cuts: list[int]) -> None:
    p, inside = pair
    counter = ProbabilityBins(1)
    for piece, mask in zip(np.split(p, sorted(cuts)), np.split(inside, sorted(cuts)), strict=True):
        counter.add(0, piece, mask)
    require_same(counter.histogram(), histogram_of(p, inside))


@pytest.mark.parametrize("block", [1, 3, 7])
def test_the_size_of_a_block_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    p, inside = rng.random(50), rng.random(50) < 0.3
    whole = histogram_of(p, inside)
    monkeypatch.setattr(probability_bins, "_BLOCK", block)
    require_same(histogram_of(p, inside), whole)


@given(maps(), maps())
def test_the_histogram_of_two_pieces_is_the_sum_of_theirs(
    first: tuple[Array, Array], second: tuple[Array, Array]
) -> None:
    together = histogram_of(
        np.concatenate([first[0].astype(np.float64), second[0]]), np.concatenate([first[1], second[1]])
    )
    require_same(histogram_of(*first) + histogram_of(*second), together)
    require_same(histogram_of(*second) + histogram_of(*first), together)
    nothing = ProbabilityBins(1).histogram()
    require_same(nothing + together, together)


@given(maps(), st.randoms(use_true_random=False))
def test_order_does_not_matter(pair: tuple[Array, Array], random: Any) -> None:
    p, inside = pair
    order = list(range(p.size))
    random.shuffle(order)
    require_same(histogram_of(p[order], inside[order]), histogram_of(p, inside))


@given(maps())
def test_single_precision_counts_like_the_same_values_in_double(pair: tuple[Array, Array]) -> None:
    p, inside = pair
    require_same(histogram_of(p.astype(np.float32), inside), histogram_of(p.astype(np.float32).astype(float), inside))


def test_views_of_any_stride_are_counted_like_their_copies() -> None:
    rng = np.random.default_rng(3)
    p, inside = rng.random(40), rng.random(40) < 0.5
    for part in (slice(None, None, 2), slice(None, None, -1)):
        require_same(histogram_of(p[part], inside[part]), histogram_of(p[part].copy(), inside[part].copy()))


def test_targets_are_counted_apart_and_can_be_picked() -> None:
    counter = ProbabilityBins(3)
    counter.add(0, np.array([0.25]), np.array([True]))
    counter.add(2, np.array([0.75, 1.0]), np.array([False, True]))
    histogram = counter.histogram()
    assert histogram.n.tolist() == [1, 0, 2]
    assert histogram.reference.tolist() == [1, 0, 1]
    assert histogram[[2]].in_parts(4).voxels.tolist() == [[0, 0, 0, 2]]
    assert histogram[[2]].in_parts(4).probability.tolist() == [[0, 0, 0, 1.75]]


def test_a_histogram_does_not_change_with_what_is_added_later() -> None:
    counter = ProbabilityBins(1)
    before = counter.histogram()
    counter.add(0, np.array([0.5]), np.array([True]))
    assert before.n.tolist() == [0]
    assert counter.histogram().n.tolist() == [1]


def test_histograms_of_other_targets_do_not_add() -> None:
    with pytest.raises(ValueError, match="1 and of 3 targets"):
        ProbabilityBins(1).histogram() + ProbabilityBins(3).histogram()


def test_values_that_are_no_number_are_counted_and_leave_no_sum() -> None:
    histogram = histogram_of(np.array([0.5, np.nan]), np.array([True, True]))
    assert histogram.n.tolist() == [2]
    assert np.isnan(histogram.probability.sum())

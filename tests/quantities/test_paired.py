"""Paired statistics against SciPy on the same numbers, and against examples worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.quantities.bootstrap import resample
from segeval.quantities.paired import PairedStatistics, compare_pairs, holm, signed_ranks
from segeval.quantities.ranks import RankStatistics, rank_reports, ranks_of

NAN = math.nan
HIGHER, LOWER, NEITHER = 1, -1, 0


def columns(*values: list[float] | Floats) -> Floats:
    return np.array(values, np.float64).T


def compared(
    first: Floats, second: Floats, signs: list[int] | None = None, draws: int = 1000, seed: int = 0
) -> PairedStatistics:
    directions = np.array([HIGHER] * first.shape[1] if signs is None else signs, np.int64)
    return compare_pairs(first, second, directions, resample(len(first), draws, seed))


def two_models(count: int, seed: int = 0, shift: float = 0.01) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    first = rng.beta(8, 2, (count, 1))
    return first, np.clip(first + rng.normal(shift, 0.03, first.shape), 0, 1)


# Intervals


@pytest.mark.parametrize("count", [10, 60, 400])
def test_the_interval_is_scipys_percentile_bootstrap_of_the_differences(count: int) -> None:
    first, second = two_models(count)
    found = compared(first, second, draws=4000)
    differences = (second - first)[:, 0]
    expected = scipy.stats.bootstrap(
        (differences,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    error = differences.std(ddof=1) / math.sqrt(count)
    assert found.low[0] == pytest.approx(expected.low, abs=0.12 * error)  # the quantile's own error is 0.04
    assert found.high[0] == pytest.approx(expected.high, abs=0.12 * error)


def test_the_interval_is_paired() -> None:
    first, second = two_models(200)
    found = compared(first, second)
    unpaired = scipy.stats.bootstrap(
        (second[:, 0], first[:, 0]), lambda a, b: a.mean() - b.mean(), method="percentile", n_resamples=1000,
        vectorized=False, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert found.high[0] - found.low[0] < 0.6 * (unpaired.high - unpaired.low)


def test_undefined_pairs_are_left_out_of_every_number() -> None:
    first, second = two_models(80)
    first[::7], second[3] = NAN, NAN
    defined = ~np.isnan(second - first)[:, 0]
    found = compared(first, second, draws=4000)
    alone = compared(first[defined], second[defined], draws=4000)
    assert found.n[0] == alone.n[0] == defined.sum()
    for name in ("first", "second", "difference", "wins", "ties", "losses", "p", "effect"):
        assert getattr(found, name)[0] == getattr(alone, name)[0], name
    error = np.nanstd(second - first) / math.sqrt(defined.sum())
    assert found.low[0] == pytest.approx(alone.low[0], abs=0.15 * error)
    assert found.difference[0] == np.mean((second - first)[defined])


def test_the_same_seed_gives_the_same_numbers_and_another_another_interval() -> None:
    models = two_models(60)
    assert compared(*models).low[0] == compared(*models).low[0]
    assert compared(*models).low[0] != compared(*models, seed=1).low[0]


def test_a_column_beside_others_has_the_interval_that_it_has_alone() -> None:
    pairs = [two_models(50, seed) for seed in range(5)]
    together = compared(np.hstack([a for a, _ in pairs]), np.hstack([b for _, b in pairs]))
    for index, (first, second) in enumerate(pairs):
        alone = compared(first, second)
        assert together.low[index] == pytest.approx(alone.low[0], rel=1e-9)
        assert together.p[index] == alone.p[0]


@given(st.lists(st.one_of(st.just(NAN), st.floats(-1e3, 1e3)), min_size=1, max_size=12))
def test_the_interval_lies_among_the_differences(values: list[float]) -> None:
    found = compared(np.zeros((len(values), 1)), columns(values), draws=40)
    known = [value for value in values if not math.isnan(value)]
    assert found.n[0] == len(known)
    if known:
        assert min(known) <= found.low[0] <= found.high[0] <= max(known)
    else:
        assert math.isnan(found.low[0])
        assert math.isnan(found.difference[0])


def test_what_overflows_is_undefined_and_warns_nobody() -> None:
    found = compared(columns([-1.5e308, 0.0]), columns([1.5e308, 0.25]))
    assert (found.n[0], found.difference[0]) == (1, 0.25)


# Wins, ties, losses


def test_means_of_equal_values_are_these_values() -> None:
    found = compared(columns([0.1] * 3), columns([0.8] * 3))  # 0.1 + 0.1 + 0.1 by 3 is 0.10000000000000002
    difference = 0.8 - 0.1
    assert (found.first[0], found.second[0], found.difference[0]) == (0.1, 0.8, difference)
    assert found.low[0] == found.high[0] == difference


def test_wins_follow_the_direction_of_the_quantity() -> None:
    first = columns(*[[0.1, 0.2, 0.3, 0.4, NAN]] * 3)
    second = columns(*[[0.2, 0.3, 0.3, 0.1, 0.5]] * 3)
    found = compared(first, second, [HIGHER, LOWER, NEITHER])
    assert found.wins.tolist() == [2, 1, -1]
    assert found.ties.tolist() == [1, 1, -1]
    assert found.losses.tolist() == [1, 2, -1]


# Tests


@pytest.mark.parametrize("count", [1, 2, 5, 12, 13, 14, 49, 50, 51, 300])
@pytest.mark.parametrize("kind", ["smooth", "tied", "with zeros"])
@pytest.mark.filterwarnings("ignore")
def test_p_is_scipys_exactly(count: int, kind: str) -> None:
    first, second = two_models(count, seed=count)
    if kind != "smooth":
        first, second = np.round(first, 1), np.round(second, 1)
    if kind == "with zeros":
        second[::3] = first[::3]
    if not np.any(first != second):
        assert math.isnan(compared(first, second).p[0])
        return
    expected = scipy.stats.wilcoxon(second[:, 0], first[:, 0])
    assert compared(first, second).p[0] == expected.pvalue


def test_without_a_nonzero_difference_there_is_no_p_and_no_effect() -> None:
    for values in ([0.5, 0.5], [NAN, NAN], [0.5, NAN]):
        found = compared(columns(values), columns(values))
        assert math.isnan(found.p[0])
        assert math.isnan(found.effect[0])


def test_the_effect_is_the_rank_biserial_correlation() -> None:
    differences = np.array([1.0, 2.0, -3.0, 4.0, 0.0])  # ranks 1, 2, 3, 4: W+ = 7, W- = 3
    assert signed_ranks(differences)[1] == pytest.approx((7 - 3) / 10)
    assert signed_ranks(np.array([0.1, 0.2]))[1] == 1.0
    assert signed_ranks(np.array([-0.1, -0.2, 0.0]))[1] == -1.0


def test_holm_is_the_example_worked_by_hand() -> None:
    # ascending 0.005·4 = 0.02, 0.01·3 = 0.03, 0.03·2 = 0.06, 0.04·1 = 0.04 -> 0.06 (never below the one before)
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_out_what_is_undefined_and_stays_below_one() -> None:
    found = holm(np.array([NAN, 0.9, 0.8, NAN, 0.01]))
    assert np.isnan(found[[0, 3]]).all()
    assert found[[1, 2, 4]].tolist() == pytest.approx([1.0, 1.0, 0.03])
    assert holm(np.array([NAN])).shape == (1,)
    assert holm(np.array([])).shape == (0,)


# Ranks


def ranked(values: list[list[float]], sign: int = HIGHER) -> RankStatistics:
    """values: by report, then case; one column."""
    stacked: NDArray[np.float64] = np.array(values)[:, :, None]
    return rank_reports(stacked, np.array([sign]), resample(stacked.shape[1], 200, 0))


def test_ranks_follow_the_direction_ties_share_and_undefined_is_last() -> None:
    values = np.array([[0.9], [0.5], [0.9], [NAN], [NAN]])
    assert ranks_of(values, np.array([HIGHER]))[:, 0].tolist() == [1.5, 3, 1.5, 4.5, 4.5]
    assert ranks_of(values, np.array([LOWER]))[:, 0].tolist() == [2.5, 1, 2.5, 4.5, 4.5]


def test_mean_then_rank_and_rank_then_mean_may_differ() -> None:
    # a is best in two cases of three, and far behind in the third
    found = ranked([[0.9, 0.9, 0.0], [0.8, 0.8, 0.8], [0.7, 0.7, 0.7]])
    assert found.means[:, 0] == pytest.approx([0.6, 0.8, 0.7])
    assert found.by_mean[:, 0].tolist() == [3, 1, 2]
    assert found.mean_ranks[:, 0] == pytest.approx([5 / 3, 5 / 3, 8 / 3])
    assert found.by_rank[:, 0].tolist() == [1.5, 1.5, 3]


def test_an_undefined_value_ranks_last_in_its_case_and_leaves_the_case_out_of_the_means() -> None:
    found = ranked([[0.9, NAN, NAN], [0.8, 0.2, NAN], [0.7, 0.1, NAN]])
    assert (found.n[0], found.ranked[0]) == (1, 2)
    assert found.means[:, 0] == pytest.approx([0.9, 0.8, 0.7])
    assert found.by_mean[:, 0].tolist() == [1, 2, 3]
    assert found.mean_ranks[:, 0].tolist() == [2, 1.5, 2.5]
    assert found.by_rank[:, 0].tolist() == [2, 1, 3]


def test_rank_intervals_are_narrow_where_the_order_is_sure_and_wide_where_it_is_not() -> None:
    rng = np.random.default_rng(0)
    same = rng.random(30)
    found = ranked([list(same + 5), list(same), list(same[rng.permutation(30)])])
    for bounds in (found.by_mean_interval, found.by_rank_interval):
        assert bounds[:, 0, 0].tolist() == [1, 1]
        assert bounds[:, 1, 0].tolist() == [2, 3]
        assert bounds[:, 2, 0].tolist() == [2, 3]


def test_means_that_rounding_alone_tells_apart_share_a_rank() -> None:
    found = ranked([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.4, 0.2, 0.1]])  # 0.2 each, but for rounding
    assert found.by_mean[:, 0].tolist() == [2.5, 2.5, 1]


def test_the_smallest_means_have_ranks() -> None:
    assert ranked([[2e-320], [1e-320]]).by_mean[:, 0].tolist() == [1, 2]


def test_equal_reports_share_every_rank() -> None:
    values = list(np.random.default_rng(0).random(20))
    found = ranked([values, values, values], LOWER)
    assert found.by_mean[:, 0].tolist() == found.by_rank[:, 0].tolist() == [2, 2, 2]
    assert found.by_mean_interval[:, :, 0].tolist() == [[2, 2, 2], [2, 2, 2]]

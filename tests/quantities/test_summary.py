"""The statistics over cases against NumPy, pandas and SciPy on the same numbers."""

from __future__ import annotations

import math
import random
import tracemalloc
from typing import Literal

import numpy as np
import pandas
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from segeval.quantities.summary import summarise, worst_cases
from segeval.results.report import CaseResult, Column, Row, Statistic
from segeval.results.strict_json import plain

DICE = Column("dice", "overlap", 1.0, 0.0)
LOSS = Column("ce", "losses", 0.0, math.inf)
COUNT = Column("tp", "overlap")
NAN = math.nan


def case(
    name: str, *rows: Row, status: Literal["ok", "error", "missing"] = "ok", reason: str | None = None
) -> CaseResult:
    return CaseResult(name, f"{name}.nii.gz", f"ref/{name}.nii.gz", rows, status=status, reason=reason)


def dice_cases(values: list[float] | np.ndarray) -> list[CaseResult]:
    return [case(f"case_{i:05}", Row(1, "liver", {"dice": float(v)})) for i, v in enumerate(values)]


def the_only(cases: list[CaseResult], **options: int) -> Statistic:
    (statistic,) = summarise(cases, (DICE,), **options)
    return statistic


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


# Against the oracles


@pytest.mark.parametrize("count", [2, 3, 4, 5, 17, 100, 1001])
def test_statistics_are_those_of_numpy_and_pandas(count: int) -> None:
    values = np.random.default_rng(count).beta(8, 2, count)
    found = the_only(dice_cases(values))
    assert found.mean == np.mean(values)
    assert found.sd == np.std(values, ddof=1)
    assert found.median == np.median(values)
    assert (found.q1, found.q3) == tuple(np.quantile(values, [0.25, 0.75], method="linear"))
    assert (found.min, found.max) == (values.min(), values.max())
    described = pandas.Series(values).describe()
    names = {"mean": found.mean, "std": found.sd, "min": found.min, "25%": found.q1, "50%": found.median,
             "75%": found.q3, "max": found.max, "count": found.n}  # fmt: skip
    for name, value in names.items():
        assert value == pytest.approx(described[name], rel=1e-14)


def test_undefined_values_are_left_out_of_every_statistic() -> None:
    values = np.random.default_rng(0).beta(8, 2, 50)
    values[::7] = NAN
    found = the_only(dice_cases(values))
    defined = values[~np.isnan(values)]
    assert (found.n, found.undefined) == (len(defined), 50 - len(defined))
    assert found.mean == np.mean(defined)
    assert found.sd == np.std(defined, ddof=1)
    assert found.median == np.median(defined)


@pytest.mark.parametrize("draw", ["beta", "skewed"])
@pytest.mark.parametrize("count", [10, 60, 400])
def test_the_interval_is_scipys_percentile_bootstrap(draw: str, count: int) -> None:
    generator = np.random.default_rng(count)
    values = generator.beta(8, 2, count) if draw == "beta" else generator.lognormal(0, 1, count)
    found = the_only(dice_cases(values), draws=4000)
    interval = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    error = found.sd / math.sqrt(count)
    assert found.ci95[0] == pytest.approx(interval.low, abs=0.12 * error)  # the quantile's own error is 0.04
    assert found.ci95[1] == pytest.approx(interval.high, abs=0.12 * error)


def test_the_interval_with_undefined_values_is_that_of_the_defined_ones() -> None:
    values = np.random.default_rng(3).beta(8, 2, 500)
    holes = values.copy()
    holes[100:300] = NAN
    found = the_only(dice_cases(holes), draws=4000)
    alone = the_only(dice_cases(np.concatenate([values[:100], values[300:]])), draws=4000)
    assert found.ci95 == pytest.approx(alone.ci95, abs=0.15 * found.sd / math.sqrt(300))


def test_no_value_and_one_value() -> None:
    nothing = the_only(dice_cases([NAN, NAN]))
    assert all(math.isnan(v) for v in (nothing.mean, nothing.sd, nothing.median, nothing.min, *nothing.ci95))
    assert (nothing.n, nothing.undefined) == (0, 2)
    assert plain(nothing)["ci95"] == [None, None]
    for values in ([0.3], [NAN, 0.3, NAN]):
        one = the_only(dice_cases(values))
        assert (one.mean, one.median, one.q1, one.q3, one.min, one.max) == (0.3,) * 6
        assert math.isnan(one.sd)
        assert one.ci95 == (0.3, 0.3)
        assert one.n == 1


@given(st.floats(-1e6, 1e6), st.integers(2, 40))
def test_the_interval_of_equal_values_is_the_value(value: float, count: int) -> None:
    assert the_only(dice_cases([value] * count), draws=50).ci95 == (value, value)


def test_what_overflows_is_undefined_and_warns_nobody() -> None:
    found = the_only(dice_cases([1e308, 1e308, 1.5e308]))
    assert math.isnan(found.mean)
    assert found.max == 1.5e308
    assert plain(found)["mean"] is None


# Which cases count


def mixed() -> list[CaseResult]:
    """Labels 1 and 2 and a region; label 2 is in one case only; one failed, one missing, one missing with rows."""

    def rows(one: float, mean: float) -> tuple[Row, ...]:
        return (
            Row(1, "liver", {"dice": one, "tp": 5}),
            Row("organs", None, {"dice": one, "tp": 5}),
            Row("mean", None, {"dice": mean, "tp": 5.0}, {"dice": 1, "tp": 1}, 1),
            Row("all", None, {"dice": one}),
        )  # fmt: skip

    extra = Row(2, "spleen", {"dice": 0.5, "tp": 7})
    return [
        case("d", *rows(0.9, 0.9)),
        case("a", *(extra, *rows(0.7, NAN))),
        case("b", status="error", reason="damaged"),
        case("c", status="missing", reason="no prediction"),
        case("e", *rows(0.0, 0.0), status="missing", reason="no prediction"),
    ]


def test_the_order_is_labels_regions_mean_all_and_a_row_has_the_quantities_of_its_kind() -> None:
    found = summarise(mixed(), (DICE, COUNT, LOSS))
    assert [(s.label, s.quantity) for s in found] == [
        (1, "dice"), (1, "tp"), (2, "dice"), (2, "tp"), ("organs", "dice"), ("organs", "tp"), ("mean", "dice"),
        ("mean", "tp"), ("all", "dice"),
    ]  # fmt: skip
    assert [s.name for s in found if s.quantity == "dice"] == ["liver", "spleen", None, None, None]


def test_every_case_is_counted_once() -> None:
    found = {(s.label, s.quantity): s for s in summarise(mixed(), (DICE, COUNT))}
    assert {(s.failed, s.missing) for s in found.values()} == {(1, 2)}
    assert (found[1, "dice"].n, found[1, "dice"].undefined) == (3, 0)
    assert found[1, "dice"].mean == pytest.approx((0.9 + 0.7 + 0.0) / 3)  # the empty prediction counts
    assert (found[2, "dice"].n, found[2, "dice"].undefined) == (1, 2)  # what a case lacks is undefined there
    assert (found["mean", "dice"].n, found["mean", "dice"].undefined) == (2, 1)
    assert found[1, "tp"].max == 5.0


def test_nothing_evaluated_gives_no_statistics() -> None:
    assert summarise([], (DICE,)) == ()
    assert summarise([case("a", status="error", reason="x")], (DICE,)) == ()


# Laws


def test_the_same_input_gives_the_same_numbers_and_another_seed_another_interval() -> None:
    cases = dice_cases(np.random.default_rng(0).beta(8, 2, 60))
    assert summarise(cases, (DICE,)) == summarise(cases, (DICE,))
    assert the_only(cases).ci95 != the_only(cases, seed=1).ci95
    assert the_only(cases).mean == the_only(cases, seed=1).mean


def test_the_order_of_the_cases_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    cases = [
        case(f"c{i}", *(Row(k, None, {"dice": generator.random(), "ce": generator.random() * 9}) for k in (3, 1, "z")))
        for i in range(40)
    ]
    expected = summarise(cases, (DICE, LOSS))
    for seed in range(3):
        shuffled = random.Random(seed).sample(cases, len(cases))
        assert summarise(shuffled, (DICE, LOSS)) == expected


@given(st.lists(st.one_of(st.just(NAN), st.floats(-1e3, 1e3)), min_size=1, max_size=12))
def test_statistics_lie_where_they_must(values: list[float]) -> None:
    found = the_only(dice_cases(values), draws=40)
    assert found.n + found.undefined == len(values)
    if found.n:
        low, high = found.ci95
        slack = 1e-9
        assert (
            found.min <= found.q1 + slack <= found.median + 2 * slack <= found.q3 + 3 * slack <= found.max + 4 * slack
        )
        assert found.min <= low <= high <= found.max
        assert found.min - slack <= found.mean <= found.max + slack


def test_many_labels_in_few_cases_each_cost_what_occurs() -> None:
    cases = [case(f"c{i:04}", Row(i, None, {"dice": i / 2000})) for i in range(2000)]
    tracemalloc.start()
    found = summarise(cases, (DICE,), draws=200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(s.label, s.mean, s.n, s.undefined) for s in found] == [(i, i / 2000, 1, 1999) for i in range(2000)]
    assert peak < 200e6  # a dense table of draws × labels × cases would be 6.4 GB


def test_thousands_of_cases_of_twenty_labels_take_bounded_memory() -> None:
    keys = [f"q{i}" for i in range(34)]
    columns = [Column(key, "overlap", 1.0, 0.0) for key in keys]
    values = np.random.default_rng(0).random((20, 34)).tolist()
    rows = tuple(Row(label, None, dict(zip(keys, line, strict=True))) for label, line in enumerate(values, 1))
    cases = [case(f"c{i:05}", *rows) for i in range(2_500)]  # the rows are shared: the summary's memory is measured
    tracemalloc.start()
    found = summarise(cases, columns)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 20 * 34
    assert peak < 60e6  # all labels at once take 77 MB


# The worst cases


def mean_case(name: str, **values: float) -> CaseResult:
    return case(name, Row(1, None, values), Row("mean", None, values, dict.fromkeys(values, 1), 1))


def test_the_worst_cases_are_the_lowest_dice_ties_by_name() -> None:
    values = {"e": 0.2, "b": 0.9, "d": 0.2, "a": NAN, "c": 0.0, "f": 1.0}
    cases = [mean_case(name, dice=value, ce=1.0) for name, value in values.items()]
    assert worst_cases(cases, (LOSS, DICE), 3) == (("dice", "c", 0.0), ("dice", "d", 0.2), ("dice", "e", 0.2))
    assert len(worst_cases(cases, (LOSS, DICE))) == 5


def test_without_dice_the_first_quantity_with_a_direction_decides() -> None:
    cases = [mean_case(name, tp=0, ce=value) for name, value in (("a", 0.1), ("b", 7.0), ("c", 2.0))]
    assert worst_cases(cases, (COUNT, LOSS), 2) == (("ce", "b", 7.0), ("ce", "c", 2.0))
    assert worst_cases(cases, (COUNT,)) == ()


def test_cases_without_a_label_or_with_an_error_are_never_worst() -> None:
    cases = [case("a", Row("mean", None, {}, {}, 0)), case("b", status="error", reason="x"), mean_case("c", dice=0.5)]
    assert worst_cases(cases, (DICE,)) == (("dice", "c", 0.5),)


def test_equal_values_have_their_own_mean_and_no_spread() -> None:
    """0.1 + 0.1 + 0.1 is not 0.3 in floats, and a third of it not 0.1."""
    statistic = the_only(dice_cases([0.1, 0.1, 0.1]))
    assert (statistic.mean, statistic.sd, statistic.ci95) == (0.1, 0.0, (0.1, 0.1))

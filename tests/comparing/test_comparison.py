"""What holds for every comparison: the same bytes for the same input, and memory that is bounded."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest

from segeval.comparing.paired_reports import compare_reports
from segeval.errors import UsageError
from segeval.outputs.comparison_text import COMPARISON_OUTPUTS, ComparisonFormat
from segeval.quantities import select
from segeval.results.report import MEAN, CaseResult, Report, Row

SIGNATURE = "segeval:0.1.0|kind:labels|labels:auto|empty:nan|geometry:strict@1e-2"


def report(cases: Sequence[CaseResult], keys: Sequence[str] = ("dice",)) -> Report:
    columns = tuple(selection.column for selection in select(",".join(keys)))
    return Report(SIGNATURE, {"metrics": list(keys)}, columns, tuple(cases))


def dice_report(values: Sequence[float]) -> Report:
    return report([
        CaseResult(f"case_{i:03}", None, None, (Row(1, "liver", {"dice": v}), Row(MEAN, None, {"dice": v})))
        for i, v in enumerate(map(float, values))
    ])  # fmt: skip


def named(*reports: Report) -> dict[str, Report]:
    return dict(zip("abc", reports, strict=False))


@pytest.mark.parametrize("form", list(COMPARISON_OUTPUTS))
def test_the_same_input_gives_the_same_bytes_in_any_order_of_cases(form: ComparisonFormat) -> None:
    rng = np.random.default_rng(0)
    reports = [dice_report(rng.random(40)) for _ in range(3)]
    render = COMPARISON_OUTPUTS[form].render
    expected = render(compare_reports(named(*reports)))
    assert render(compare_reports(named(*reports))) == expected
    shuffled = [report(random.Random(i).sample(one.cases, 40)) for i, one in enumerate(reports)]
    assert render(compare_reports(named(*shuffled))) == expected


def test_another_seed_gives_another_interval_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    reports = named(*(dice_report(rng.random(40)) for _ in range(2)))
    one, other = (compare_reports(reports, seed=seed).document()["rows"][0] for seed in (0, 1))
    assert one.pop("ci95") != other.pop("ci95")
    assert one == other


def test_a_report_is_no_better_than_itself() -> None:
    same = dice_report(np.random.default_rng(0).random(20).tolist())
    found = compare_reports(named(same, same))
    row = found.document()["rows"][0]
    assert (row["difference"], row["ci95"], row["ties"], row["p"], row["p_holm"]) == (0.0, [0.0, 0.0], 20, None, None)
    assert (found.tests, found.changes) == (0, ())


def test_a_thousand_cases_of_twenty_labels_and_quantities_need_bounded_memory() -> None:
    rng = np.random.default_rng(0)
    keys = [selection.key for selection in select()[:20]]

    def made(values: np.ndarray) -> Report:
        cases = [
            CaseResult(
                f"c{i:04}", None, None,
                tuple(Row(label, None, dict(zip(keys, row, strict=True))) for label, row in enumerate(of_case, 1)),
            )
            for i, of_case in enumerate(values.tolist())
        ]  # fmt: skip
        return report(cases, keys)

    base = rng.beta(8, 2, (1000, 20, 20))
    reports = {"a": made(base), "b": made(base + rng.normal(0.001, 0.02, base.shape))}
    tracemalloc.start()
    found = compare_reports(reports)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.rows) == 400
    assert peak < 150e6


def test_the_python_call_refuses_as_the_command_does() -> None:
    with pytest.raises(UsageError, match="1 report given"):
        compare_reports({"a": dice_report([0.5])})


def two_labels(values: dict[str, tuple[float, float]]) -> Report:
    """Cases of a liver and a kidney."""
    return report([
        CaseResult(name, None, None, (
            Row(1, "liver", {"dice": liver}), Row(2, "kidney", {"dice": kidney}),
            Row(MEAN, None, {"dice": (liver + kidney) / 2}),
        ))
        for name, (liver, kidney) in values.items()
    ])  # fmt: skip


def test_of_a_case_that_changed_the_label_that_changed_most_is_named() -> None:
    """In the direction of the mean: in c the liver gained more than the kidney lost, in d nothing is left to name."""
    before = two_labels({"a": (0.9, 0.9), "b": (0.9, 0.9), "c": (0.5, 0.9), "d": (0.5, 0.5)})
    after = two_labels({"a": (0.8, 0.9), "b": (0.95, 0.6), "c": (0.9, 0.8), "d": (0.5, 0.5)})
    found = {change.case: (change.where, change.better) for change in compare_reports(named(before, after)).changes}
    assert found == {"a": ("liver", False), "b": ("kidney", False), "c": ("liver", True)}


def test_a_name_that_two_labels_bear_is_no_choice() -> None:
    rows = (Row(1, "lesion", {"dice": 0.5}), Row(2, "lesion", {"dice": 0.6}), Row(MEAN, None, {"dice": 0.55}))
    both = named(*[report([CaseResult("x", None, None, rows)])] * 2)
    with pytest.raises(UsageError, match="labels 1, 2 are all called 'lesion'; name one by its number"):
        compare_reports(both, labels="lesion")
    assert {row.label for row in compare_reports(both, labels="2,mean").rows} == {2, MEAN}

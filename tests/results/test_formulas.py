"""Formulas of a challenge's columns, and the table that they make; every value is worked out by hand."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from typing import Any

import pytest

from segeval.results.challenge_table import STATISTICS, challenge_table
from segeval.results.formulas import Together, formula
from segeval.results.report import CaseResult, Report, Row

VALUES = {"liver.dice": 0.1, "liver.nsd:tau=2": 0.9, "a.x": math.nan, "b c.x": 2.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("liver.dice", 0.1),
        ("where({liver.dice} < 0.2, 0, {liver.nsd:tau=2})", 0.0),
        ("where({liver.dice} < 0.05, 0, {liver.nsd:tau=2})", 0.9),
        ("mean({a.x}, {b c.x}, 4)", 3.0),
        ("sum({a.x}, {b c.x}, 4) - min(3, {b c.x}) * max(1, {a.x})", 4.0),
        ("1 - {b c.x} * 2 + 3 / 4", -2.25),
        ("-{b c.x} - -2", 0.0),
        ("(1 - {b c.x}) * 2", -2.0),
        ("otherwise({a.x}, 7) + otherwise({b c.x}, 7)", 9.0),
        ("where(defined({a.x}) or {b c.x} >= 2 and 1 == 1, 5, 6)", 5.0),
        ("where({a.x} != 1 or {a.x} <= 1 or {a.x} > 1, 1, 0)", 0.0),
        ("count({a.x}, 1, {b c.x})", 2.0),
        ("given({b c.x} > 1, 5) + given(defined({b c.x}), 1)", 6.0),
        ("given({b c.x} > 9, 5)", math.nan),
        ("total({b c.x} * 2) + average(1)", 5.0),
        ("abs({b c.x} - 6) / sqrt({b c.x} * 2)", 2.0),
        ("{a.x} + 1", math.nan),
        ("{b c.x} / 0", math.nan),
        ("sqrt(-{b c.x})", math.nan),
        ("mean({a.x})", math.nan),
        ("{nothing.here}", math.nan),
    ],
)
def test_a_formula_is_worked_out(text: str, value: float) -> None:
    assert formula(text)(lambda of: VALUES.get(of, math.nan)) == pytest.approx(value, nan_ok=True)


def test_a_formula_of_all_cases() -> None:
    """Names are of the pooled rows, within total and average of each case; the undefined is left out."""
    cases = [{"a.x": 1.0, "a.y": 2.0}, {"a.x": 3.0}, {"a.x": 5.0, "a.y": 10.0}]
    every = Together({"a.x": 100.0}.__getitem__, [defaultdict(lambda: math.nan, case).__getitem__ for case in cases])
    assert formula("{a.x} + total({a.x} * {a.y})")(every) == 152.0
    assert formula("sqrt(average(({a.y} - {a.x}) * ({a.y} - {a.x})) + 3)")(every) == 4.0
    assert formula("average({a.x}) + {a.x} / total(1)")(every) == pytest.approx(3 + 100 / 3)
    assert formula("largest({a.y} - {a.x}) - largest(-{a.x})")(every) == 5.0 - -1.0
    assert math.isnan(formula("total({a.z})")(every))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("foo({a.x})", "there is no function 'foo'; there are where"),
        ("where({a.x}, 2)", "where takes 3 values, not 2"),
        ("abs({a.x}, 2)", "abs takes 1 value, not 2"),
        ("total({a.x}, 2)", "total takes 1 value, not 2"),
        ("1 + {a.x", "'{a.x' cannot stand there"),
        ("{a.x} +", "ends too early"),
        ("(({a.x})", "ends too early"),
        ("{a.x} 2", "'2' cannot stand there"),
        ("__import__({a.x})", "'__import__({a.x})' cannot stand there"),
        ("-" * 9000 + "{a.x}", "has 9000 steps; at most 200"),
        ("(" * 9000 + "{a.x}", "has 9000 steps; at most 200"),
        ("{a.x}" * 90000, "at most 100000"),
    ],
)
def test_what_is_none_says_why(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        formula(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean", 3.0),
        ("sd", 2.0),
        ("population_sd", math.sqrt(8 / 3)),
        ("median", 3.0),
        ("q1", 2.0),
        ("q3", 4.0),
        ("min", 1.0),
        ("max", 5.0),
        ("sum", 9.0),
        ("count", 3.0),
    ],
)
def test_statistics_over_cases(name: str, value: float) -> None:
    assert STATISTICS[name]([5.0, 1.0, 3.0]) == pytest.approx(value)


def test_the_table_of_a_report() -> None:
    """Means leave undefined values out; a missing case costs what the protocol says, the rest is as it was scored."""
    settings: dict[str, Any] = {
        "protocol": {
            "name": "ours",
            "version": 1,
            "title": "Ours",
            "columns": {"D": "liver.dice", "V": "1.volume", "P": "100 * {liver.dice}"},
            "statistics": ["mean", "count"],
            "missing": {"D": -1.0},
        }
    }
    rows = [(0.5, 3.0), (math.nan, 5.0), (0.0, 7.0)]
    cases = tuple(
        CaseResult(
            f"c{n}", "p", "r", (Row(1, "liver", {"dice": d, "volume": v}),), status="missing" if n == 2 else "ok"
        )
        for n, (d, v) in enumerate(rows)
    )
    table = challenge_table(Report("", settings, (), cases))
    assert table is not None
    assert (table.title, table.columns) == ("Ours", ("D", "V", "P"))
    assert table.cases[0] == ("c0", [0.5, 3.0, 50.0])
    assert table.cases[1][1][1] == 5.0
    assert list(map(math.isnan, table.cases[1][1])) == [True, False, True]
    assert table.cases[2] == ("c2", [-1.0, 7.0, 0.0])
    assert table.ends == [("mean", [-0.25, 5.0, 25.0]), ("count", [2.0, 3.0, 2.0])]
    assert challenge_table(Report("", {}, (), cases)) is None

"""The rules of a gate: how they are read, and what they find in a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from segeval.errors import UsageError
from segeval.gates.grammar import (
    COUNTERS,
    EVERY,
    OPERATORS,
    STATISTICS,
    Condition,
    Measure,
    Rule,
    parse_measure,
    parse_rule,
)
from segeval.gates.rules import check_rules, needed_quantities
from segeval.quantities import select
from segeval.results.report import CaseResult, Report, Row
from segeval.results.verdict import Finding


def meaning(text: str) -> Rule:
    """The rule without how it was written."""
    return replace(parse_rule(text), text="")


DICE = (0.95, 0.9, 0.85, 0.7, 0.4)
NAN = math.nan


def case(name: str, rows: Sequence[Row]) -> CaseResult:
    return CaseResult(name, f"p/{name}", f"r/{name}", tuple(rows))


def report(values: Sequence[float] = DICE, extra: Sequence[CaseResult] = (), **others: Mapping[int, float]) -> Report:
    """A case per value: dice of label 1 (liver), of label 2 (left kidney, 0.1 more) and of the mean row."""
    cases = [
        case(
            f"case_{n}",
            [
                Row(1, "liver", {"dice": value, "focal:gamma=3": 1 - value}),
                Row(2, "left kidney", {"dice": value + 0.01, "focal:gamma=3": 1 - value}),
                Row("tumour", None, {"dice": value, "focal:gamma=3": 1 - value}),
                Row("mean", None, {"dice": value, "focal:gamma=3": 1 - value}),
                Row("all", None, {"dice": value}),
            ],
        )
        for n, value in enumerate(values)
    ]
    columns = tuple(selection.column for selection in select("dice,focal:gamma=3"))
    return Report("signature", {}, columns, (*cases, *extra), **others)  # type: ignore[arg-type]


FAILED = CaseResult("broken", "p/broken", "r/broken", status="error", reason="truncated")
MISSING = CaseResult("absent", None, "r/absent", status="missing", reason="there is no prediction")


def finding(text: str, of: Report | None = None) -> Finding:
    (found,) = check_rules(report() if of is None else of, [parse_rule(text)])
    return found


# Reading


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("mean(dice) >= 0.85", Rule("mean", Measure("mean", "dice"), Condition(">=", 0.85))),
        ("mean(liver.dice)>=85%", Rule("mean", Measure("liver", "dice"), Condition(">=", 0.85))),
        ("liver.dice > .9", Rule(EVERY, Measure("liver", "dice"), Condition(">", 0.9))),
        ("dice != 1e-3", Rule(EVERY, Measure("mean", "dice"), Condition("!=", 0.001))),
        ("all.dice == 1", Rule(EVERY, Measure("all", "dice"), Condition("==", 1))),
        ("3.dice >= 0.9", Rule(EVERY, Measure("3", "dice"), Condition(">=", 0.9))),
        ("p5(dice) >= 0.6", Rule("p5", Measure("mean", "dice"), Condition(">=", 0.6))),
        ("p97.5(1.ce) <= 2", Rule("p97.5", Measure("1", "ce"), Condition("<=", 2))),
        ("sd(focal:gamma=3) < 1", Rule("sd", Measure("mean", "focal:gamma=3"), Condition("<", 1))),
        ("count(dice < 0.5) <= 2", Rule("count", Measure("mean", "dice"), Condition("<=", 2), Condition("<", 0.5))),
        ("failed == 0", Rule("failed", None, Condition("==", 0))),
        ("missing <= 1%", Rule("missing", None, Condition("<=", 0.01))),
        ("cases >= 50", Rule("cases", None, Condition(">=", 50))),
        ("undefined(liver.dice) <= 2", Rule("undefined", Measure("liver", "dice"), Condition("<=", 2))),
        ('"left kidney".dice >= 0', Rule(EVERY, Measure("left kidney", "dice"), Condition(">=", 0))),
        (r'"a \"b\" \\".dice >= 0', Rule(EVERY, Measure('a "b" \\', "dice"), Condition(">=", 0))),
        ("liver.dice >= 0.9 , undefined  ok", Rule(EVERY, Measure("liver", "dice"), Condition(">=", 0.9), None, True)),
        ("failed.dice > 0", Rule(EVERY, Measure("failed", "dice"), Condition(">", 0))),
    ],
)
def test_every_form_is_read(text: str, rule: Rule) -> None:
    assert parse_rule(text).text == text
    assert meaning(text) == rule
    assert meaning(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "ends too early"),
        ("dice", 5, "ends too early"),
        ("dice >=", 8, "a number"),
        ("dice >= high", 9, "a number"),
        ("dice = 1", 6, "=="),
        ("mean(dice) => 1", 12, ">="),
        ("mean(dice >= 1", 15, "expected )"),
        ("avrage(dice) > 0", 1, "no statistic"),
        ("meen(dice) > 0", 1, "write mean"),
        ("p101(dice) > 0", 1, "p100"),
        ("count(dice) > 0", 1, "count(dice < 0.5)"),
        ("mean(dice > 0) > 0", 11, "only count"),
        ("mean > 0", 1, "mean(dice)"),
        ("failed == 0, undefined ok", 14, "leave 'undefined ok' out"),
        ("undefined(dice) == 0, undefined ok", 23, "leave 'undefined ok' out"),
        ("dice > 0, undefined", 11, "undefined ok"),
        ("dice > 0 and liver.dice > 0", 10, "the end"),
        ("left kidney.dice > 0", 6, "expected"),
        ("3d.dice > 0", 2, "quote"),
        ('"".dice > 0', 1, "a label has a name"),
        ("a:b=c .dice > 0", 1, "no settings"),
        ("dice > 1e999", 8, "larger than any value"),
        ('__import__("os").system("true")', 16, "cannot stand here"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_column(text: str, column: int, words: str) -> None:
    with pytest.raises(UsageError) as problem:
        parse_rule(text)
    assert f"column {column}:" in str(problem.value)
    assert words in str(problem.value)


def test_a_rule_longer_than_anybody_writes_is_refused() -> None:
    with pytest.raises(UsageError, match="1000"):
        parse_rule("(" * 100_000)


def test_a_measure_alone_is_read() -> None:
    assert parse_measure('"left kidney".dice') == Measure("left kidney", "dice")
    with pytest.raises(UsageError):
        parse_measure("mean(dice)")


NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
CONDITIONS = st.builds(Condition, st.sampled_from(sorted(OPERATORS)), NUMBERS)
LABELS = st.text(min_size=1, max_size=20).filter(lambda text: text != "mean")
MEASURES = st.builds(
    Measure,
    st.one_of(st.just("mean"), LABELS, st.integers(-99, 99).map(str)),
    st.sampled_from(["dice", "focal:gamma=3", "gdl_v:background=yes:epsilon=1e-06"]),
)
PERCENTILES = st.floats(0, 100).map(lambda share: f"p{share + 0.0!r}").filter(lambda text: "e" not in text)
RULES = st.one_of(
    st.builds(
        Rule, st.sampled_from([EVERY, "mean", "sd", "p5", "p97.5"]), MEASURES, CONDITIONS, st.none(), st.booleans()
    ),
    st.builds(Rule, st.just("count"), MEASURES, CONDITIONS, CONDITIONS, st.booleans()),
    st.builds(Rule, st.just("undefined"), MEASURES, CONDITIONS),
    st.builds(Rule, st.sampled_from(COUNTERS), st.none(), CONDITIONS),
)


@given(RULES)
def test_a_printed_rule_is_read_back(rule: Rule) -> None:
    assert meaning(str(rule)) == rule


@given(PERCENTILES)
def test_any_percentile_is_read(share: str) -> None:
    assert float(parse_rule(f"{share}(dice) > 0").statistic[1:]) == float(share[1:])


WORDS = [
    "dice",
    "liver",
    ".",
    "(",
    ")",
    ">=",
    "<",
    "0.5",
    "%",
    ",",
    "undefined ok",
    '"',
    "\\",
    "count",
    "p5",
    ":",
    "é",
    "\n",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from([*WORDS, *STATISTICS]), max_size=12).map(" ".join)))
def test_any_text_is_a_rule_or_a_usage_error(text: str) -> None:
    try:
        assert meaning(str(parse_rule(text))) == meaning(text)
    except UsageError as problem:
        assert "rule" in str(problem)


# Finding


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("mean(dice)", np.mean(DICE)),
        ("median(liver.dice)", np.median(DICE)),
        ("sd(dice)", np.std(DICE, ddof=1)),
        ("min(dice)", 0.4),
        ("max(dice)", 0.95),
        ("p5(dice)", np.percentile(DICE, 5)),
        ("p97.5(dice)", np.percentile(DICE, 97.5)),
        ("count(dice < 0.85)", 2),
        ("count(1.dice >= 0.85)", 3),
        ("undefined(dice)", 0),
        ("cases", 5),
        ("failed", 1),
        ("missing", 1),
    ],
)
def test_statistics_are_those_of_the_cases(text: str, value: float) -> None:
    whole, value = report(extra=[FAILED, MISSING]), float(value)
    assert finding(f"{text} >= {value - 1e-9!r}", whole).outcome == "pass"
    assert finding(f"{text} <= {value + 1e-9!r}", whole).outcome == "pass"
    assert finding(f"{text} > {value + 1e-9!r}", whole).outcome == "fail"
    assert finding(f"{text} < {value - 1e-9!r}", whole).outcome == "fail"


def test_without_a_statistic_every_case_must_hold_and_the_violations_are_named_worst_first() -> None:
    found = finding("liver.dice >= 0.85")
    assert found.outcome == "fail"
    assert found.worst == (("case_4", 0.4), ("case_3", 0.7))
    assert (found.label, found.quantity, found.expected) == ("liver", "dice", "every case >= 0.85")
    assert "2 of 5" in found.actual
    assert finding("liver.dice >= 0.4").outcome == "pass"
    assert finding("liver.dice <= 0.85").worst == (("case_0", 0.95), ("case_1", 0.9))


@pytest.mark.parametrize(
    ("text", "worst"),
    [
        ("count(dice < 0.85) <= 1", ["case_4", "case_3"]),
        ("count(dice >= 0.85) > 3", ["case_4", "case_3"]),
        ("count(dice >= 0.85) == 2", ["case_0", "case_1", "case_2"]),
        ("mean(dice) >= 0.9", ["case_4", "case_3", "case_2", "case_1", "case_0"]),
        ("sd(dice) < 0.1", ["case_4", "case_0", "case_1", "case_2", "case_3"]),
        ("failed == 0", ["broken"]),
        ("missing == 0", ["absent"]),
    ],
)
def test_the_cases_behind_a_violation_are_named_worst_first(text: str, worst: list[str]) -> None:
    assert [name for name, _ in finding(text, report(extra=[FAILED, MISSING])).worst] == worst


@pytest.mark.parametrize(
    "text", ["1.dice > 0", "liver.dice > 0", "2.dice > 0", '"left kidney".dice > 0', "tumour.dice > 0", "all.dice > 0"]
)
def test_a_label_goes_by_number_and_by_name(text: str) -> None:
    assert finding(text).outcome == "pass"


def test_a_quantity_goes_by_any_text_of_its_settings() -> None:
    assert finding("mean(focal:gamma=3.0) < 1").outcome == "pass"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mean(dicee) > 0", "did you mean dice"),
        ("mean(Dice) > 0", "did you mean dice"),
        ("mean(iou) > 0", "--metrics"),
        ("mean(focal:gama=3) > 0", "no setting 'gama'"),
        ("mean(focal) > 0", "focal:gamma=3"),
        ("livr.dice > 0", "did you mean liver"),
        ("Liver.dice > 0", "did you mean liver"),
        ("7.dice > 0", "it holds 1, liver, 2, left kidney, tumour, mean, all"),
        ("all.focal:gamma=3 > 0", "they have dice"),
    ],
)
def test_what_the_report_does_not_hold_is_a_usage_error_with_the_nearest(text: str, words: str) -> None:
    with pytest.raises(UsageError) as problem:
        finding(text)
    assert words in str(problem.value)


def test_a_name_of_two_labels_is_refused() -> None:
    twins = case("a", [Row(1, "kidney", {"dice": 1.0}), Row(2, "kidney", {"dice": 0.0})])
    with pytest.raises(UsageError, match="labels 1 and 2 are both called 'kidney'"):
        finding("kidney.dice > 0", report((), [twins]))


@pytest.mark.parametrize("text", ["liver.dice >= 0", "mean(dice) >= 0", "p5(dice) >= 0", "count(dice < 0) <= 2"])
def test_an_undefined_value_fails_the_rule_unless_it_says_otherwise(text: str) -> None:
    some, none = report((0.9, NAN, 0.8)), report((NAN, NAN))
    assert finding(text, some).outcome == "fail"
    assert "undefined in 1 of 3 cases" in finding(text, some).actual
    assert [name for name, _ in finding(text, some).worst] == ["case_1"]
    assert finding(f"{text}, undefined ok", some).outcome == "pass"
    assert finding(text, none).outcome == "fail"
    assert finding(f"{text}, undefined ok", none).outcome == "skipped"


def test_a_label_that_a_case_lacks_is_undefined_there() -> None:
    without = report((0.9,), [case("other", [Row("mean", None, {"dice": 1.0})])])
    assert finding("liver.dice > 0", without).outcome == "fail"
    assert finding("undefined(liver.dice) == 1", without).outcome == "pass"
    assert finding("liver.dice > 0, undefined ok", without).outcome == "pass"


def test_the_sd_of_one_case_is_undefined() -> None:
    assert finding("sd(dice) < 1", report((0.5,))).outcome == "fail"
    assert finding("sd(dice) < 1, undefined ok", report((0.5,))).outcome == "skipped"


@pytest.mark.parametrize(
    "text", ["dice >= 0", "mean(dice) >= 0, undefined ok", "count(dice < 0) <= 9", "undefined(dice) == 0"]
)
@pytest.mark.parametrize("cases", [[], [FAILED, MISSING]])
def test_a_rule_over_no_case_fails(text: str, cases: list[CaseResult]) -> None:
    found = finding(text, report((), cases))
    assert (found.outcome, found.actual) == ("fail", "no case was evaluated")


@pytest.mark.parametrize("text", ["failed == 0", "missing == 0", "cases == 0"])
def test_a_count_over_no_case_fails(text: str) -> None:
    assert finding(text, report(())).outcome == "fail"


def test_a_missing_case_that_was_scored_as_empty_counts() -> None:
    empty = CaseResult("x", None, "r/x", (Row("mean", None, {"dice": 0.0}),), status="missing")
    assert finding("min(dice) == 0", report(DICE, [empty])).outcome == "pass"
    assert finding("cases == 6", report(DICE, [empty])).outcome == "pass"


def test_the_warn_level_warns() -> None:
    (found,) = check_rules(report(), [parse_rule("mean(dice) > 0.99", "warn")])
    assert (found.level, found.outcome) == ("warn", "warn")


def test_a_value_close_to_its_limit_is_shown_on_its_side_of_it() -> None:
    assert finding("min(dice) >= 0.85", report((0.8499999,))).actual.startswith("0.8499999 ")
    assert finding("min(dice) >= 0.85", report((0.85,))).outcome == "pass"


@pytest.mark.parametrize("value", [0.1, 0.7, 0.8])
@pytest.mark.parametrize("count", [3, 6, 7])
def test_the_mean_of_equal_values_is_that_value_and_there_is_no_spread(value: float, count: int) -> None:
    of = report((value,) * count)  # a sum of seven 0.8 by seven is 0.7999999999999999
    assert finding(f"mean(dice) == {value}", of).outcome == "pass"
    assert finding("sd(dice) == 0", of).outcome == "pass"


def test_needed_quantities_are_canonical_and_once_each() -> None:
    measures = [Measure("liver", "dice"), Measure("mean", "focal:gamma=3.0"), Measure("all", "focal:gamma=3")]
    assert needed_quantities(measures) == ("dice", "focal:gamma=3")
    with pytest.raises(UsageError, match="dice"):
        needed_quantities([Measure("mean", "dicee")])

"""Baselines as files: what is written, read and refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from baselines import COLUMNS, NAN, TWO, case, compare, failed, refusal, report
from msgspec.structs import replace

from segeval.errors import UsageError
from segeval.results.report import Report


def dice_report(values: Mapping[int, Sequence[float]], key: str = "dice") -> Report:
    """A case per place of the lists, whose labels have these values."""
    count = len(next(iter(values.values())))
    return report([case(f"c{i:02}", {k: {key: float(v[i])} for k, v in values.items()}) for i in range(count)])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("dise", "hold no quantity 'dise'; did you mean dice?"),
        ("lever.dice", "there is no label 'lever' in what is compared; did you mean liver"),
        ("9.dice", "there is no label '9'"),
        ("tp", "tp has no direction that is worse; name one of dice, ce"),
        ("iou", "hold no quantity 'iou'"),
        ("liver..dice", "column"),
    ],
)
@pytest.mark.parametrize("option", ["max_drop", "max_case_drop"])
def test_a_key_that_names_nothing_is_a_usage_error(option: str, key: str, words: str, tmp_path: Path) -> None:
    message = refusal(TWO, TWO, tmp_path, of=UsageError, **{option: {key: "0"}})
    assert words in message
    assert message.startswith("--" + option.replace("_", "-"))


def test_what_may_change_is_labels_and_cases(tmp_path: Path) -> None:
    assert "--allow-changed settings: write labels or cases" in refusal(
        TWO, TWO, tmp_path, allow=["settings"], of=UsageError
    )


def test_a_baseline_without_the_quantity_that_is_asked_for(tmp_path: Path) -> None:
    before = replace(TWO, columns=COLUMNS[1:])
    words = refusal(TWO, before, tmp_path, {"dice": "0"})
    assert "--max-drop dice: the baseline holds no dice; it holds ce, tp; write it anew with --update" in words
    assert words.startswith(str(tmp_path))


# Drops


@pytest.mark.parametrize(
    ("key", "change", "outcome"),
    [("dice", -0.02, "fail"), ("dice", 0.02, "pass"), ("ce", 0.02, "fail"), ("ce", -0.02, "pass")],
)
def test_dice_falls_and_losses_rise(key: str, change: float, outcome: str, tmp_path: Path) -> None:
    before = dice_report({1: [0.5, 0.6]}, key)
    now = dice_report({1: [0.5 + change, 0.6 + change]}, key)
    (finding,) = compare(now, before, tmp_path, {f"liver.{key}": "0.01"})[0]
    assert finding.outcome == outcome
    assert finding.rule == f"{'drop' if key == 'dice' else 'rise'} of liver.{key} <= 0.01"
    assert finding.actual.endswith(f"{'worse' if outcome == 'fail' else 'better'} by 0.02")
    assert finding.expected.startswith("at least 0.54 (base" if key == "dice" else "at most 0.56 (base")


@pytest.mark.parametrize(
    ("tolerance", "outcome"), [("0.08", "pass"), ("0.0799", "fail"), ("10%", "pass"), ("9.9%", "fail"), ("0", "fail")]
)
def test_a_tolerance_includes_its_end(tolerance: str, outcome: str, tmp_path: Path) -> None:
    before, now = dice_report({1: [0.7, 0.9]}), dice_report({1: [0.62, 0.82]})
    assert compare(now, before, tmp_path, {"dice": tolerance})[0][0].outcome == outcome


def test_a_drop_just_beyond_its_tolerance_is_seen_in_the_numbers(tmp_path: Path) -> None:
    """Six digits would say: expected at least 0.75, actual 0.75."""
    before, now = dice_report({1: [0.76]}), dice_report({1: [0.75 - 2e-8]})
    (finding,) = compare(now, before, tmp_path, {"dice": "0.01"})[0]
    assert finding.outcome == "fail"
    assert finding.expected == "at least 0.75 (baseline 0.76, 1 case)"
    assert finding.actual == "0.74999998, worse by 0.01"
    (single,) = compare(dice_report({1: [0.76 - 2e-8]}), before, tmp_path, max_case_drop={"dice": "0"})[0]
    assert single.actual == "1 of 1 case worse, most c00 from 0.76 to 0.75999998"


def test_rounding_is_no_drop(tmp_path: Path) -> None:
    before, now = dice_report({1: [0.7]}), dice_report({1: [0.7 - 1e-14]})
    findings = (
        *compare(now, before, tmp_path, {"dice": "0"})[0],
        *compare(now, before, tmp_path, max_case_drop={"dice": "0"})[0],
    )
    assert [finding.outcome for finding in findings] == ["pass", "pass"]


@pytest.mark.parametrize("key", ["liver.dice", "1.dice", '"liver".dice', '"left kidney".dice', "2.dice", "mean.dice"])
def test_a_label_goes_by_number_and_by_name(key: str, tmp_path: Path) -> None:
    before = dice_report({1: [0.7], 2: [0.8]})
    assert compare(before, before, tmp_path, {key: "0"})[0][0].outcome == "pass"


def test_each_case_has_its_own_limit(tmp_path: Path) -> None:
    before, now = dice_report({1: [0.9, 0.5, 0.4]}), dice_report({1: [1.0, 0.47, 0.35]})
    (finding,) = compare(now, before, tmp_path, max_case_drop={"liver.dice": "0.04"})[0]
    assert (finding.outcome, finding.rule) == ("fail", "drop of liver.dice <= 0.04 in every case")
    assert finding.worst == (("c02", 0.35),)
    assert finding.actual == "1 of 3 cases worse, most c02 from 0.4 to 0.35"
    (relative,) = compare(now, before, tmp_path, max_case_drop={"liver.dice": "7%"})[0]
    assert [name for name, _ in relative.worst] == ["c02"]  # 6 % of 0.5 is within, 12.5 % of 0.4 is not
    assert compare(now, before, tmp_path, max_case_drop={"liver.dice": "0.05"})[0][0].outcome == "pass"


def test_the_worst_cases_are_those_that_dropped_most(tmp_path: Path) -> None:
    before = dice_report({1: [0.5] * 8})
    now = dice_report({1: [0.5, 0.1, 0.2, 0.45, 0.44, 0.43, 0.42, 0.9]})
    (finding,) = compare(now, before, tmp_path, {"dice": "0"})[0]
    assert [name for name, _ in finding.worst] == ["c01", "c02", "c06", "c05", "c04"]


# Values that appear and vanish


def test_a_value_that_became_undefined_is_a_violation(tmp_path: Path) -> None:
    before, now = dice_report({1: [0.7, 0.8]}), dice_report({1: [0.9, NAN]})
    findings, _, statistics = compare(now, before, tmp_path, {"liver.dice": "1"}, {"liver.dice": "1"})
    assert [f.outcome for f in findings] == ["fail", "fail"]
    assert all(f.worst[0][0] == "c01" and math.isnan(f.worst[0][1]) for f in findings)
    assert all("undefined or missing now in 1 case: c01" in f.actual for f in findings)
    assert statistics["became_undefined"] == 2
    assert compare(now, before, tmp_path, {"liver.dice": "1"}, significant=True)[0][0].outcome == "fail"


def test_a_missing_case_is_a_violation_and_a_failed_one_a_remark(tmp_path: Path) -> None:
    now = report([TWO.cases[0], case("b", {}, status="missing", reason="x")])
    empty = replace(now.cases[1], rows=())
    findings, _, _ = compare(replace(now, cases=(now.cases[0], empty)), TWO, tmp_path, {"dice": "1"})
    assert findings[0].outcome == "fail"
    broken = replace(empty, status="error")
    findings, remarks, statistics = compare(replace(now, cases=(now.cases[0], broken)), TWO, tmp_path, {"dice": "1"})
    assert findings[0].outcome == "pass"
    assert statistics["compared_cases"] == 1
    assert any("1 case(s) could not be evaluated and are not compared: b" in remark for remark in remarks)


def test_the_worst_value_of_all_cannot_get_worse(tmp_path: Path) -> None:
    before, now = dice_report({1: [0.0, 0.8]}), dice_report({1: [NAN, 0.8]})  # a false alarm that is gone
    findings, remarks, _ = compare(now, before, tmp_path, {"liver.dice": "0"})
    assert findings[0].outcome == "pass"
    assert any("were the worst possible in the baseline" in remark for remark in remarks)


def test_a_new_value_is_remarked(tmp_path: Path) -> None:
    before, now = dice_report({1: [NAN, 0.8]}), dice_report({1: [0.1, 0.8]})
    findings, remarks, _ = compare(now, before, tmp_path, {"liver.dice": "0"})
    assert findings[0].outcome == "pass"
    assert "were undefined in the baseline and are not compared: liver.dice in 1 case" in remarks[0]


def test_without_any_pair_what_was_asked_for_fails_and_the_rest_is_skipped(tmp_path: Path) -> None:
    nothing = dice_report({1: [NAN], 2: [0.5]})
    (asked,) = compare(nothing, nothing, tmp_path, {"liver.dice": "0"})[0]
    assert (asked.outcome, asked.actual) == ("fail", "undefined: no case has a value on both sides")
    assert [f.outcome for f in compare(nothing, nothing, tmp_path)[0]] == ["pass", "skipped", "pass"]
    assert compare(nothing, nothing, tmp_path, max_case_drop={"liver.dice": "0"})[0][0].outcome == "fail"


# Noise


def planted(seed: int) -> tuple[Report, Report]:
    """50 cases of three labels with a little noise; label 2 is worse by 0.02."""
    generator = np.random.default_rng(seed)
    before = {label: generator.uniform(0.6, 0.95, 50) for label in (1, 2, 3)}
    now = {}
    for label, values in before.items():
        noise = generator.normal(0, 0.02, 50)
        now[label] = values + noise - noise.mean() - (0.02 if label == 2 else 0)
    return dice_report(now), dice_report(before)


@pytest.mark.parametrize("seed", range(20))
def test_a_planted_regression_is_caught(seed: int, tmp_path: Path) -> None:
    now, before = planted(seed)
    keys = {"1.dice": "0.01", "2.dice": "0.01", "3.dice": "0.01"}
    for significant in (False, True):
        findings, _, statistics = compare(now, before, tmp_path, keys, significant=significant)
        assert [f.outcome for f in findings] == ["pass", "fail", "pass"]
        assert findings[1].actual.startswith(f"{np.mean([c.rows[1].values['dice'] for c in now.cases]):.6g}, worse by")
    assert (statistics["level"], statistics["draws"], statistics["seed"]) == (0.025, 10_000, 0)
    findings, _, _ = compare(now, before, tmp_path, significant=True)
    assert "significant drop of left kidney.dice <= 0" in [
        f.rule.replace('"', "") for f in findings if f.outcome == "fail"
    ]


@pytest.mark.parametrize("seed", range(20))
def test_noise_of_the_same_mean_size_is_not(seed: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(seed)
    values, noise = generator.uniform(0.4, 0.8, 50), generator.normal(0, 0.12, 50)
    before, now = dice_report({1: values}), dice_report({1: values + noise - noise.mean() - 0.02})
    (plain,) = compare(now, before, tmp_path, {"liver.dice": "0"})[0]
    (finding,) = compare(now, before, tmp_path, {"liver.dice": "0"}, significant=True)[0]
    assert (plain.outcome, finding.outcome) == ("fail", "pass")
    assert plain.actual in finding.actual
    assert "within noise" in finding.actual


def test_noise_alone_fails_as_often_as_the_level_says(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    values = generator.uniform(0.4, 0.6, (200, 50))
    before = dice_report(dict(enumerate(values, 1)))
    now = dice_report({label: row + generator.normal(0, 0.05, 50) for label, row in enumerate(values, 1)})
    findings, remarks, _ = compare(now, before, tmp_path, significant=True)
    assert 0 < len(failed(findings)) <= 12  # 200 labels at 2.5 %: 5, and 12 once in 500 times
    assert any("201 comparisons at a level of 2.5% each: noise alone may fail about 5" in remark for remark in remarks)


def test_the_bound_is_the_percentile_bootstrap_of_scipy(tmp_path: Path) -> None:
    import scipy.stats

    now, before = planted(3)
    (finding,) = compare(now, before, tmp_path, {"2.dice": "0"}, significant=True)[0]
    gains = [a.rows[1].values["dice"] - b.rows[1].values["dice"] for a, b in zip(now.cases, before.cases, strict=True)]
    high = scipy.stats.bootstrap(
        (np.array(gains),), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval.high
    bound = float(finding.actual.split("bound ")[1].rstrip(")"))
    assert bound == pytest.approx(high, abs=0.06 * float(np.std(gains)) / math.sqrt(50))


def test_the_same_input_gives_the_same_findings_in_any_order_of_cases(tmp_path: Path) -> None:
    now, before = planted(0)
    expected = compare(now, before, tmp_path, significant=True)
    assert compare(replace(now, cases=now.cases[::-1]), before, tmp_path, significant=True) == expected


def test_few_cases_are_remarked(tmp_path: Path) -> None:
    _, remarks, _ = compare(TWO, TWO, tmp_path, significant=True)
    assert any("2 paired cases show too little of the noise" in remark for remark in remarks)

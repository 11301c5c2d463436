"""Baselines: written, read back, compared; every refusal says what differs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from segeval.errors import BaselineError, SegevalError, UnreadableFile, UsageError, WriteError
from segeval.gates.baseline import Tolerance, compare_with_baseline, parse_tolerance, write_baseline
from segeval.results.report import CaseResult, Column, Report, Row
from segeval.results.verdict import Finding

NAN = math.nan
COLUMNS = (
    Column("dice", "overlap", 1.0, 0.0),
    Column("ce", "losses", 0.0, math.inf),
    Column("tp", "overlap"),
)
NAMES = {1: "liver", 2: "left kidney"}
SIGNATURE = "segeval:0.1.0|kind:labels|labels:auto|empty:nan|geometry:strict@1e-2"
Values = Mapping[int | str, Mapping[str, float]]


def case(name: str, values: Values, **more: Any) -> CaseResult:
    """Rows of these values, and the row ``mean`` over the integer labels where it is not given."""
    rows = [
        Row(label, NAMES.get(label) if isinstance(label, int) else None, dict(row)) for label, row in values.items()
    ]
    if "mean" not in values:
        keys = dict.fromkeys(key for row in rows for key in row.values)
        lists = {key: [r.values[key] for r in rows if not math.isnan(r.values.get(key, NAN))] for key in keys}
        rows.append(Row("mean", None, {k: float(np.mean(v)) if v else NAN for k, v in lists.items()}, {}, 1))
    return CaseResult(name, f"p/{name}.nii", f"r/{name}.nii", tuple(rows), **more)


def report(cases: Sequence[CaseResult], columns: Sequence[Column] = COLUMNS, signature: str = SIGNATURE) -> Report:
    return Report(signature, {"regions": {}}, tuple(columns), tuple(cases))


def dice_report(values: Mapping[int, Sequence[float]], key: str = "dice") -> Report:
    """A case per place of the lists, whose labels have these values."""
    count = len(next(iter(values.values())))
    return report([case(f"c{i:02}", {k: {key: float(v[i])} for k, v in values.items()}) for i in range(count)])


def compare(
    now: Report,
    before: Report | Path,
    tmp_path: Path,
    max_drop: Mapping[str, str] | None = None,
    max_case_drop: Mapping[str, str] | None = None,
    significant: bool = False,
    allow: Sequence[str] = (),
) -> tuple[tuple[Finding, ...], tuple[str, ...], Mapping[str, Any]]:
    path = tmp_path / "baseline.json"
    if isinstance(before, Report):
        write_baseline(before, path)
    else:
        path = before
    return compare_with_baseline(
        now,
        path,
        max_drop={key: parse_tolerance(text) for key, text in (max_drop or {}).items()},
        max_case_drop={key: parse_tolerance(text) for key, text in (max_case_drop or {}).items()},
        significant=significant,
        allow_changed=frozenset(allow),
    )


def refusal(*arguments: Any, of: type[SegevalError] = BaselineError, **named: Any) -> str:
    with pytest.raises(of) as caught:
        compare(*arguments, **named)
    return str(caught.value)


def failed(findings: Sequence[Finding]) -> list[str]:
    return [finding.rule for finding in findings if finding.outcome == "fail"]


TWO = report([case("a", {1: {"dice": 0.9, "ce": 0.1, "tp": 7}}), case("b", {1: {"dice": 0.8, "ce": 0.3, "tp": 5}})])


# Tolerances


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.01", (0.01, False)), ("1%", (0.01, True)), (" 0 ", (0.0, False)), ("2.5 %", (0.025, True))],
)
def test_a_tolerance_is_a_value_or_a_share(text: str, expected: tuple[float, bool]) -> None:
    assert parse_tolerance(text) == Tolerance(*expected)


@pytest.mark.parametrize("text", ["-0.1", "nan", "inf", "", "%", "1%%", "a lot", "-1%"])
def test_what_is_no_tolerance_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"tolerance .*: write a number of at least 0, like 0.01, or a share like 1%"):
        parse_tolerance(text)


# The file


def test_a_report_passes_its_own_baseline(tmp_path: Path) -> None:
    findings, remarks, statistics = compare(TWO, TWO, tmp_path)
    assert [(f.rule, f.outcome) for f in findings] == [
        ("drop of dice <= 0", "pass"), ("rise of ce <= 0", "pass"),
        ("drop of liver.dice <= 0", "pass"), ("rise of liver.ce <= 0", "pass"),
    ]  # fmt: skip
    assert remarks == ()
    assert statistics == {
        "baseline_version": "0.1.0", "compared_cases": 2, "comparisons": 4, "became_undefined": 0
    }  # fmt: skip


def test_the_file_is_json_of_one_line_per_case_and_label(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    hashed = case("b", {2: {"tp": 3, "dice": NAN}, 1: {"dice": 1 / 3}}, hashes=("12", "ab"))
    write_baseline(report([hashed, case('a"\n', {1: {"dice": 0.5}})]), path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[1:6] == [
        '"schema": "segeval-baseline/1",', '"version": "0.1.0",', f'"signature": "{SIGNATURE}",',
        '"quantities": ["ce", "dice", "tp"],', '"regions": {},',
    ]  # fmt: skip
    assert '{"case": "b", "label": 1, "name": "liver", "dice": 0.3333333333333333},' in lines
    assert '{"case": "b", "label": 2, "name": "left kidney", "dice": null, "tp": 3},' in lines
    document = json.loads(path.read_text(encoding="utf-8"))
    assert [(row["case"], row["label"]) for row in document["rows"]] == [
        ('a"\n', 1), ('a"\n', "mean"), ("b", 1), ("b", 2), ("b", "mean"),
    ]  # fmt: skip
    assert document["sha256"] == {"b": {"prediction": "12", "reference": "ab"}}


def test_changing_one_case_changes_its_lines_only(tmp_path: Path) -> None:
    cases = [case(f"c{i}", {1: {"dice": i / 10}, 2: {"dice": 0.5}}) for i in range(9)]
    write_baseline(report(cases), tmp_path / "old")
    changed = [case("c4", {1: {"dice": 0.77}, 2: {"dice": 0.5}}), *cases[:4], *cases[5:]]  # in another order, too
    write_baseline(report(changed, COLUMNS[::-1]), tmp_path / "new")
    old, new = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in ("old", "new"))
    differing = [line for line, other in zip(new, old, strict=True) if line != other]
    assert len(differing) == 2  # label 1 and mean
    assert all('"case": "c4"' in line for line in differing)


@pytest.mark.parametrize("status", ["error", "missing"])
def test_a_baseline_is_whole(status: Any, tmp_path: Path) -> None:
    broken = report([*TWO.cases, case("c\x1b", {}, status=status, reason="damaged")])
    with pytest.raises(BaselineError, match=rf"lack 1 of 3 cases: c\\x1b \({status}\); a baseline must be whole"):
        write_baseline(broken, tmp_path / "b.json")
    with pytest.raises(BaselineError, match="lack any case"):
        write_baseline(report([]), tmp_path / "b.json")
    with pytest.raises(BaselineError, match="hold a more than once"):
        write_baseline(report([*TWO.cases, TWO.cases[0]]), tmp_path / "b.json")
    assert list(tmp_path.iterdir()) == []


def test_a_baseline_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="cannot be written"):
        write_baseline(TWO, tmp_path / "nowhere" / "b.json")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda t: t[: len(t) // 2], "is no JSON"),
        (lambda t: t.replace("0.9,", "NaN,", 1), "it holds NaN"),
        (lambda t: "<<<<<<< HEAD\n" + t, "is no JSON"),
    ],
)
def test_what_is_no_json_is_unreadable(edit: Any, words: str, tmp_path: Path) -> None:
    write_baseline(TWO, tmp_path / "b.json")
    (tmp_path / "b.json").write_text(edit((tmp_path / "b.json").read_text(encoding="utf-8")))
    message = refusal(TWO, tmp_path / "b.json", tmp_path, of=UnreadableFile)
    assert words in message
    assert "write it anew with --update-baseline" in message


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda d: d["rows"].append(d["rows"][0]), "label 1 of case a stands there twice"),
        (lambda d: d["rows"][0].update(dice="high"), "dice in row 1 is 'high', no number"),
        (lambda d: d["rows"][0].update(dice=True), "dice in row 1 is True, no number"),
        (lambda d: d["rows"][0].update(label=[1]), "row 1 names no case and label"),
        (lambda d: d["rows"][0].pop("case"), "case"),
        (lambda d: d.pop("rows"), "it lacks rows"),
        (lambda d: d.update(sha256=[]), "items"),
        (lambda d: d.update(rows=[1]), "damaged"),
    ],
)
def test_a_damaged_baseline_is_refused(edit: Any, words: str, tmp_path: Path) -> None:
    write_baseline(TWO, tmp_path / "b.json")
    document = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    edit(document)
    (tmp_path / "b.json").write_text(json.dumps(document))
    message = refusal(TWO, tmp_path / "b.json", tmp_path)
    assert "the baseline is damaged" in message
    assert words in message


def test_another_file_is_no_baseline(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(TWO.to_json())
    assert "is of schema segeval/1 (these are results)" in refusal(TWO, tmp_path / "r.json", tmp_path)
    (tmp_path / "l.json").write_text("[]")
    assert "is of schema None" in refusal(TWO, tmp_path / "l.json", tmp_path)
    assert "none.json" in refusal(TWO, tmp_path / "none.json", tmp_path, of=UnreadableFile)


# What differs


def test_another_version_is_a_remark(tmp_path: Path) -> None:
    newer = replace(TWO, signature=SIGNATURE.replace("0.1.0", "0.2.0"))
    findings, remarks, _ = compare(newer, TWO, tmp_path)
    assert failed(findings) == []
    (remark,) = remarks
    assert remark.endswith("was written by segeval 0.1.0, the results by 0.2.0")


def test_other_settings_are_spelled_out_and_never_allowed(tmp_path: Path) -> None:
    other = replace(TWO, signature=SIGNATURE.replace("empty:nan", "empty:zero") + "|ignore:9")
    for allow in ((), ("labels", "cases")):
        message = refusal(other, TWO, tmp_path, allow=allow)
        assert "other settings: empty was nan, is zero, ignore was not given, is 9;" in message
        assert "--allow-changed" not in message


def test_other_cases_are_named_ten_of_them(tmp_path: Path) -> None:
    before = report([case(f"c{i:02}", {1: {"dice": 0.5}}) for i in range(15)])
    now = report([*before.cases[:2], case("new", {1: {"dice": 0.1}})])
    message = refusal(now, before, tmp_path)
    assert "13 case(s) only in the baseline: c02, c03, c04, c05, c06, c07, c08, c09, c10, c11 and 3 more" in message
    assert "1 case(s) only in the results: new" in message
    assert "pass --allow-changed cases" in message
    findings, remarks, statistics = compare(now, before, tmp_path, allow=["cases"])
    assert failed(findings) == []
    assert statistics["compared_cases"] == 2
    assert sum("only what is common is compared" in remark for remark in remarks) == 2


def test_nothing_in_common_is_never_compared(tmp_path: Path) -> None:
    now = report([case("z", {1: {"dice": 0.5}})])
    assert "no case is the same" in refusal(now, TWO, tmp_path, allow=["cases"])


def test_another_reference_file_is_another_case(tmp_path: Path) -> None:
    before = report([case(n, {1: {"dice": 0.9}}, hashes=("p", "r")) for n in "ab"])
    now = report([case(n, {1: {"dice": 0.5}}, hashes=("q", r)) for n, r in (("a", "other"), ("b", "r"))])
    assert "1 case(s) with another reference file (SHA-256): a" in refusal(now, before, tmp_path)
    findings, _, statistics = compare(now, before, tmp_path, allow=["cases"])
    assert statistics["compared_cases"] == 1
    assert [name for name, _ in findings[0].worst] == ["b"]


def test_other_labels_are_named_and_what_is_common_is_compared(tmp_path: Path) -> None:
    before = report([case("a", {1: {"dice": 0.9}, 2: {"dice": 0.1}, "all": {"dice": 0.4}})])
    now = report([case("a", {1: {"dice": 0.8}, 7: {"dice": 1.0}, "all": {"dice": 0.6}})])
    message = refusal(now, before, tmp_path)
    assert "1 label(s) only in the baseline: 2 left kidney; 1 label(s) only in the results: 7;" in message
    assert "pass --allow-changed labels" in message
    findings, remarks, _ = compare(now, before, tmp_path, allow=["labels"])
    assert failed(findings) == ["drop of dice <= 0", "drop of liver.dice <= 0"]
    assert findings[0].actual == "0.8, worse by 0.1"  # the mean over liver alone, not over what each side had
    assert any("averaged anew over the 1 common label(s)" in remark for remark in remarks)
    assert "no label 'all'" in refusal(now, before, tmp_path, {"all.dice": "0"}, allow=["labels"], of=UsageError)


def test_labels_that_only_the_settings_state_are_a_change_of_labels(tmp_path: Path) -> None:
    now = replace(TWO, signature=SIGNATURE.replace("labels:auto", "labels:1"))
    assert "labels was auto, is 1" in refusal(now, TWO, tmp_path)
    findings, _, _ = compare(now, TWO, tmp_path, allow=["labels"])
    assert failed(findings) == []


def test_a_label_with_another_name_and_a_region_of_other_labels_are_others(tmp_path: Path) -> None:
    rows = {1: {"dice": 0.9}, 2: {"dice": 0.9}, "organs": {"dice": 0.9}}
    before = replace(report([case("a", rows)]), settings={"regions": {"organs": [1, 2]}})
    now = replace(before, settings={"regions": {"organs": "*"}})
    renamed = [replace(row, name="spleen") if row.label == 1 else row for row in now.cases[0].rows]
    now = replace(now, cases=(replace(now.cases[0], rows=tuple(renamed)),))
    message = refusal(now, before, tmp_path)
    assert "1 label(s) with another name: 1 was liver, is spleen" in message
    assert "1 region(s) of other labels: organs was 1+2, is *" in message
    findings, _, _ = compare(now, before, tmp_path, allow=["labels"])
    assert [f.label for f in findings] == ["mean", "left kidney"]


def test_other_quantities_are_remarked(tmp_path: Path) -> None:
    now = replace(TWO, columns=COLUMNS[:1])
    findings, remarks, _ = compare(now, TWO, tmp_path)
    assert {f.quantity for f in findings} == {"dice"}
    assert remarks[0].endswith("not compared, because the results lack them: ce, tp")


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

"""Baselines: written, read back, compared; every refusal says what differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from baselines import COLUMNS, NAN, SIGNATURE, TWO, case, compare, failed, refusal, report
from msgspec.structs import replace

from segeval.errors import BaselineError, UnreadableFile, UsageError, WriteError
from segeval.gates.baseline import Tolerance, parse_tolerance, write_baseline

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
        (lambda d: d.pop("rows"), "missing required field `rows`"),
        (lambda d: d.update(author="me"), "unknown field `author`"),
        (lambda d: d.update(sha256=[]), "Expected `object`, got `array` - at `$.sha256`"),
        (lambda d: d.update(sha256={"a": {"prediction": "12"}}), "reference"),
        (lambda d: d.update(signature=5), "Expected `str`, got `int` - at `$.signature`"),
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

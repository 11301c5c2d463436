"""`segeval check` end to end: every exit code, every output, configuration files, a job on GitHub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from checks import ODD, Folders, Segeval, changed, junit_of


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration and no GitHub from outside."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


# Exit codes


@pytest.mark.parametrize(
    "rule",
    [
        "mean(dice) >= 0.85",
        "2.dice == 100%",
        "1.dice >= 0.57",
        "p5(1.dice) > 0.5",
        "count(1.dice < 0.8) <= 2",
        "failed == 0",
        "missing == 0",
        "cases == 4",
        "undefined(1.dice) == 0",
        "all.dice > 0.5",
        "median(1.dice) > 0.8",
        "sd(2.dice) == 0",
        "min(1.dice) > 0.57",
        "max(1.dice) <= 1",
        "p97.5(1.dice) <= 1",
        "dice != 0",
        "1.dice > 1e-1",
        "2.precision >= 1, undefined ok",
    ],
)
def test_a_rule_that_holds_passes(rule: str, results: Path, segeval: Segeval) -> None:
    run = segeval("check", results, "--require", rule)
    assert run.code == 0, run.err
    assert run.out.splitlines()[2].startswith("PASS   " + rule)
    assert run.out.startswith("gate passed: 1 of 1 rule\n")


@pytest.mark.parametrize(
    "rule",
    [
        "mean(1.dice) >= 0.85",
        "1.dice >= 0.9",
        "p5(1.dice) > 0.9",
        "count(1.dice < 0.8) < 2",
        "failed > 0",
        "missing > 0",
        "cases == 5",
        "undefined(1.dice) > 0",
        "2.dice < 1",
    ],
)
def test_a_rule_that_does_not_hold_fails_the_gate(rule: str, results: Path, segeval: Segeval) -> None:
    run = segeval("check", results, "--require", rule)
    assert run.code == 1
    assert "FAIL   " + rule in run.out
    assert "gate FAILED: 1 of 1 rule" in run.out
    assert segeval("check", results, "--warn", rule).code == 0


def test_a_failed_rule_shows_expected_actual_and_the_worst_cases_within_80_columns(
    results: Path, segeval: Segeval
) -> None:
    run = segeval(
        "check", results, "--require", "1.dice >= 0.9", "--require", "mean(dice) > 0.5", "--warn", "2.dice < 1"
    )
    assert run.code == 1
    assert run.out.splitlines() == [
        "gate FAILED: 1 of 3 rules, 1 warning",
        "       rule              expected           actual",
        "FAIL   1.dice >= 0.9     every case >= 0.9  3 of 4 cases not, worst 0.5714",
        "         0.5714  case_3",
        "         0.7500  case_2",
        f"         0.8889  {ODD}",
        "PASS   mean(dice) > 0.5  > 0.5              0.9013 over 4 cases",
        "WARN   2.dice < 1        every case < 1     4 of 4 cases not, worst 1",
        "         1.0000  case_0",
        f"         1.0000  {ODD}",
        "         1.0000  case_2",
        "         1.0000  case_3",
    ]
    assert "\x1b" not in run.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "nothing to check"),
        (("--require", "mean(dice) => 1"), "column 12"),
        (("--require", "dicee > 0"), "did you mean dice"),
        (("--require", "iou > 0"), "--metrics"),
        (("--require", "7.dice > 0"), "it holds 1, 2, mean, all"),
        (("--require", "dice > 0", "--metrics", "iou"), "scored already"),
        (("--require", "dice > 0", "--tolerate-errors", "-1"), "tolerate-errors"),
        (("--require", "dice > 0", "--format", "csv"), "--format"),
        (("--require", "dice > 0", "--config", "absent.toml"), "absent.toml"),
        (("--require", "dice > 0", "--max-drop", "dice=0.1"), "--baseline"),
        (("--baseline", "b.json", "--max-drop", "dice"), "dice=0.01"),
        (("--baseline", "b.json", "--max-drop", "dice=0.1", "--max-drop", "dice=0.2"), "twice"),
        (("--baseline", "b.json", "--allow-changed", "label"), "labels and cases"),
        (("--require", "dice > 0", "--update-baseline"), "--baseline"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    options: tuple[str, ...], words: str, results: Path, segeval: Segeval
) -> None:
    run = segeval("check", results, *options)
    assert run.code == 2
    assert words in run.err
    assert run.out == ""


def test_a_single_folder_is_a_usage_error(folders: Folders, segeval: Segeval) -> None:
    run = segeval("check", folders[0], "--require", "dice > 0")
    assert run.code == 2
    assert "folder of references" in run.err


def test_an_output_may_not_replace_an_input_or_another(results: Path, segeval: Segeval) -> None:
    for options in (("--junit", results), ("--junit", "a.xml", "--markdown", "a.xml")):
        run = segeval("check", results, "--require", "dice > 0", *options)
        assert run.code == 2
        assert "overwritten" in run.err
    assert segeval("check", results, "--require", "dice > 0", "--junit", "absent/a.xml").code == 3


def test_a_case_that_could_not_be_evaluated_is_an_error_and_wins_over_a_failure(broken: Path, segeval: Segeval) -> None:
    for rule in ("mean(dice) > 0.5", "mean(dice) > 1", "failed == 0"):
        run = segeval("check", broken, "--require", rule)
        assert run.code == 3
        assert "ERROR  evaluation [case_3]" in run.out
        assert "gate ERROR: 1 case could not be evaluated" in run.out


def test_some_errors_may_be_tolerated(broken: Path, segeval: Segeval) -> None:
    run = segeval("check", broken, "--require", "mean(dice) > 0.5", "--tolerate-errors", "1")
    assert run.code == 0
    assert "WARN   evaluation [case_3]" in run.out
    assert segeval("check", broken, "--require", "mean(dice) > 1", "--tolerate-errors", "1").code == 1
    assert segeval("check", broken, "--require", "failed == 0", "--tolerate-errors", "1").code == 1


@pytest.mark.parametrize("content", ["rubbish", "{}", '{"schema": "segeval/1"}'])
def test_an_unreadable_report_cannot_be_evaluated(content: str, tmp_path: Path, segeval: Segeval) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    assert segeval("check", path, "--require", "dice > 0").code == 3
    assert segeval("check", tmp_path / "absent.json", "--require", "dice > 0").code == 3


def test_a_bug_is_neither_a_pass_nor_a_failed_gate(
    results: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("segeval.gates.judgement.judge", broken)
    assert segeval("check", results, "--require", "dice > 0").code == 4


def test_a_reference_without_a_prediction_is_told(results: Path, segeval: Segeval) -> None:
    def lose(document: Any) -> None:
        document["cases"][0] |= {"prediction": None, "status": "missing", "reason": "none", "rows": []}

    path = changed(results, "missing.json", lose)
    run = segeval("check", path, "--require", "dice > 0.5")
    assert run.code == 0
    assert "remark: 1 reference has no prediction" in run.out
    assert segeval("check", path, "--require", "missing == 0").code == 1


def test_undefined_values_fail_unless_the_rule_says_otherwise(results: Path, segeval: Segeval) -> None:
    def forget(document: Any) -> None:
        document["cases"][2]["rows"][0]["dice"] = None

    path = changed(results, "undefined.json", forget)
    assert segeval("check", path, "--require", "mean(1.dice) > 0").code == 1
    run = segeval("check", path, "--require", "mean(1.dice) > 0", "--format", "json")
    assert run.json["results"][0]["worst"] == [["case_2", None]]
    assert segeval("check", path, "--require", "mean(1.dice) > 0, undefined ok").code == 0


# Two folders


def test_two_folders_are_scored_first_with_what_the_rules_need(folders: Folders, segeval: Segeval) -> None:
    rules = ("--require", "mean(focal:gamma=3) < 2", "--require", "1.iou > 0.1")
    run = segeval("check", *folders, *rules, "--metrics", "dice", "--labels", "1")
    assert run.code == 0, run.err
    assert segeval("check", *folders, "--require", "2.dice > 0", "--labels", "1").code == 2
    assert segeval("check", *folders, "--require", "1.dice > 0.9").code == 1
    assert segeval("check", *folders, "--require", "dicee > 0").code == 2


def test_a_folder_without_a_partner_cannot_be_evaluated(folders: Folders, segeval: Segeval) -> None:
    (folders[0] / "case_2.nii.gz").unlink()
    run = segeval("check", *folders, "--require", "dice > 0")
    assert run.code == 3
    assert "case_2" in run.err


# Outputs


def test_json_holds_every_finding(results: Path, segeval: Segeval) -> None:
    run = segeval("check", results, "--require", "1.dice >= 0.6", "--warn", "mean(dice) > 1", "--format", "json")
    assert run.code == 1
    assert run.json["success"] is False
    first, second = run.json["results"]
    assert first == {
        "rule": "1.dice >= 0.6",
        "level": "fail",
        "outcome": "fail",
        "label": "1",
        "quantity": "dice",
        "case": None,
        "expected": "every case >= 0.6",
        "actual": "1 of 4 cases not, worst 0.5714",
        "worst": [["case_3", 4 / 7]],
    }
    assert second["outcome"] == "warn"
    assert run.json["statistics"]["outcomes"] == {"pass": 0, "fail": 1, "warn": 1, "error": 0, "skipped": 0}
    assert run.json["statistics"]["cases"] == {"evaluated": 4, "failed": 0, "missing": 0}
    assert run.json["remarks"] == []


def test_junit_has_failures_errors_and_what_was_skipped(broken: Path, segeval: Segeval) -> None:
    def forget(document: Any) -> None:
        for entry in document["cases"]:
            for row in entry["rows"]:
                row["dice"] = None if row["label"] == 2 else row["dice"]

    path = changed(broken, "all.json", forget)
    rules = ("1.dice >= 0.9", "2.dice >= 0.9, undefined ok", "mean(dice) > 0.1", "failed == 1")
    run = segeval(
        "check",
        path,
        *(part for rule in rules for part in ("--require", rule)),
        "--warn",
        "dice > 2",
        "--junit",
        "j.xml",
    )
    assert run.code == 3
    suite = junit_of(Path("j.xml"))
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "1", "errors": "1", "skipped": "1"}
    found = {c.get("name"): (c.get("classname"), [part.tag for part in c]) for c in suite.iter("testcase")}
    assert found == {
        "1.dice >= 0.9": ("1", ["failure"]),
        "2.dice >= 0.9, undefined ok": ("2", ["skipped"]),
        "mean(dice) > 0.1": ("mean", []),
        "failed == 1": ("cases", []),
        "dice > 2": ("mean", []),
        "evaluation [case_3]": ("cases", ["error"]),
    }
    (failure,) = suite.iter("failure")
    assert "expected every case >= 0.9, actual 2 of 3 cases not" in str(failure.get("message"))
    assert f"0.8889  {ODD}" in str(failure.text)
    assert "WARN dice > 2" in str(suite.findtext("system-out"))

"""`segeval check` end to end: every exit code, every output, configuration files, a job on GitHub."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import nibabel
import numpy as np
import pytest
import xmlschema

Segeval = Callable[..., Any]
Folders = tuple[Path, Path]

JUNIT_XSD = Path(__file__).parents[1] / "junit.xsd"
ODD = "case_1 & <b>é"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration and no GitHub from outside."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Four cases of labels 1 and 2, by hand: Dice of label 1 is 1, 8/9, 3/4 and 4/7, label 2 is perfect."""
    for number in range(4):
        reference = np.zeros((5, 4, 3), np.uint8)
        reference[0, :, 0] = reference[1, :1, 0] = 1
        reference[4] = 2
        prediction = reference.copy()
        prediction.ravel()[np.flatnonzero(reference == 1)[:number]] = 0
        for side, array in (("ours", prediction), ("theirs", reference)):
            path = tmp_path / side / f"{ODD if number == 1 else f'case_{number}'}.nii.gz"
            path.parent.mkdir(exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0])), path)
    return tmp_path / "ours", tmp_path / "theirs"


@pytest.fixture
def results(folders: Folders, tmp_path: Path, segeval: Segeval) -> Path:
    path = tmp_path / "results.json"
    assert segeval("batch", *folders, "--metrics", "dice,precision", "-o", path).code == 0
    return path


@pytest.fixture
def broken(folders: Folders, tmp_path: Path, segeval: Segeval) -> Path:
    """The same, and a case that cannot be evaluated."""
    (folders[0] / "case_3.nii.gz").write_bytes(b"rubbish")
    path = tmp_path / "broken.json"
    assert segeval("batch", *folders, "--metrics", "dice", "-o", path).code == 3
    return path


def changed(results: Path, name: str, change: Callable[[Any], None]) -> Path:
    document = json.loads(results.read_text("utf-8"))
    change(document)
    path = results.with_name(name)
    path.write_text(json.dumps(document), "utf-8")
    return path


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


def junit_of(path: Path) -> ET.Element:
    """The suite of a JUnit file that its schema accepts."""
    xmlschema.XMLSchema(JUNIT_XSD).validate(path)
    (suite,) = ET.parse(path).getroot()  # noqa: S314 (segeval's own)
    return suite


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


@pytest.mark.parametrize("name", ["a\x00b\x1b[31m", "half \ud83d", "\ufffe", "]]>", "<&\">'", "\n::error::x", "  "])
def test_any_name_makes_valid_outputs(
    name: str, results: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(document: Any) -> None:
        document["cases"][3]["case"] = document["cases"][3]["rows"][0]["name"] = name
        document["cases"][2] |= {"case": name + "2", "status": "error", "reason": name, "rows": []}

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    path = changed(results, "named.json", rename)
    rule = '"' + name.replace('"', r"\"") + '".dice >= 0.9'
    run = segeval("check", path, "--require", rule, "--junit", "j.xml", "--markdown", "m.md")
    assert run.code == 3, run.err
    suite = junit_of(Path("j.xml"))
    assert suite.get("failures") == suite.get("errors") == "1"
    assert [line[:8] for line in run.out.splitlines() if line.lstrip().startswith("::")] == ["::error ", "::error "]
    assert "\x1b" not in run.out + Path("m.md").read_text("utf-8")


def test_markdown_says_what_is_wrong_first(results: Path, segeval: Segeval) -> None:
    segeval("check", results, "--require", "mean(dice) > 0.5", "--require", "1.dice >= 0.6", "--markdown", "m.md")
    assert Path("m.md").read_text("utf-8").splitlines() == [
        "## segeval: gate FAILED: 1 of 2 rules",
        "",
        "| | rule | expected | actual |",
        "| --- | --- | --- | --- |",
        r"| FAIL | 1.dice \>= 0.6 | every case \>= 0.6 | 1 of 4 cases not, worst 0.5714 |",
        r"| PASS | mean(dice) \> 0.5 | \> 0.5 | 0.9013 over 4 cases |",
        "",
        r"Worst cases of 1.dice \>= 0.6:",
        "",
        r"- 0.5714  case\_3",
    ]


def test_a_job_on_github_gets_a_summary_and_at_most_ten_annotations(
    results: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("before\n")
    rules = [part for n in range(12) for part in ("--require", f"dice >= {100 + n}%, undefined ok")]
    run = segeval("check", results, *rules, "--warn", "1.dice > 1")
    assert run.code == 1
    lines = [line for line in run.out.splitlines() if line.startswith("::")]
    assert len(lines) == 10
    assert lines[0].startswith(
        "::error title=segeval%3A dice >= 100%25%2C undefined ok::expected every case >= 1, actual"
    )
    assert "4 more" in lines[-1]
    text = Path("summary.md").read_text("utf-8")
    assert text.startswith("before\n## segeval: gate FAILED: 12 of 13 rules")
    quiet = segeval("check", results, "--warn", "1.dice > 1", "--format", "json")
    assert quiet.json["success"] is True
    assert quiet.err.startswith("::warning title=segeval%3A 1.dice > 1::")


def test_a_summary_stays_within_a_mebibyte_and_says_so(
    results: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_bytes(b"x" * ((1 << 20) - 500))
    assert segeval("check", results, *["--require", "dice > 0.5"] * 20).code == 0
    content = Path("summary.md").read_bytes()
    assert len(content) <= 1 << 20
    assert b"cut here" in content[-200:]


def test_a_summary_that_cannot_be_written_costs_no_verdict(
    results: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "absent/summary.md")
    run = segeval("check", results, "--require", "dice > 0.5")
    assert run.code == 0
    assert "GITHUB_STEP_SUMMARY" in run.err


# Configuration


def test_rules_come_from_segeval_toml_before_pyproject_toml(results: Path, segeval: Segeval) -> None:
    Path("pyproject.toml").write_text('[tool.segeval.check]\nrequire = ["mean(dice) > 1"]\n[tool.other]\nx = 1\n')
    run = segeval("check", results)
    assert (run.code, "mean(dice) > 1" in run.out) == (1, True)
    Path("segeval.toml").write_text('[check]\nrequire = ["mean(dice) > 0.5"]\nwarn = ["1.dice > 1"]\n')
    run = segeval("check", results)
    assert run.code == 0
    assert "gate passed: 1 of 2 rules, 1 warning" in run.out
    assert segeval("check", results, "--require", "mean(dice) > 1").code == 1
    assert segeval("check", results, "--config", "pyproject.toml").code == 1


def test_errors_that_a_file_tolerates_can_be_refused(broken: Path, segeval: Segeval) -> None:
    Path("segeval.toml").write_text('[check]\nrequire = ["mean(dice) > 0.5"]\ntolerate_errors = 1\n')
    assert segeval("check", broken).code == 0
    assert segeval("check", broken, "--tolerate-errors", "0").code == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[check]\nrequires = []", "did you mean require?"),
        ("[chekc]", "did you mean check?"),
        ("check = 1", "[check]"),
        ("[check]\nrequire = 'dice > 0'", "a list of rules"),
        ("[check]\nrequire = ['dice >']", "column 7"),
        ("[check]\nsignificant = 1", "true or false"),
        ("[check]\ntolerate_errors = -1", "at least 0"),
        ("[check]\nmax_drop = 0.01", "a table"),
        ("[check]\nallow_changed = ['label']", "labels and cases"),
        ("[check]\nbaseline = 1", "the path"),
        ("[check", "no TOML"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_a_usage_error(
    text: str, words: str, results: Path, segeval: Segeval
) -> None:
    Path("segeval.toml").write_text(text)
    run = segeval("check", results)
    assert run.code == 2
    assert "segeval.toml" in run.err
    assert words in run.err


# Baseline


def test_the_baseline_gets_what_file_and_command_line_say_together(
    results: Path, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    stand_in = ModuleType("baseline")

    def compare(report: Any, baseline: Path, **options: Any) -> Any:
        asked.update(options, baseline=baseline, cases=len(report.cases))
        return (), ("another version",), {"seed": 0}

    stand_in.__dict__.update(
        compare_with_baseline=compare, parse_tolerance=lambda text: SimpleNamespace(text=text), write_baseline=None
    )
    monkeypatch.setitem(sys.modules, "segeval.gates.baseline", stand_in)
    Path("conf").mkdir()
    Path("conf/segeval.toml").write_text(
        '[check]\nbaseline = "b.json"\nmax_drop = {dice = "1%", iou = 0.5}\n'
        'significant = true\nallow_changed = ["cases"]\n'
    )
    options = ("--max-drop", "dice=0.02", "--max-case-drop", "focal:gamma=3=0.1", "--allow-changed", "labels,cases")
    run = segeval("check", results, "--config", "conf/segeval.toml", *options, "--format", "json")
    assert run.code == 0, run.err
    assert run.json["remarks"] == ["another version"]
    assert run.json["statistics"]["seed"] == 0
    assert asked["baseline"] == Path("conf/b.json")
    assert {key: tolerance.text for key, tolerance in asked["max_drop"].items()} == {"dice": "0.02", "iou": "0.5"}
    assert {key: tolerance.text for key, tolerance in asked["max_case_drop"].items()} == {"focal:gamma=3": "0.1"}
    assert (asked["significant"], asked["allow_changed"]) == (True, {"labels", "cases"})
    segeval("check", results, "--config", "conf/segeval.toml", "--any-drop", "--baseline", "other.json")
    assert (asked["significant"], asked["baseline"]) == (False, Path("other.json"))


def test_a_baseline_is_written_and_then_compared_with(results: Path, segeval: Segeval) -> None:
    run = segeval("check", results, "--baseline", "b.json", "--update-baseline")
    assert run.code == 0, run.err
    assert "b.json: written" in run.err
    assert run.out == "gate passed: there was no rule, and nothing was compared\n"
    run = segeval("check", results, "--baseline", "b.json", "--max-drop", "dice=0.01")
    assert run.code == 0, run.err + run.out


def test_a_gate_that_fails_writes_no_baseline(results: Path, segeval: Segeval) -> None:
    run = segeval("check", results, "--baseline", "b.json", "--update-baseline", "--require", "dice > 1")
    assert run.code == 1
    assert "not written" in run.err
    assert not Path("b.json").exists()


# What a log shows


@pytest.mark.parametrize("form", ["json", "table"])
def test_what_failed_is_on_stderr_where_stdout_is_a_file(form: str, results: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segeval", "check", results, "--require", "failed > 0", "--require", "cases == 4"]
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run([*command, "-f", form], stdout=out, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "segeval: gate FAILED: 1 of 2 rules\n"
        "segeval: failed > 0: expected > 0, actual 0 of 4 cases\n"
    )  # fmt: skip


def test_words_in_a_pipe_are_read_and_not_said_again(results: Path) -> None:
    """A CI's log is a pipe."""
    command = [sys.executable, "-m", "segeval", "check", results, "--require", "failed > 0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert "gate FAILED: 1 of 1 rule" in done.stdout

"""`segeval check`: folders, configuration, outputs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from checks import Segeval, changed, junit_of


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration and no GitHub from outside."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


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

"""`segeval check --baseline` through the command line: what is caught, what is noise, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.results.report import CaseResult, Report, Row
from segeval.settings import Settings
from segeval.targets import LabelChoice

Segeval = Callable[..., Any]
CASES = 50
DICE = Settings(metrics="dice")


@pytest.fixture(autouse=True)
def not_on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def write(path: Path, values: NDArray[Any], settings: Settings = DICE, first: int = 0) -> Path:
    """A report whose case ``c<i>`` has these Dice values, shape (cases, labels)."""
    cases = []
    for number, line in enumerate(values, first):
        rows = [Row(label, None, {"dice": float(dice)}) for label, dice in enumerate(line, 1)]
        rows.append(Row("mean", None, {"dice": float(line.mean())}, {"dice": len(line)}))
        cases.append(CaseResult(f"c{number:02}", "p.nii", "r.nii", tuple(rows), kind="labels"))
    columns = tuple(selection.column for selection in settings.selections)
    report = Report(settings.signature("labels"), settings.document(), columns, tuple(cases), summary=())
    path.write_text(report.to_json(), "utf-8")
    return path


@pytest.fixture
def before() -> NDArray[np.float64]:
    return np.random.default_rng(1).uniform(0.4, 0.8, (CASES, 3))


@pytest.fixture
def baseline(before: NDArray[np.float64], tmp_path: Path, segeval: Segeval) -> Path:
    path = tmp_path / "baseline.json"
    results = write(tmp_path / "before.json", before)
    assert segeval("check", results, "--baseline", path, "--update-baseline").code == 0
    return path


def test_a_planted_regression_of_one_label_is_caught(
    before: NDArray[np.float64], baseline: Path, tmp_path: Path, segeval: Segeval
) -> None:
    now = before.copy()
    now[:, 1] -= 0.02
    results = write(tmp_path / "now.json", now)
    for extra in ((), ("--significant",)):
        run = segeval("check", results, "--baseline", baseline, "--max-drop", "2.dice=0.01", *extra)
        assert run.code == 1
        assert "FAIL" in run.out
        assert segeval("check", results, "--baseline", baseline, "--max-drop", "1.dice=0.01", *extra).code == 0


def test_noise_of_the_same_mean_size_is_no_regression_where_significance_is_asked_for(
    before: NDArray[np.float64], baseline: Path, tmp_path: Path, segeval: Segeval
) -> None:
    noise = np.random.default_rng(2).normal(0, 0.12, CASES)
    now = before.copy()
    now[:, 1] += noise - noise.mean() - 0.02
    results = write(tmp_path / "now.json", now)
    options = ("check", results, "--baseline", baseline, "--max-drop", "2.dice=0")
    assert segeval(*options).code == 1
    run = segeval(*options, "--significant", "--format", "json")
    assert run.code == 0
    assert run.json["statistics"]["level"] == 0.025
    assert "seed" in run.json["statistics"]


def test_one_case_that_fell_is_caught_per_case(
    before: NDArray[np.float64], baseline: Path, tmp_path: Path, segeval: Segeval
) -> None:
    now = before.copy()
    now[7, 0] -= 0.2
    results = write(tmp_path / "now.json", now)
    assert segeval("check", results, "--baseline", baseline, "--max-drop", "1.dice=1%").code == 0
    run = segeval("check", results, "--baseline", baseline, "--max-case-drop", "1.dice=0.1")
    assert run.code == 1
    assert "c07" in run.out


def test_another_signature_is_refused_with_the_difference(
    before: NDArray[np.float64], baseline: Path, tmp_path: Path, segeval: Segeval
) -> None:
    other = Settings(metrics="dice", empty="one")
    run = segeval("check", write(tmp_path / "now.json", before, other), "--baseline", baseline)
    assert run.code == 3
    assert run.out == ""
    assert "empty was nan, is one" in run.err


def test_other_cases_are_refused_unless_allowed(
    before: NDArray[np.float64], baseline: Path, tmp_path: Path, segeval: Segeval
) -> None:
    results = write(tmp_path / "now.json", before[1:], first=1)
    run = segeval("check", results, "--baseline", baseline)
    assert run.code == 3
    assert "c00" in run.err
    assert "--allow-changed cases" in run.err
    assert segeval("check", results, "--baseline", baseline, "--allow-changed", "cases").code == 0


def test_other_labels_are_refused_unless_allowed(
    before: NDArray[np.float64], baseline: Path, tmp_path: Path, segeval: Segeval
) -> None:
    two = Settings(metrics="dice", labels=LabelChoice.of((1, 2)))
    results = write(tmp_path / "now.json", before[:, :2], two)
    run = segeval("check", results, "--baseline", baseline)
    assert run.code == 3
    assert "--allow-changed labels" in run.err
    assert segeval("check", results, "--baseline", baseline, "--allow-changed", "labels").code == 0


def test_another_version_is_a_warning(
    before: NDArray[np.float64], baseline: Path, tmp_path: Path, segeval: Segeval
) -> None:
    from segeval.version import __version__

    baseline.write_text(baseline.read_text("utf-8").replace(__version__, "0.0.9"), "utf-8")
    run = segeval("check", write(tmp_path / "now.json", before), "--baseline", baseline)
    assert run.code == 0
    assert "0.0.9" in run.out


@pytest.mark.parametrize("content", ["", "{}", "[]", "rubbish", '{"schema": "segeval-baseline/1"}'])
def test_a_damaged_baseline_is_refused(
    content: str, before: NDArray[np.float64], tmp_path: Path, segeval: Segeval
) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(content, "utf-8")
    run = segeval("check", write(tmp_path / "now.json", before), "--baseline", path)
    assert run.code == 3
    assert str(path) in run.err
    assert run.out == ""
    assert len(run.err.splitlines()) == 1


def test_a_baseline_that_is_not_there_is_refused(before: NDArray[np.float64], tmp_path: Path, segeval: Segeval) -> None:
    run = segeval("check", write(tmp_path / "now.json", before), "--baseline", tmp_path / "absent.json")
    assert run.code == 3
    assert "absent.json" in run.err


def test_a_baseline_with_failed_cases_is_not_written(
    before: NDArray[np.float64], tmp_path: Path, segeval: Segeval
) -> None:
    results = write(tmp_path / "now.json", before)
    document = json.loads(results.read_text("utf-8"))
    document["cases"][3] |= {"status": "error", "reason": "x.nii: is empty", "rows": []}
    results.write_text(json.dumps(document), "utf-8")
    path = tmp_path / "new.json"
    run = segeval("check", results, "--baseline", path, "--update-baseline", "--tolerate-errors", "1")
    assert run.code == 3
    assert "c03" in run.err
    assert not path.exists()


def test_an_updated_baseline_differs_in_the_lines_of_the_changed_case(
    before: NDArray[np.float64], baseline: Path, tmp_path: Path, segeval: Segeval
) -> None:
    old = baseline.read_text("utf-8").splitlines()
    now = before.copy()
    now[4, 2] = 0.5
    assert segeval("check", write(tmp_path / "now.json", now), "--baseline", baseline, "--update-baseline").code == 0
    new = baseline.read_text("utf-8").splitlines()
    assert len(old) == len(new)
    assert 1 <= sum(a != b for a, b in zip(old, new, strict=True)) <= 2

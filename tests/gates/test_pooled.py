"""Rules over all cases together: the pooled rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from detection_maps import thirty_cases

from segeval.errors import UsageError
from segeval.gates.grammar import parse_rule
from segeval.gates.rules import check_rules
from segeval.quantities import select
from segeval.results.report import CaseResult, Report, Row

Run = Callable[..., Any]
Nifti = Callable[..., Path]

COLUMNS = tuple(selection.column for selection in select("dice,lesion_ap"))
ROWS = (
    Row(1, "lesion", {"dice": 0.7, "lesion_ap": 0.625}),
    Row("mean", None, {"dice": 0.7, "lesion_ap": float("nan")}),
)
REPORT = Report("s", {}, COLUMNS, (CaseResult("a", None, "r", (Row(1, "lesion", {"dice": 0.2}),)),), pooled=ROWS)


@pytest.mark.parametrize(
    ("rule", "outcome", "actual"),
    [
        ("pooled(lesion.lesion_ap) >= 0.625", "pass", "0.625 over all cases together"),
        ("pooled(1.lesion_ap) > 0.625", "fail", "0.625 over all cases together"),
        ("pooled(dice) >= 0.7", "pass", "0.7 over all cases together"),
        ("pooled(lesion_ap) >= 0.1", "fail", "undefined over all cases together"),
        ("pooled(lesion_ap) >= 0.1, undefined ok", "skipped", "undefined over all cases together"),
    ],
)
def test_a_rule_speaks_of_the_pooled_row(rule: str, outcome: str, actual: str) -> None:
    (finding,) = check_rules(REPORT, [parse_rule(rule)])
    assert (finding.outcome, finding.actual) == (outcome, actual)
    assert str(parse_rule(rule)) == rule


def test_a_pooled_row_goes_by_its_number_before_any_name() -> None:
    names = {1: "3", 2: "mean", 3: "lesion", 4: "lesion", "mean": None}
    rows = tuple(Row(label, name, {"dice": place / 8}) for place, (label, name) in enumerate(names.items()))
    report = Report("s", {}, COLUMNS, REPORT.cases, pooled=rows)
    for rule in ("pooled(3.dice) == 0.25", "pooled(dice) == 0.5", "pooled(4.dice) == 0.375"):
        assert check_rules(report, [parse_rule(rule)])[0].outcome == "pass", rule
    with pytest.raises(UsageError, match="labels 3 and 4 are both called 'lesion'; name one by its number"):
        check_rules(report, [parse_rule("pooled(lesion.dice) >= 0")])


def test_detection_is_gated_over_all_cases(nifti: Nifti, tmp_path: Path, segeval: Run) -> None:
    """picai_eval's AP of the thirty cases is 0.3812."""
    for number, (found, true) in enumerate(thirty_cases()):
        nifti(f"p/case_{number:02}.nii.gz", found)
        nifti(f"r/case_{number:02}.nii.gz", true)
    folders = (tmp_path / "p", tmp_path / "r")
    for limit, code in (("0.38", 0), ("0.39", 1)):
        assert segeval("check", *folders, "--require", f"pooled(1.lesion_ap) >= {limit}").code == code
    assert segeval("batch", *folders, "--metrics", "lesion_ap", "-o", tmp_path / "x.json").code == 0
    for limit, code in (("0.38", 0), ("0.39", 1)):
        assert segeval("check", tmp_path / "x.json", "--require", f"pooled(1.lesion_ap) >= {limit}").code == code


def test_a_report_without_pooled_rows_is_a_usage_error(nifti: Nifti, tmp_path: Path, segeval: Run) -> None:
    found, true = thirty_cases()[0]
    nifti("p/a.nii.gz", found), nifti("r/a.nii.gz", true)
    assert segeval("batch", tmp_path / "p", tmp_path / "r", "-o", tmp_path / "x.json").code == 0
    run = segeval("check", tmp_path / "x.json", "--require", "pooled(dice) >= 0.5")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "the report has no pooled rows; score again with segeval batch --pooled" in run.err
    assert segeval("batch", tmp_path / "p", tmp_path / "r", "--pooled", "-o", tmp_path / "y.json").code == 0
    run = segeval("check", tmp_path / "y.json", "--require", "pooled(9.dice) >= 0.5")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "no pooled row of '9' holds 'dice'; those of" in run.err


@pytest.mark.parametrize("asked", ["lovasz", "hd95", "both=dice + lovasz"])
def test_what_does_not_add_over_cases_is_refused(asked: str, nifti: Nifti, tmp_path: Path, segeval: Run) -> None:
    """Before anything is scored, and of a report whose pooled row has no value."""
    found, true = thirty_cases()[0]
    nifti("p/a.nii.gz", found), nifti("r/a.nii.gz", true)
    folders = (tmp_path / "p", tmp_path / "r")
    assert segeval("batch", *folders, "--metrics", asked, "--pooled", "-o", tmp_path / "x.json").code == 0
    nifti("p/b.nii.gz", found), (tmp_path / "r/b.nii.gz").write_bytes(b"never read")
    key = asked.partition("=")[0]
    gate = ("--require", f"pooled({key}) >= 0.5")
    for run in (segeval("check", tmp_path / "x.json", *gate), segeval("check", *folders, "--metrics", asked, *gate)):
        assert (run.code, run.err.count("\n")) == (2, 1)
        assert f"{key} is measured in each case and does not add over cases" in run.err

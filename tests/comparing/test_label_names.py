"""Reports that number their labels differently: a label is compared with the one of its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.comparing.paired_reports import compare_reports
from segeval.quantities import select
from segeval.results.report import CaseResult, Report, Row

Segeval = Callable[..., Any]
Nifti = Callable[..., Path]

BODY = np.arange(60).reshape(3, 4, 5)
REFERENCE = {"aorta": BODY < 10, "liver": (BODY >= 20) & (BODY < 40)}
HALF = {"aorta": BODY < 10, "liver": (BODY >= 20) & (BODY < 30)}  # the liver's Dice is 2·10 / (10 + 20)
SPURIOUS = {**HALF, "adrenal": BODY >= 55}  # before the others in the alphabet
DICE = {"aorta": 1.0, "liver": 2 / 3}


@pytest.fixture
def report(nifti: Nifti, segeval: Segeval, tmp_path: Path) -> Callable[..., Path]:
    """A report of predicted masks, a folder, whose classes are numbered in alphabetical order."""

    def scored(name: str, masks: dict[str, Any], *more: str) -> Path:
        for side, classes in (("p", masks), ("r", REFERENCE)):
            for stem, mask in classes.items():
                nifti(f"{name}/{side}/a/{stem}.nii", mask.astype(np.uint8))
        out = tmp_path / f"{name}.json"
        folders = (tmp_path / name / side for side in "pr")
        assert segeval("batch", *folders, "--metrics", "dice", "-o", out, *more).code == 0
        return out

    return scored


def rows_of(run: Any, report: Path) -> dict[str, dict[str, Any]]:
    """The rows of a comparison by name."""
    assert run.code == 0, run.err
    return {row["name"]: row for row in run.json["rows"] if row["name"] and row["report"] == str(report)}


def test_a_label_is_compared_with_the_one_of_its_name(report: Callable[..., Path], segeval: Segeval) -> None:
    """The spurious class moves all numbers by one: liver was compared with aorta."""
    first, other = report("a", HALF), report("b", SPURIOUS)
    run = segeval("compare", first, other, "--format", "json")
    rows = rows_of(run, other)
    assert {name: (row["baseline"], row["value"]) for name, row in rows.items() if name in DICE} == {
        name: (pytest.approx(dice), pytest.approx(dice)) for name, dice in DICE.items()
    }
    assert rows["adrenal"]["n"] == 0
    assert [rows[name]["label"] for name in DICE] == [1, 2]
    assert f"{other}: labels are told apart by name and numbered as in {first}: " in run.json["remarks"][0]
    assert "aorta 2 is 1, liver 3 is 2" in run.json["remarks"][0]


def test_the_third_report_is_told_apart_likewise(report: Callable[..., Path], segeval: Segeval) -> None:
    first, other = report("a", SPURIOUS), report("b", HALF)
    third = report("c", {"adrenal": BODY >= 55, "liver": BODY < 0, "bladder": BODY < 10, "aorta": BODY >= 30})
    run = segeval("compare", first, other, third, "--format", "json")
    assert rows_of(run, other)["liver"]["value"] == pytest.approx(2 / 3)
    rows = rows_of(run, third)
    assert (rows["liver"]["value"], rows["aorta"]["value"]) == (0.0, 0.0)
    ranks = {(row["report"], row["name"]): row["mean"] for row in run.json["ranks"]}
    assert ranks[str(first), "aorta"] == ranks[str(other), "aorta"] == 1.0
    assert {row["name"]: row["label"] for row in run.json["ranks"] if row["name"]} == {
        "adrenal": 1,
        "aorta": 2,
        "liver": 3,
        "bladder": 5,
    }


def test_what_nobody_names_keeps_its_number_and_so_does_the_background() -> None:
    """Label 5 has no name in either report, and the background is called something else in each."""

    def report(names: dict[int, str | None]) -> Report:
        rows = tuple(Row(label, name, {"dice": 1.0}) for label, name in names.items())
        columns = tuple(selection.column for selection in select("dice"))
        return Report("segeval:0.1.0", {}, columns, (CaseResult("a", None, None, rows),))

    first = report({0: "background", 1: "aorta", 2: "liver", 5: None})
    other = report({0: "rest", 1: "liver", 2: "aorta", 5: None})
    rows = compare_reports({"first": first, "other": other}).rows
    assert [(row.label, row.name, row.n) for row in rows] == [
        (0, "background", 1),
        (1, "aorta", 1),
        (2, "liver", 1),
        (5, None, 1),
    ]
    same = report({0: "rest", 1: "aorta", 2: "liver", 5: None})
    assert compare_reports({"first": first, "same": same}).remarks == ()


def test_labels_of_one_number_without_names_are_the_same(
    report: Callable[..., Path], segeval: Segeval, nifti: Nifti, tmp_path: Path
) -> None:
    first = report("a", HALF)
    for side, masks in (("p", HALF), ("r", REFERENCE)):
        nifti(f"n{side}/a.nii", np.select(list(masks.values()), [1, 2]).astype(np.uint8))
    out = tmp_path / "n.json"
    assert segeval("batch", tmp_path / "np", tmp_path / "nr", "--metrics", "dice", "-o", out).code == 0
    run = segeval("compare", first, out, "--format", "json")
    assert {name: row["difference"] for name, row in rows_of(run, out).items()} == {"aorta": 0.0, "liver": 0.0}
    assert run.json["remarks"] == []

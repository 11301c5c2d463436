"""Reports that number their labels differently: a label is compared with the one of its name."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.comparing.paired_reports import compare_reports
from segeval.outputs.html.compared import comparison_facts
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


@pytest.fixture
def swapped() -> dict[str, Report]:
    """Two labels that the second report numbers the other way round."""
    columns = tuple(selection.column for selection in select("dice"))

    def of(values: dict[str, float]) -> Report:
        rows = [Row(number, name, {"dice": dice}) for number, (name, dice) in enumerate(values.items(), 1)]
        return Report("segeval:0.1.0|kind:labels", {"metrics": ["dice"]}, columns, (CaseResult("c", None, None, rows),))

    return {"a": of({"liver": 0.75, "aorta": 0.25}), "b": of({"aorta": 0.5, "liver": 1.0})}


def test_the_page_draws_the_label_of_the_name(swapped: dict[str, Report]) -> None:
    facts = comparison_facts(compare_reports(swapped), list(swapped.values()))
    values = [np.frombuffer(b64decode(column["values"])).tolist() for column in facts["columns"]]
    assert [line["text"] for line in facts["lines"]] == ["1 liver", "2 aorta"]
    assert values == [[0.75, 0.25], [1.0, 0.5]]


def test_challenger_gets_the_values_of_the_name(swapped: dict[str, Report], segeval: Segeval, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.json" for name in swapped]
    for path, report in zip(paths, swapped.values(), strict=True):
        path.write_text(report.to_json(), encoding="utf-8")
    lines = segeval("compare", *paths, "--format", "challenger").out.splitlines()[1:]
    assert lines == ["liver.dice,c,a,0.75", "liver.dice,c,b,1.0", "aorta.dice,c,a,0.25", "aorta.dice,c,b,0.5"]


def test_challenger_tells_labels_of_one_name_apart(segeval: Segeval, tmp_path: Path) -> None:
    columns = tuple(selection.column for selection in select("dice"))
    rows = [Row(number, "lesion", {"dice": number / 4}) for number in (1, 2)]
    case = CaseResult("c", None, None, rows)
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        path.write_text(Report("segeval:0.1.0|kind:labels", {"metrics": ["dice"]}, columns, (case,)).to_json())
    lines = segeval("compare", *paths, "--format", "challenger").out.splitlines()[1:]
    assert lines == ["1.dice,c,a,0.25", "1.dice,c,b,0.25", "2.dice,c,a,0.5", "2.dice,c,b,0.5"]

"""What people read, at several widths, in colour and without: snapshots, conclusions, marks."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from printed import PAIR, SAMPLES, check_golden, coloured

from segeval import evaluate_arrays
from segeval.outputs.comparison_words import conclusion
from segeval.outputs.report_page import render_table
from segeval.quantities import all_quantities
from segeval.results.comparison import Change, Compared, Comparison, ComparisonRow
from segeval.results.report import CaseResult, Column, Report, Row

Run = Callable[..., Any]
NAN = math.nan


@pytest.fixture(autouse=True)
def in_the_sample_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what says how wide or coloured the page is."""
    monkeypatch.chdir(SAMPLES)
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("width", [80, 200])
def test_what_most_people_came_for(width: int, segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe: one table of overlap, then the losses; the rest on request."""
    monkeypatch.setenv("COLUMNS", str(width))
    check_golden(f"score_{width}.txt", segeval("score", *PAIR).out)


@pytest.mark.parametrize("width", [80, 200])
def test_the_same_in_colours_on_a_terminal(width: int) -> None:
    check_golden(f"score_{width}_coloured.txt", coloured(["score", *PAIR], COLUMNS=str(width)))


@pytest.mark.parametrize("width", [80, 200])
def test_a_batch(width: int, segeval: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of three cases, the last one perfect: the worst cases bear the label that failed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(width))
    for side in "pr":
        Path(side).mkdir()
    for case in "abc":
        shutil.copyfile(SAMPLES / "reference.nii.gz", f"r/{case}.nii.gz")
        name = "reference" if case == "c" else "prediction"
        shutil.copyfile(SAMPLES / f"{name}.nii.gz", f"p/{case}.nii.gz")
    shutil.copyfile(SAMPLES / "labels.json", "labels.json")
    out = segeval("batch", "p", "r", "--labels", "labels.json", "--metrics", "dice,iou,ce", "--workers", "1").out
    check_golden(f"batch_{width}.txt", out)
    assert "a  (5 tumor: 0.5931)" in out


def test_117_labels() -> None:
    reference = np.arange(118 * 20).reshape(118, 20) // 20
    prediction = np.where(np.arange(20) < np.arange(118)[:, None] % 20, reference, 0)
    table = render_table(evaluate_arrays(prediction, reference, metrics="dice,sensitivity,ce"))
    check_golden("labels_117.txt", table)


def test_everything_on_request(segeval: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    usual, wide = segeval("score", *PAIR).out, segeval("score", *PAIR, "--wide").out
    assert "13 more overlap quantities: --wide, or --format csv or json" in usual.splitlines()
    assert "kappa" not in usual
    assert "kappa" in wide
    assert "more overlap" not in wide
    assert "kappa" in segeval("score", *PAIR, "--metrics", "overlap").out
    monkeypatch.setenv("COLUMNS", "300")
    assert "kappa" in segeval("score", *PAIR).out


def test_titles_are_short_and_their_own() -> None:
    titles = [quantity.title for quantity in all_quantities()]
    assert len(set(titles)) == len(titles)
    assert max(map(len, titles)) <= 15
    assert [quantity.name for quantity in all_quantities() if quantity.main] == [
        "dice", "iou", "sensitivity", "specificity", "precision", "gds", "ref_volume_ml", "pred_volume_ml",
    ]  # fmt: skip


def marked(values: list[float], best: float | None, worst: float | None) -> list[str]:
    """The cells of one column."""
    rows = tuple(Row(label, None, {"x": value}) for label, value in enumerate(values, start=1))
    case = CaseResult("c", None, None, (*rows, Row("mean", None, {"x": 0.5})))
    table = render_table(Report("segeval:x", {}, (Column("x", "overlap", best, worst),), (case,)))
    return [line.split()[1] for line in table.splitlines() if line[:1].isdigit()]


def test_the_best_and_the_worst_label_bear_a_mark_where_they_are_one_each() -> None:
    assert marked([0.9, 0.2, 0.5], 1, 0) == ["0.9000*", "0.2000!", "0.5000"]
    assert marked([0.9, 0.2, 0.5], 0, math.inf) == ["0.9000!", "0.2000*", "0.5000"]
    assert marked([0.9, 0.9, 0.5], 1, 0) == ["0.9000", "0.9000", "0.5000!"]
    assert marked([0.9, NAN, 0.5], 1, 0) == ["0.9000*", "–", "0.5000!"]
    assert marked([0.9, 0.2, 0.5], None, None) == ["0.9000", "0.2000", "0.5000"]
    assert marked([0.9], 1, 0) == ["0.9000"]
    assert marked([NAN, NAN], 1, 0) == ["–", "–"]


def row(label: Any, difference: float, ci95: tuple[float, float], counts: tuple[Any, Any, Any], n: int = 24) -> Any:
    better = None if counts[0] is None else True
    name = {1: "liver", 2: "kidney"}.get(label)
    return ComparisonRow(
        "b.json", label, name, "dice", better, 0.8, 0.8 + difference, difference, ci95, *counts, NAN, NAN, NAN, n, 0, 0
    )


MEAN = row("mean", 0.089, (0.044, 0.132), (22, 0, 2))
KIDNEY = row(2, -0.02, (-0.03, -0.01), (3, 0, 21))
FELL = tuple(Change("b.json", "dice", f"case_{n}", 0.9, 0.8, -0.1, False) for n in range(5))
IN_TWO = tuple(replace(change, where="liver" if n == 1 else "kidney") for n, change in enumerate(FELL))
NOTHING = row("mean", 0.001, (-0.02, 0.02), (13, 1, 10))


LIVER = row(1, 0.1, (0.05, 0.15), (20, 0, 4))
WORSE = row("mean", -0.1, (-0.2, -0.05), (1, 0, 23))
BETTER = "b.json is better: mean dice +0.0890 [+0.0440, +0.1320], better in 22 of 24 cases, worse in 2"
UNDIRECTED = "b.json: no quantity that has a direction was compared"


@pytest.mark.parametrize(
    ("rows", "changes", "sentence"),
    [
        ((MEAN,), (), BETTER),
        ((LIVER, KIDNEY, MEAN), FELL[:2], f"{BETTER}; worse in kidney; fell most in case_0, case_1"),
        (
            (MEAN,),
            IN_TWO,
            f"{BETTER}; fell most in kidney for case_0, case_2, case_3 and 1 more, in liver for case_1",
        ),
        (
            (WORSE, LIVER),
            FELL,
            "b.json is worse: mean dice -0.1000 [-0.2000, -0.0500], better in 1 of 24 cases, worse in 23; "
            "better in liver",
        ),
        (
            (NOTHING,),
            FELL,
            "b.json: no difference shown: mean dice +0.0010 [-0.0200, +0.0200], better in 13 of 24 cases, worse in 10; "
            "fell most in case_0, case_1, case_2 and 2 more",
        ),
        (
            (KIDNEY,),
            (),
            "b.json is worse: kidney dice -0.0200 [-0.0300, -0.0100], better in 3 of 24 cases, worse in 21",
        ),
        ((row("mean", 1.0, (0.5, 2.0), (None, None, None)),), (), UNDIRECTED),
        ((), (), UNDIRECTED),
    ],
)
def test_a_comparison_comes_to_a_sentence(rows: Any, changes: Any, sentence: str) -> None:
    reports = tuple(Compared(name, "segeval:x", 24, 24) for name in ("a.json", "b.json"))
    found = Comparison(reports, ("dice",), "dice", 100, 0, 24, 24, 1, rows, changes)
    assert conclusion(found, "b.json") == sentence


def test_compare_begins_with_its_conclusion_and_the_main_quantity(segeval: Run, tmp_path: Path) -> None:
    for name, first in (("a", "prediction"), ("b", "reference")):
        (tmp_path / name).mkdir()
        (tmp_path / "r").mkdir(exist_ok=True)
        for case in "xyz":
            shutil.copyfile(SAMPLES / f"{first}.nii.gz", tmp_path / name / f"{case}.nii.gz")
            shutil.copyfile(SAMPLES / "reference.nii.gz", tmp_path / "r" / f"{case}.nii.gz")
        options = ("--metrics", "dice,iou,ce", "-o", tmp_path / f"{name}.json")
        assert segeval("batch", tmp_path / name, tmp_path / "r", "--workers", "1", *options).code == 0
    files = (tmp_path / "a.json", tmp_path / "b.json")
    out = segeval("compare", *files).out
    assert " ".join(out.split()).startswith(f"{files[1]} is better: mean dice +0.1460 [")
    assert "2 more quantities: --wide, or --format csv or json" in out
    assert "+0.1460*" in next(
        line for line in out.splitlines() if line.startswith("mean ")
    )  # a mark without colour, too
    assert "* better and ! worse: the interval of the difference excludes zero" in out.splitlines()
    worse = segeval("compare", *files[::-1]).out
    assert "-0.1460!" in next(line for line in worse.splitlines() if line.startswith("mean "))
    assert not any(line.startswith(("iou ", "ce ")) for line in out.splitlines())
    for more in (("--wide",), ("--metrics", "dice,iou,ce")):
        every = segeval("compare", *files, *more).out
        assert any(line.startswith("iou ") for line in every.splitlines())
        assert "more quantities" not in every

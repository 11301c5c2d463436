"""`segeval compare` end to end, on reports made of records."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from segeval.quantities import select
from segeval.results.report import MEAN, CaseResult, Report, Row

Segeval = Callable[..., Any]
Values = Mapping[str, float]

NAN = math.nan
SIGNATURE = "segeval:0.1.0|kind:labels|labels:auto|empty:nan|geometry:strict@1e-2"


def case(
    name: str,
    values: Values | None,
    status: Literal["ok", "error", "missing"] = "ok",
    hashes: tuple[str, str] | None = None,
) -> CaseResult:
    """A case of one label, whose mean is its value."""
    rows = () if values is None else (Row(1, "liver", values), Row(MEAN, None, values, dict.fromkeys(values, 1), 1))
    reason = "damaged" if status == "error" else None
    return CaseResult(name, None, None, rows, status=status, reason=reason, hashes=hashes)


def report(cases: Sequence[CaseResult], metrics: str = "dice", signature: str = SIGNATURE) -> Report:
    selections = select(metrics)
    return Report(
        signature,
        {"metrics": [selection.key for selection in selections]},
        tuple(selection.column for selection in selections),
        tuple(cases),
    )


def dice_report(values: Sequence[float], signature: str = SIGNATURE) -> Report:
    return report([case(f"case_{i:03}", {"dice": float(v)}) for i, v in enumerate(values)], signature=signature)


Written = Callable[..., list[Path]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write reports as JSON: a.json, b.json …"""

    def write(*reports: Report) -> list[Path]:
        paths = [tmp_path / f"{letter}.json" for letter in "abcdef"[: len(reports)]]
        for path, one in zip(paths, reports, strict=True):
            path.write_text(one.to_json(), encoding="utf-8")
        return paths

    return write


def the_row(run: Any, label: int | str = 1, quantity: str = "dice") -> dict[str, Any]:
    assert run.code == 0, run.err
    (row,) = [row for row in run.json["rows"] if (row["label"], row["quantity"]) == (label, quantity)]
    return row


# What is compared


def test_a_small_comparison_is_that_worked_by_hand(segeval: Segeval, written: Written) -> None:
    paths = written(dice_report([0.5, 0.5, 0.75, 0.5]), dice_report([0.75, 0.5, 0.5, 1.0]))
    row = the_row(segeval("compare", *paths, "--format", "json"))
    assert (row["baseline"], row["value"], row["difference"]) == (0.5625, 0.6875, 0.125)
    assert (row["wins"], row["ties"], row["losses"], row["better"]) == (2, 1, 1, True)
    assert (row["n"], row["undefined"], row["missing"]) == (4, 0, 0)
    # |differences| 0.25, 0.25, 0.5: ranks 1.5, 1.5, 3; W+ = 4.5, W− = 1.5
    assert row["effect"] == pytest.approx(0.5)
    low, high = row["ci95"]
    assert -0.25 <= low <= 0.125 <= high <= 0.5
    assert (row["name"], row["report"]) == ("liver", str(paths[1]))


def test_a_loss_wins_where_it_falls(segeval: Segeval, written: Written) -> None:
    reports = [report([case(str(i), {"ce": v, "tp": v}) for i, v in enumerate(vs)], "ce,tp") for vs in ([3, 2], [1, 2])]
    run = segeval("compare", *written(*reports), "--format", "json")
    loss, count = the_row(run, quantity="ce"), the_row(run, quantity="tp")
    assert (loss["difference"], loss["wins"], loss["ties"], loss["losses"], loss["better"]) == (-1.0, 1, 1, 0, False)
    assert (count["difference"], count["wins"], count["ties"], count["losses"]) == (-1.0, None, None, None)
    assert [change["better"] for change in run.json["changes"]] == [True]


def test_undefined_and_missing_pairs_are_counted_and_named(segeval: Segeval, written: Written) -> None:
    first = [case("a", {"dice": 0.5}), case("b", {"dice": NAN}), case("c", {"dice": 0.5}), case("only_a", {"dice": 1})]
    second = [case("a", {"dice": 0.6}), case("b", {"dice": 0.5}), case("c", None, "error"), case("d", None, "missing")]
    run = segeval("compare", *(paths := written(report(first), report(second))), "--format", "json")
    row = the_row(run)
    assert (row["n"], row["undefined"], row["missing"]) == (1, 1, 3)
    a, b = map(str, paths)
    assert run.json["cases"] == {
        "all": 5,
        "paired": 2,
        "missing": [
            {"case": "c", "why": {b: "failed: damaged"}},
            {"case": "d", "why": {a: "not in the report", b: "without a prediction"}},
            {"case": "only_a", "why": {b: "not in the report"}},
        ],
    }
    table = segeval("compare", *paths).out
    assert "2 of 5 cases are evaluated in every report" in table
    assert "missing only_a: not in the report" in table
    assert "1/5" in table


def test_the_first_ten_missing_cases_are_named_and_the_others_counted(segeval: Segeval, written: Written) -> None:
    table = segeval("compare", *written(dice_report([0.5] * 20), dice_report([0.5] * 5))).out
    assert table.count("\nmissing case_") == 10
    assert "… and 5 more missing" in table


def test_the_cases_that_changed_most_are_five_each_way(segeval: Segeval, written: Written) -> None:
    first = [0.5] * 14
    second = [0.5 + step / 32 for step in range(-7, 7)]
    changes = segeval("compare", *written(dice_report(first), dice_report(second)), "-f", "json").json["changes"]
    assert [change["case"] for change in changes] == [f"case_{i:03}" for i in (13, 12, 11, 10, 9, 0, 1, 2, 3, 4)]
    assert [change["better"] for change in changes] == [True] * 5 + [False] * 5


def test_a_p_is_corrected_over_everything_that_was_asked(segeval: Segeval, written: Written) -> None:
    rng = np.random.default_rng(0)
    base, other = rng.random((2, 30))
    paths = written(dice_report(base), dice_report(other))
    both = segeval("compare", *paths, "-f", "json")
    one = segeval("compare", *paths, "--labels", "liver", "-f", "json")
    assert both.json["settings"]["tests"] == 2
    assert [row["label"] for row in one.json["rows"]] == [1]
    assert the_row(one)["p_holm"] == the_row(one)["p"] == the_row(both)["p"]
    assert the_row(both)["p_holm"] == min(1.0, 2 * the_row(both)["p"])


def test_metrics_narrow_the_comparison_and_what_only_some_hold_is_said(segeval: Segeval, written: Written) -> None:
    values = {"dice": 0.5, "iou": 0.4, "ce": 1.0}
    paths = written(report([case("a", values)], "dice,iou,ce"), report([case("a", values)], "iou,ce"))
    every = segeval("compare", *paths, "-f", "json")
    assert every.json["settings"]["metrics"] == ["iou", "ce"]
    assert every.json["remarks"] == ["not compared, in some of the reports only: dice"]
    assert segeval("compare", *paths, "-f", "json", "--metrics", "losses").json["settings"]["metrics"] == ["ce"]
    run = segeval("compare", *paths, "--metrics", "dice")
    assert run.code == 2
    assert f"--metrics dice: {paths[1]} has no such quantity, it holds iou, ce" in run.err
    assert segeval("compare", *paths, "--metrics", "dcie").code == 2


# What is refused


def test_other_settings_are_refused_part_by_part_unless_allowed(segeval: Segeval, written: Written) -> None:
    other = "segeval:0.2.0|kind:probabilities|labels:auto|empty:zero|geometry:strict@1e-2|threshold:0.5"
    paths = written(dice_report([0.5, 0.6]), dice_report([0.6, 0.7], other))
    run = segeval("compare", *paths)
    assert (run.code, run.out) == (2, "")
    assert "kind is labels and probabilities; empty is nan and zero; threshold is not stated and 0.5" in run.err
    assert "--allow-changed kind,empty,threshold" in run.err
    assert segeval("compare", *paths, "--allow-changed", "kind,empty").code == 2
    allowed = segeval("compare", *paths, "--allow-changed", "kind,empty,threshold", "-f", "json")
    assert allowed.code == 0
    assert f"{paths[0]} and {paths[1]} differ in empty: nan and zero" in allowed.json["remarks"]


def test_another_version_is_a_remark(segeval: Segeval, written: Written) -> None:
    paths = written(dice_report([0.5]), dice_report([0.6], SIGNATURE.replace("0.1.0", "0.2.0")))
    run = segeval("compare", *paths, "-f", "csv")
    assert run.code == 0
    assert run.err == f"remark: {paths[0]} was made by segeval 0.1.0, {paths[1]} by 0.2.0\n"


def test_other_references_are_a_remark(segeval: Segeval, written: Written) -> None:
    paths = written(*(report([case("a", {"dice": 0.5}, hashes=("p", sha))]) for sha in ("x", "y")))
    assert "were scored against other references (SHA-256): 1 cases, a" in segeval("compare", *paths).out


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: [dice_report([0.5])], "give the baseline, then one or more"),
        (lambda: [dice_report([0.5]), report([case("other", {"dice": 1.0})])], "no case was evaluated in both"),
        (lambda: [dice_report([0.5]), report([case("x", {"dice": 1.0})] * 2)], "occurs twice"),
        (lambda: [dice_report([0.5]), report([case("case_000", {"iou": 1.0})], "iou")], "holds dice"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    segeval: Segeval, written: Written, make: Callable[[], list[Report]], words: str
) -> None:
    run = segeval("compare", *written(*make()))
    assert (run.code, run.out) == (2, "")
    assert words in run.err


def test_an_unknown_label_is_refused_with_the_nearest(segeval: Segeval, written: Written) -> None:
    run = segeval("compare", *written(dice_report([0.5]), dice_report([0.5])), "--labels", "1,livre")
    assert run.code == 2
    assert "--labels 'livre': no report has this row; did you mean liver?; there are, for example, " in run.err


def test_outputs_are_checked_before_anything_is_read(segeval: Segeval, written: Written, tmp_path: Path) -> None:
    a, b = written(dice_report([0.5]), dice_report([0.5]))
    assert segeval("compare", a, b, "-o", tmp_path / "x.parquet").code == 2
    assert segeval("compare", a, b, "-o", b).code == 2
    assert segeval("compare", a, b, "-o", tmp_path / "nowhere" / "x.csv").code == 3
    assert segeval("compare", a, tmp_path / "nothing.json").code == 3


# Ranks


def test_three_reports_are_ranked_both_ways(segeval: Segeval, written: Written) -> None:
    # a wins two cases of three and is far behind in the third; c lacks the third case
    values = [[0.9, 0.9, 0.0], [0.8, 0.8, 0.8], [0.7, 0.7]]
    paths = written(*map(dice_report, values))
    run = segeval("compare", *paths, "-f", "json")
    ranks = [row for row in run.json["ranks"] if row["label"] == "mean"]
    assert [row["report"] for row in ranks] == [str(path) for path in paths]
    assert [row["mean"] for row in ranks] == pytest.approx([0.9, 0.8, 0.7])  # of the two cases that all have
    assert [row["mean_then_rank"] for row in ranks] == [1, 2, 3]
    assert [row["mean_rank"] for row in ranks] == pytest.approx([4 / 3, 5 / 3, 3])  # 1 1 2, 2 2 1, 3 3 last
    assert [row["rank_then_mean"] for row in ranks] == [1, 2, 3]
    assert {(row["n"], row["ranked"]) for row in ranks} == {(2, 3)}
    for row in ranks:
        low, high = row["rank_then_mean_ci95"]
        assert 1 <= low <= row["rank_then_mean"] <= high <= 3
    assert {row["report"] for row in run.json["rows"]} == {str(path) for path in paths[1:]}


def test_two_reports_are_not_ranked(segeval: Segeval, written: Written) -> None:
    assert segeval("compare", *written(dice_report([0.5]), dice_report([0.6])), "-f", "json").json["ranks"] == []


# Outputs


def test_every_format_holds_the_same_and_files_are_written(segeval: Segeval, written: Written, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = written(*(dice_report(rng.random(12)) for _ in range(3)))
    outputs = {ending: tmp_path / f"out{ending}" for ending in (".csv", ".json", ".md", ".txt")}
    run = segeval("compare", *paths, *(part for path in outputs.values() for part in ("-o", path)))
    assert run.code == 0, run.err
    document = json.loads(outputs[".json"].read_text(encoding="utf-8"))
    rows = list(csv.DictReader(outputs[".csv"].read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 3 * 2
    compared = [row for row in rows if row["difference"]]
    assert [float(row["difference"]) for row in compared] == [row["difference"] for row in document["rows"]]
    assert [float(row["p_holm"]) for row in compared] == [row["p_holm"] for row in document["rows"]]
    by_report = {(row["report"], row["label"]): row for row in rows}
    for rank in document["ranks"]:
        assert float(by_report[rank["report"], str(rank["label"])]["mean_rank"]) == rank["mean_rank"]
    for text in (outputs[".md"].read_text(encoding="utf-8"), outputs[".txt"].read_text(encoding="utf-8")):
        assert f"{document['rows'][0]['difference']:+.4f}" in text
        assert "rank-then-mean" in text
    for ending, form in ((".csv", "csv"), (".json", "json"), (".md", "markdown")):
        assert segeval("compare", *paths, "-f", form).out == outputs[ending].read_text(encoding="utf-8")


def test_the_table_is_80_columns_wide(segeval: Segeval, written: Written, tmp_path: Path) -> None:
    metrics = "dice,relative_volume_difference,ce"
    values = {"dice": 0.5, "relative_volume_difference": -12.25, "ce": 1234.5}
    paths = written(*(report([case(f"c{i}", values) for i in range(3)], metrics) for _ in range(2)))
    assert segeval("compare", *paths, "-o", tmp_path / "t.txt").code == 0
    lines = (tmp_path / "t.txt").read_text(encoding="utf-8").splitlines()
    grid = [line for line in lines if line.startswith(("1 liver", "mean ", "dice ", "ce ", "────"))]
    assert len(grid) > 10
    assert max(map(len, grid)) <= 80


def test_names_from_outside_obey_nobody(segeval: Segeval, written: Written) -> None:
    evil = "=cmd|\x1b[2J\n"
    paths = written(report([case(evil, {"dice": 0.5})]), report([case(evil, {"dice": 0.75}), case("b", {"dice": 1})]))
    for form in ("table", "csv", "markdown", "json"):
        assert "\x1b" not in segeval("compare", *paths, "-f", form).out
    assert r"\=cmd" not in segeval("compare", *paths, "-f", "table").out

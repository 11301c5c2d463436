"""What a case that failed, was skipped, or is in another shard does to a challenge's numbers: nothing that helps."""

from __future__ import annotations

import csv
import io
import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
Nifti = Callable[..., Path]

PROTOCOL = """
title = "Ours"
year = 2026
version = 1
source = "here"
decides = "Nothing."
[options]
labels = {{ a = 1 }}
metrics = "dice,tp,hd95"
[columns]
Dice = "otherwise({{a.dice}}, 1)"
Found = "defined({{a.dice}})"
Voxels = "a.tp"
[missing]
Dice = 0.125
[pooled]
Dice_all = "a.dice"
Mean_all = "average(otherwise({{a.dice}}, 1))"
[ranking]
method = "{method}"
higher = ["D*"]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "ours.toml"
    path.write_text(PROTOCOL.format(method="mean-then-rank"))
    return path


@pytest.fixture
def folders(nifti: Nifti, tmp_path: Path) -> tuple[Path, Path]:
    """Dice 1, 0.5 (1 voxel of 2 + 2) and 2/3 (1 of 1 + 2); one that is damaged, one that is not there."""
    for case, (p, r) in enumerate((([1, 1], [1, 1]), ([1, 1], [1, 0]), ([1, 0], [1, 1]), ([1, 0], [1, 0]))):
        nifti(f"p/{case}.nii.gz", np.array(p, np.uint8).reshape(1, 1, 2))
        nifti(f"r/{case}.nii.gz", np.array(r, np.uint8).reshape(1, 1, 2))
    nifti("r/4.nii.gz", np.ones((1, 1, 2), np.uint8))
    (tmp_path / "p/3.nii.gz").write_bytes(b"damaged")
    return tmp_path / "p", tmp_path / "r"


def table(text: str) -> dict[str, list[str]]:
    return {case: values for case, *values in csv.reader(io.StringIO(text))}


def test_a_case_without_rows_has_no_number(segeval: Run, folders: tuple[Path, Path], own: Path) -> None:
    run = segeval("batch", *folders, "--protocol", own, "--missing", "skip", "-f", "challenge")
    assert run.code == 3
    found = table(run.out)
    assert found["case"] == ["Dice", "Found", "Voxels", "Dice_all", "Mean_all"]
    assert (found["3"], found["4"]) == ([""] * 5, [""] * 5)
    dice = (1, 2 / 3, 2 / 3)
    assert list(map(float, found["mean"][:3])) == pytest.approx([math.fsum(dice) / 3, 1, 4 / 3])
    # 2 + 1 + 1 voxels right, of 2 + 2, 2 + 1 and 1 + 2
    assert list(map(float, found["pooled"][3:])) == pytest.approx([8 / 10, math.fsum(dice) / 3])


def test_a_missing_prediction_costs_what_the_protocol_says_where_it_is_scored(
    segeval: Run, folders: tuple[Path, Path], own: Path
) -> None:
    found = table(segeval("batch", *folders, "--protocol", own, "--missing", "worst", "-f", "challenge").out)
    assert found["3"] == [""] * 5
    assert found["4"] == ["0.125", "1.0", "0.0", "", ""]
    assert float(found["mean"][0]) == pytest.approx((1 + 2 / 3 + 2 / 3 + 0.125) / 4)


@pytest.mark.parametrize("method", ["mean-then-rank", "mean-then-scale", "significance"])
def test_a_report_with_failed_cases_wins_no_ranking(
    segeval: Run, folders: tuple[Path, Path], own: Path, tmp_path: Path, method: str
) -> None:
    text = PROTOCOL.format(method=method).replace('["D*"]', '["Dice"]')
    own.write_text(text)
    reports = tmp_path / "whole.json", tmp_path / "damaged.json"
    (folders[0] / "4.nii.gz").write_bytes((folders[0] / "1.nii.gz").read_bytes())
    segeval("batch", *folders, "--protocol", own, "-o", reports[1])
    (folders[0] / "3.nii.gz").write_bytes((folders[0] / "1.nii.gz").read_bytes())
    segeval("batch", *folders, "--protocol", own, "-o", reports[0])
    run = segeval("compare", *reports, "--ranking", own)
    assert (run.code, run.out) == (2, "")
    assert f"damaged.json: 1 of 5 cases have no number (3), and {method} ranks means over the cases" in run.err
    own.write_text(text.replace(method, "rank-then-mean"))
    ranking = segeval("compare", *reports, "--ranking", own, "-f", "json").json["ranking"]
    assert [Path(placing["report"]).name for placing in ranking["placings"]] == ["whole.json", "damaged.json"]


def test_challenger_has_numbers_and_no_task_of_all_cases(
    segeval: Run, folders: tuple[Path, Path], own: Path, tmp_path: Path
) -> None:
    for name in "ab":
        segeval("batch", *folders, "--protocol", own, "--missing", "skip", "-o", tmp_path / f"{name}.json")
    run = segeval("compare", tmp_path / "a.json", tmp_path / "b.json", "-f", "challenger")
    lines = list(csv.DictReader(io.StringIO(run.out)))
    assert {line["Task"] for line in lines} == {"Dice", "Found", "Voxels"}
    assert {line["MetricValue"] for line in lines if line["TestCase"] in "34"} == {"NA"}
    assert {line["MetricValue"] for line in lines if line["Task"] == "Found" and line["TestCase"] in "012"} == {"1.0"}


@pytest.mark.parametrize(
    "asked", [("--protocol", "ours.toml"), ("--pooled",), ("--pooled", "--metrics", "dice,ce,voi")]
)
def test_shards_pool_as_one_batch_does(
    segeval: Run, folders: tuple[Path, Path], own: Path, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    asked = tuple(str(own) if word == own.name else word for word in asked)
    every = ("--missing", "worst", *asked)
    whole = segeval("batch", *folders, *every, "-f", "json").json
    for number in (1, 2):
        segeval("batch", *folders, *every, "--shard", f"{number}/2", "-o", tmp_path / f"{number}.json")
    merged = segeval("merge", tmp_path / "1.json", tmp_path / "2.json", "-f", "json").json
    assert [row["label"] for row in merged["pooled"]] == [row["label"] for row in whole["pooled"]]
    for ours, theirs in zip(merged["pooled"], whole["pooled"], strict=True):
        assert ours == {
            key: pytest.approx(value, rel=1e-12, abs=1e-12) if isinstance(value, float) else value
            for key, value in theirs.items()
        }


def test_what_reports_cannot_pool_is_told(segeval: Run, nifti: Nifti, tmp_path: Path) -> None:
    for number in (1, 2):
        nifti(f"p/{number}.nii.gz", np.full((2, 2, 2), 0.25, np.float32))
        nifti(f"r/{number}.nii.gz", np.ones((2, 2, 2), np.uint8))
        folders = (tmp_path / "p", tmp_path / "r")
        segeval("batch", *folders, "--pooled", "--shard", f"{number}/2", "-o", tmp_path / f"{number}.json")
    merged = segeval("merge", tmp_path / "1.json", tmp_path / "2.json", "-f", "json").json
    assert "pooled" not in merged
    assert any("of probability maps they hold no sums; score the batch as one" in one for one in merged["remarks"])


def test_the_page_of_protocols_shows_one_that_is_whole(segeval: Run, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/protocols.md").read_text(encoding="utf-8")
    first, more = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)[:2]
    head, tables = first.split("[options]")
    keys, more_tables = more.split("[missing]")
    path = tmp_path / "example.toml"
    path.write_text(f"{head}{keys}[options]{tables}[missing]{more_tables}", encoding="utf-8")
    run = segeval("protocols", "check", path)
    assert (run.code, run.err) == (0, "")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["ranking"]["method"] == "rank-then-mean"


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ('[columns]\nX = "total({a.tp})"', "total, average and largest are over the cases; they belong in [pooled]"),
        ('[pooled]\nX = "a.hd95"', "a.hd95 is measured in each case and does not add up over them"),
        ('[pooled]\nX = "where(0 < 1 or {a.hd95} > 1, 1, 2)"', "write average({a.hd95})"),
    ],
)
def test_what_is_of_cases_and_what_of_all_are_told_apart(segeval: Run, tmp_path: Path, column: str, words: str) -> None:
    path = tmp_path / "ours.toml"
    text = PROTOCOL.format(method="mean-then-rank")
    table_of, line = column.split("\n")
    path.write_text(text.replace(f"{table_of}\n", f"{table_of}\n{line}\n"))
    run = segeval("protocols", "check", path)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert words in run.err


def test_a_file_beside_a_protocol_is_its_label_file_and_names_may_hold_a_point(
    segeval: Run, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/labels.json").write_text('{"v. cava": 1}')
    path = tmp_path / "there/ours.toml"
    text = PROTOCOL.format(method="mean-then-rank").partition("[columns]")[0]
    text = text.replace("labels = { a = 1 }", 'labels = "labels.json"').replace("dice,tp", "dice,focal:gamma=0.5,tp")
    path.write_text(text + '[columns]\n"D_*" = "*.dice"\nX = "{v. cava.focal:gamma=0.5} + 0"\n')
    found = table(segeval("batch", *folders, "--protocol", path, "--missing", "skip", "-f", "challenge").out)
    assert found["case"] == ["D_v. cava", "X"]
    assert float(found["1"][0]) == pytest.approx(2 / 3)
    # one voxel of two is wrong, background found as foreground: (1 − α) (1 − 1e-7)^0.5 · −ln 1e-7, and about 0
    assert float(found["1"][1]) == pytest.approx(-0.75 * math.log(1e-7) / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("a|b.toml", "", "is named in signatures; leave |"),
        ("a\x1bb.toml", "", "is named in signatures"),
        ("ours.toml", 'X = "1+"', "[columns] X = '1+': write a text like \"kidney.dice\""),
    ],
)
def test_what_a_protocol_cannot_be_is_said_in_a_line(
    segeval: Run, tmp_path: Path, name: str, line: str, words: str
) -> None:
    path = tmp_path / name
    path.write_text(PROTOCOL.format(method="mean-then-rank").replace("[columns]", f"[columns]\n{line}"))
    run = segeval("protocols", "check", path)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert words in run.err
    assert "\x1b" not in run.err


def test_a_ranking_that_is_not_there_is_called_so(segeval: Run, tmp_path: Path) -> None:
    run = segeval("compare", tmp_path / "a.json", tmp_path / "b.json", "--ranking", tmp_path / "none.toml")
    assert run.code == 2
    assert "--ranking" in run.err
    assert "--protocol" not in run.err

"""``compare --format challenger``: what challengeR reads; where R is there, R itself reads it and ranks."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segeval import Report
from segeval.quantities import select
from segeval.results.report import CaseResult, Row

Run = Callable[..., Any]
NAN = float("nan")
DICE = {"net": [0.9, 0.8, 0.7], "tree": [0.5, NAN, 0.75], "=odd": [0.6, 0.9]}  # the last one lacks a case


def files_of(folder: Path, protocol: dict[str, Any] | None = None) -> list[Path]:
    columns = tuple(selection.column for selection in select("dice,hd"))
    files = []
    for name, values in DICE.items():
        rows = [(Row(1, "liver", {"dice": dice, "hd": 1 - dice}),) for dice in values]
        cases = tuple(CaseResult(f"c{number}", None, None, of) for number, of in enumerate(rows))
        settings = {"metrics": ["dice", "hd"]} | ({"protocol": protocol} if protocol else {})
        files.append(folder / f"{name}.json")
        files[-1].write_text(Report("segeval:0.1.0|kind:labels", settings, columns, cases).to_json())
    return files


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_for_each_task_case_and_algorithm(segeval: Run, tmp_path: Path) -> None:
    run = segeval("compare", *files_of(tmp_path), "--metrics", "dice", "--labels", "liver", "-f", "challenger")
    assert run.code == 0, run.err
    assert run.out.splitlines()[0] == "Task,TestCase,Algorithm,MetricValue"
    assert [tuple(line.values()) for line in lines_of(run.out)] == [
        ("liver.dice", "c0", "net", "0.9"),
        ("liver.dice", "c0", "tree", "0.5"),
        ("liver.dice", "c0", "'=odd", "0.6"),
        ("liver.dice", "c1", "net", "0.8"),
        ("liver.dice", "c1", "tree", "NA"),
        ("liver.dice", "c1", "'=odd", "0.9"),
        ("liver.dice", "c2", "net", "0.7"),
        ("liver.dice", "c2", "tree", "0.75"),
        ("liver.dice", "c2", "'=odd", "NA"),
    ]


def test_under_a_protocol_a_column_is_a_task(segeval: Run, tmp_path: Path) -> None:
    protocol = {"name": "ours", "version": 1, "columns": {"DSC": "100 * {liver.dice}", "HD": "liver.hd"}}
    output = tmp_path / "x.csv"
    run = segeval("compare", *files_of(tmp_path, protocol), "-f", "challenger", "-o", output)
    assert output.read_text() == run.out
    lines = lines_of(run.out)
    assert [line["Task"] for line in lines] == ["DSC"] * 9 + ["HD"] * 9
    assert [float(line["MetricValue"]) for line in lines[:2]] == [90.0, 50.0]
    asked = segeval("compare", *files_of(tmp_path, protocol), "-f", "challenger", "--metrics", "hd")
    assert {line["Task"] for line in lines_of(asked.out)} == {"liver.hd"}


def test_what_it_cannot_write_is_refused(segeval: Run, tmp_path: Path) -> None:
    files = files_of(tmp_path)
    run = segeval("compare", *files, "-f", "challenger", "-o", tmp_path / "x.json")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "--format challenger writes a .csv" in run.err
    run = segeval("compare", *files, "-f", "challenger", "--metrics", "iou")
    assert (run.code, run.err.count("\n")) == (2, 1)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_reads_it_and_ranks(segeval: Run, tmp_path: Path) -> None:
    """Ranks of the mean Dice, undefined ones left out: net 0.8, odd 0.75, tree 0.625."""
    output = tmp_path / "x.csv"
    assert segeval("compare", *files_of(tmp_path), "--metrics", "dice", "-f", "challenger", "-o", output).code == 0
    script = (
        f'data <- read.csv("{output}", na.strings = "NA"); '
        "stopifnot(is.numeric(data$MetricValue), sum(is.na(data$MetricValue)) == 2); "
        "means <- aggregate(MetricValue ~ Algorithm, data, mean); "
        'means <- means[order(-means$MetricValue), ]; cat(means$Algorithm, sep = "\\n")'
    )
    run = subprocess.run(["Rscript", "--vanilla", "-e", script], capture_output=True, encoding="utf-8", check=True)
    assert run.stdout.split() == ["net", "'=odd", "tree"]

"""A report says what its columns are, so that whoever reads it need not know its quantities."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.errors import UnreadableFile
from segeval.reports.report_files import read_report
from segeval.results.columns import Column

Run = Callable[..., Any]
FINITE, ENDS = st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False)


@pytest.fixture
def reports(nifti: Callable[..., Path], segeval: Run, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two reports of two cases, the second one better: dice, and a loss that a later version calls otherwise."""
    import numpy as np

    reference = np.zeros((6, 5, 4), np.uint8)
    reference[1:5, 1:4, 1:3] = 1
    for case, width in (("a", 4), ("b", 5)):
        nifti(f"r/{case}.nii", reference)
        for side, cut in (("worse", 2), ("better", 1)):
            prediction = reference.copy()
            prediction[:, width - cut :] = 0
            root = nifti(f"{side}/{case}.nii", prediction).parents[1]
    monkeypatch.chdir(root)
    found = []
    for side in ("worse", "better"):
        assert segeval("batch", side, "r", "--metrics", "dice,focal:gamma=3", "-o", f"{side}.json").code == 0
        text = Path(f"{side}.json").read_text()
        Path(f"{side}.json").write_text(text.replace("focal:gamma=3", "focussed:power=3"))
        found.append(Path(f"{side}.json"))
    return found


@given(st.text(), st.text(), st.text(min_size=1), st.none() | st.tuples(FINITE, ENDS).filter(lambda x: x[0] != x[1]))
def test_a_column_comes_back(key: str, group: str, title: str, ends: tuple[float, float] | None) -> None:
    best, worst = ends or (None, None)
    column = Column(key, group, best, worst, title, main=bool(key))
    text = json.dumps(column.document(), allow_nan=False)
    assert Column.from_document(json.loads(text)) == column


def test_directions() -> None:
    assert [Column("x", "g", *ends).sign for ends in ((1.0, 0.0), (0.0, math.inf), (None, None))] == [1, -1, 0]
    assert Column("x", "g", 0.0, math.inf).direction == "lower"


def test_the_json_states_key_title_group_direction_and_scale(nifti: Callable[..., Path], segeval: Run) -> None:
    volume = nifti("v.nii", [[[0, 1]]])
    report = segeval("score", volume, volume, "--metrics", "dice,tp,hd95,focal:gamma=3", "--format", "json").json
    facts = {column["key"]: column for column in report["columns"]}
    assert list(facts) == ["dice", "tp", "hd95", "focal:gamma=3"]
    assert facts["dice"] == {
        "key": "dice", "title": "Dice", "group": "overlap", "direction": "higher", "best": 1.0, "worst": 0.0,
        "main": True,
    }  # fmt: skip
    assert facts["tp"] == {"key": "tp", "title": "TP", "group": "overlap", "direction": "none", "main": False}
    assert (facts["hd95"]["direction"], facts["hd95"]["best"], facts["hd95"]["worst"]) == ("lower", 0.0, None)
    assert facts["focal:gamma=3"]["group"] == "losses"


@pytest.mark.parametrize("key", ["focussed:power=3", "dice"])
def test_a_quantity_that_nobody_knows_any_more_is_compared(key: str, reports: list[Path], segeval: Run) -> None:
    run = segeval("compare", *reports, "--metrics", key, "--format", "json")
    assert run.code == 0, run.err
    (row,) = [row for row in run.json["rows"] if row["label"] == 1]
    assert (row["quantity"], row["wins"], row["losses"]) == (key, 2, 0)
    assert (row["difference"] > 0) is row["better"]  # a loss is better where it is lower
    assert segeval("compare", *reports, "--metrics", "losses", "--format", "json").json["settings"]["metrics"] == [
        "focussed:power=3"
    ]


def test_it_is_judged_and_becomes_a_baseline(reports: list[Path], segeval: Run) -> None:
    worse, better = reports
    assert segeval("check", better, "--require", "max(focussed:power=3) < 100").code == 0
    assert segeval("check", better, "--require", "max(focussed:power=3) < 0").code == 1
    assert segeval("check", better, "--baseline", "base.json", "--update-baseline").code == 0
    run = segeval("check", worse, "--baseline", "base.json", "--max-drop", "focussed:power=3=0.0001")
    assert run.code == 1
    assert "focussed:power=3" in run.out
    assert segeval("check", better, "--baseline", "base.json", "--max-drop", "focussed:power=3=0.0001").code == 0


def test_it_is_merged_and_summarised(reports: list[Path], segeval: Run) -> None:
    half = json.loads(reports[0].read_text())
    for number, case in enumerate(half["cases"]):
        Path(f"shard-{number}.json").write_text(json.dumps({**half, "cases": [case]}))
    merged = segeval("merge", "shard-0.json", "shard-1.json", "--format", "json").json
    assert merged["columns"] == half["columns"]
    assert merged["summary"] == half["summary"]


@pytest.mark.parametrize(
    "columns",
    [
        3,
        [3],
        [{"key": "dice"}],
        [{"key": 1, "title": "x", "group": "overlap", "direction": "none"}],
        [{"key": "dice", "title": "x", "group": "overlap", "direction": "upwards", "best": 1, "worst": 0}],
        [{"key": "dice", "title": "x", "group": "overlap", "direction": "lower", "best": 1, "worst": 0}],
        [{"key": "dice", "title": "x", "group": "overlap", "direction": "higher"}],
        [{"key": "dice", "title": "x", "group": "overlap", "direction": "none"}] * 2,
    ],
)
def test_columns_that_are_none_are_damage(columns: Any, reports: list[Path]) -> None:
    report = json.loads(reports[0].read_text())
    reports[0].write_text(json.dumps({**report, "columns": columns}))
    with pytest.raises(UnreadableFile, match="the report is damaged"):
        read_report(reports[0])

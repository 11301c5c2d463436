"""Signatures taken apart: what differs is named whole, also in merged shards and in sums of quantities."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.results.signatures import differing_parts, version_of

Run = Callable[..., Any]
SUM, OTHER = "both=soft_dice:power=1 + ce", "both=soft_dice + 2*ce"
ONE = f"segeval:1|kind:labels|labels:auto|quantities:{SUM},focal:gamma=3"
TWO = f"segeval:1|kind:labels|labels:auto|quantities:{OTHER},focal:gamma=3"


def test_a_sum_is_one_part() -> None:
    assert differing_parts(ONE, ONE) == {}
    assert differing_parts(ONE, TWO) == {"quantities": (f"{SUM},focal:gamma=3", f"{OTHER},focal:gamma=3")}
    assert version_of(ONE) == "1"


def test_merged_shards_state_what_they_differ_in() -> None:
    merged = f"{ONE} + {ONE.replace('segeval:1', 'segeval:2').replace('labels:auto', 'labels:1')}"
    assert version_of(merged) == "1 + 2"
    assert differing_parts(merged, ONE) == {"labels": ("auto + 1", "auto")}
    assert differing_parts(merged, TWO)["quantities"] == (f"{SUM},focal:gamma=3", f"{OTHER},focal:gamma=3")


@pytest.fixture
def reports(segeval: Run, nifti: Run, tmp_path: Path) -> tuple[Path, Path]:
    for side in ("p", "r"):
        nifti(f"{side}/a.nii", np.array([1, 1, 0, 0], np.uint8).reshape(4, 1, 1))
    found = tmp_path / "a.json", tmp_path / "b.json"
    for path, mine in zip(found, (SUM, OTHER), strict=True):
        arguments = ("--metrics", f"dice,{mine},focal:gamma=3", "-o", path)
        assert segeval("batch", tmp_path / "p", tmp_path / "r", *arguments).code == 0
    return found


def test_the_advice_of_a_comparison_works(reports: tuple[Path, Path], segeval: Run) -> None:
    refused = segeval("compare", *reports)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert f"quantities is {SUM},focal:gamma=3 and {OTHER},focal:gamma=3;" in refused.err
    advice = refused.err.strip().rpartition("--allow-changed ")[2]
    run = segeval("compare", *reports, "--allow-changed", advice, "-f", "json")
    assert run.code == 0
    assert {row["quantity"] for row in run.json["rows"]} == {"dice", "both", "focal:gamma=3"}


def test_a_baseline_names_the_sum_whole(reports: tuple[Path, Path], segeval: Run, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    assert segeval("check", reports[0], "--baseline", baseline, "--update-baseline").code == 0
    assert json.loads(baseline.read_text())["signature"].endswith(f"quantities:{SUM},focal:gamma=3")
    assert segeval("check", reports[0], "--baseline", baseline).code == 0
    run = segeval("check", reports[1], "--baseline", baseline)
    assert run.code == 3
    assert f"other settings: quantities was {SUM},focal:gamma=3, is {OTHER},focal:gamma=3;" in run.err
    assert "--allow-changed" not in run.err

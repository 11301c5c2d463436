"""`--class-weights` takes a label's name for its value, from a label file or the files; no name is passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from slicers import seg_nrrd

from segeval import evaluate
from segeval.errors import UsageError

Run = Callable[..., Any]
Nifti = Callable[..., Path]
NAMES = {"background": 0, "liver": 1, "aorta": 2}
CE = ("--metrics", "weighted_ce", "--format", "json")
REFERENCE = np.arange(60).reshape(5, 4, 3) % 3
PREDICTION = np.where(np.arange(60).reshape(5, 4, 3) % 7, REFERENCE, 0)


@pytest.fixture
def pair(nifti: Nifti, tmp_path: Path) -> tuple[Any, ...]:
    """Files of both, with what names their labels."""
    (tmp_path / "labels.toml").write_text("".join(f"{name} = {value}\n" for name, value in NAMES.items()), "utf-8")
    files = (nifti("p.nii", PREDICTION.astype(np.uint8)), nifti("r.nii", REFERENCE.astype(np.uint8)))
    return (*files, "--labels", tmp_path / "labels.toml")


def test_names_weigh_as_values_do(pair: tuple[Any, ...], segeval: Run) -> None:
    by_value = segeval("score", *pair, *CE, "--class-weights", "0=0.5,1=2,2=3").json
    for weights in ("background=0.5,liver=2,aorta=3", "0=0.5,liver=2,2=3"):
        by_name = segeval("score", *pair, *CE, "--class-weights", weights).json
        assert by_name["cases"][0]["rows"] == by_value["cases"][0]["rows"]
        assert by_name["signature"] == by_value["signature"]
    lost = 60 - np.count_nonzero(PREDICTION == REFERENCE)
    liver = np.count_nonzero((PREDICTION != REFERENCE) & (REFERENCE == 1))
    assert 0 < liver < lost
    assert by_value["cases"][0]["rows"][0]["weighted_ce"] == pytest.approx(-2 * liver * np.log(1e-7) / 60, rel=1e-6)


def test_names_of_the_files_will_do(nifti: Nifti, tmp_path: Path, segeval: Run) -> None:
    for side, labels in (("p", PREDICTION), ("r", REFERENCE)):
        for name in ("liver", "aorta"):
            nifti(f"{side}/{name}.nii", (labels == NAMES[name]).astype(np.uint8))
    asked = ("score", tmp_path / "p", tmp_path / "r", *CE, "--class-weights")
    by_name = segeval(*asked, "0=1,liver=2,aorta=3").json["cases"][0]["rows"]
    assert [row["name"] for row in by_name[:2]] == ["aorta", "liver"]
    assert by_name == segeval(*asked, "0=1,2=2,1=3").json["cases"][0]["rows"]
    run = segeval(*asked, "0=1,liver=2,1=3,spleen=4")
    assert (run.code, run.out) == (2, "")
    assert "--class-weights: there is no label or region 'spleen'" in run.err


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (
            "0=1,1=1,2=1,lever=2",
            "there is no label or region 'lever'; did you mean liver?; names are: background, liver",
        ),
        ("0=1,1=1,2=1,liver=2", "--class-weights: 1 is given twice, as liver, too; give each label one weight"),
    ],
)
def test_a_weight_that_nothing_would_bear_is_refused(
    weights: str, said: str, pair: tuple[Any, ...], segeval: Run
) -> None:
    run = segeval("score", *pair, *CE, "--class-weights", weights)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert said in run.err


def test_without_names_only_regions_have_some(pair: tuple[Any, ...]) -> None:
    weights: Any = {0: 1, 1: 1, 2: 1, "both": 2}
    report = evaluate(*pair[:2], metrics="weighted_ce", class_weights=weights, regions={"both": [1, 2]})
    rows = {row.label: row.values["weighted_ce"] for row in report.cases[0].rows}
    once = evaluate(*pair[:2], metrics="weighted_ce", class_weights={**weights, "both": 1}, regions={"both": [1, 2]})
    assert rows["both"] == pytest.approx(2 * {r.label: r.values["weighted_ce"] for r in once.cases[0].rows}["both"])
    with pytest.raises(UsageError, match="there is no label or region 'both'; names are: none, so give label values"):
        evaluate(*pair[:2], metrics="weighted_ce", class_weights=weights)


def test_background_is_0_where_no_file_names_it(pair: tuple[Any, ...], segeval: Run) -> None:
    by_value, by_name = (
        segeval("score", *pair[:2], "--labels", "1,2", *CE, "--class-weights", f"{background}=0.5,1=2,2=3").json
        for background in ("0", "background")
    )
    assert by_name["cases"][0]["rows"] == by_value["cases"][0]["rows"]


def test_a_merged_report_counts_with_them_again(pair: tuple[Any, ...], tmp_path: Path, segeval: Run) -> None:
    for side, path in zip(("ps", "rs"), pair[:2], strict=True):
        (tmp_path / side).mkdir()
        for case in "ab":
            (tmp_path / side / f"{case}.nii").write_bytes(path.read_bytes())
    asked = ("batch", tmp_path / "ps", tmp_path / "rs", *pair[2:], *CE, "--pooled", "--workers", "1")
    asked += ("--class-weights", "background=0.5,liver=2,aorta=3")
    whole = segeval(*asked).json
    for shard in (1, 2):
        assert segeval(*asked, "--shard", f"{shard}/2", "-o", tmp_path / f"{shard}.json").code == 0
    merged = segeval("merge", tmp_path / "1.json", tmp_path / "2.json", "--format", "json").json
    assert merged["pooled"] == whole["pooled"]
    assert merged["settings"]["class_weights"] == {"0": 0.5, "1": 2.0, "2": 3.0}


def test_pooled_rows_know_the_names_of_the_files(tmp_path: Path, segeval: Run) -> None:
    """Two cases with the voxels of one have its mean over all voxels, and its row's name."""
    segments = [(0, 1, "liver"), (0, 2, "aorta")]
    for side, labels in (("p", PREDICTION), ("r", REFERENCE)):
        (tmp_path / side).mkdir()
        for case in "ab":
            (tmp_path / side / f"{case}.seg.nrrd").write_bytes(seg_nrrd(labels, segments))
    asked = ("batch", tmp_path / "p", tmp_path / "r", *CE, "--pooled", "--workers", "1", "--class-weights")
    run = segeval(*asked, "0=0.5,liver=2,aorta=3")
    assert run.code == 0, run.err
    assert run.json["pooled"][:2] == run.json["cases"][0]["rows"][:2]
    assert [row["name"] for row in run.json["pooled"][:2]] == ["liver", "aorta"]


def test_a_region_without_a_weight_is_named_with_how_to_give_it_one(pair: tuple[Any, ...], segeval: Run) -> None:
    asked = ("score", *pair, *CE, "--region", "both=1+2", "--region", "some=1", "--class-weights")
    words = "--class-weights: there is none for region some, so that its weighted_ce is undefined; some=1 would give it"
    found = segeval(*asked, "0=1,1=2,2=3,both=1").json["cases"][0]
    rows = {row["label"]: row["weighted_ce"] for row in found["rows"]}
    assert (f"{words} one" in found["remarks"], rows["some"]) == (True, None)
    assert rows["both"] > 0
    found = segeval(*asked, "0=1,1=2,2=3,both=1,some=1").json["cases"][0]
    assert not any("--class-weights" in remark for remark in found["remarks"])
    run = segeval(
        "score", *pair, "--metrics", "dice", "-f", "json", "--region", "a=1", "--class-weights", "0=1,1=2,2=3"
    )
    assert not any("--class-weights" in remark for remark in run.json["cases"][0]["remarks"])  # nothing needs one


def test_a_weight_of_a_label_that_is_not_listed_is_refused(pair: tuple[Any, ...], segeval: Run) -> None:
    asked = ("score", *pair[:2], "--labels", "1,2", "--ignore-label", "2", *CE, "--class-weights")
    run = segeval(*asked, "0=1,1=1,7=3")
    assert (run.code, run.out) == (2, "")
    assert "--class-weights 7=3: there is no label 7; listed are: 1" in run.err
    assert segeval(*asked, "0=1,1=1,2=3").code == 0  # of the label that is ignored
    every = ("score", *pair[:2], *CE, "--class-weights", "0=1,1=1,2=3,7=3")
    assert segeval(*every).code == 0  # nobody knows before the last voxel which labels there are

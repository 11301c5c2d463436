"""Shards of a batch put together say what the batch says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Nifti = Callable[..., Path]
Run = Callable[..., Any]


def test_what_is_counted_over_cases_is_remarked_once(segeval: Run, nifti: Nifti, tmp_path: Path) -> None:
    """Label 1 is lacking in two predictions and label 2 in one, each case being a shard of its own."""
    reference = np.zeros((6, 5, 4), np.uint8)
    reference[1:3], reference[4:] = 1, 2
    for folder in ("p", "r"):
        (tmp_path / folder).mkdir()
    for case, lacking in zip("abc", (1, 2, 1), strict=True):
        nifti(f"r/{case}.nii.gz", reference)
        nifti(f"p/{case}.nii.gz", np.where(reference == lacking, 0, reference).astype(np.uint8))
    batch = ("batch", tmp_path / "p", tmp_path / "r", "--metrics", "hd95", "--missed", "box", "-o")
    assert segeval(*batch, tmp_path / "whole.json").code == 0
    for shard in "123":
        assert segeval(*batch, tmp_path / f"{shard}.json", "--shard", f"{shard}/3").code == 0
    merged = segeval("merge", *(tmp_path / f"{shard}.json" for shard in "123"), "-f", "json").json
    words = "labels that one volume lacks, whose distances are those of --missed box and whose nsd is 0"
    counted = [remark for remark in merged["remarks"] if "--missed" in remark]
    assert counted == [f"{words}: 1 in 2 case(s), 2 in 1 case(s)"]
    again = segeval("merge", tmp_path / "whole.json", "-f", "json").json
    assert again["remarks"] == merged["remarks"]


def test_shards_that_scored_no_prediction_change_neither_signature_nor_pooled_rows(
    segeval: Run, nifti: Nifti, tmp_path: Path
) -> None:
    """The prediction of b is missing, that of c is damaged, and each case is a shard of its own."""
    labels = np.zeros((6, 5, 4), np.uint8)
    labels[1:3], labels[4:] = 1, 2
    for case in "abc":
        nifti(f"r/{case}.nii.gz", labels)
    nifti("p/a.nii.gz", labels)
    (tmp_path / "p" / "c.nii.gz").write_bytes(b"no gzip")
    batch = ("batch", tmp_path / "p", tmp_path / "r", "--missing", "worst", "--pooled", "-o")
    assert segeval(*batch, tmp_path / "whole.json").code == 3
    for shard in "123":
        segeval(*batch, tmp_path / f"{shard}.json", "--shard", f"{shard}/3")
    merged = segeval("merge", *(tmp_path / f"{shard}.json" for shard in "231"), "-o", tmp_path / "merged.json")
    assert merged.code == 3
    assert (tmp_path / "merged.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


def test_a_number_that_two_shards_give_other_names_is_no_row_of_both(
    segeval: Run, nifti: Nifti, tmp_path: Path
) -> None:
    """Batches of mask folders number the classes that they meet: aorta is 1 in the one, 2 in the other."""
    here = np.ones((3, 4, 5), np.uint8)
    for shard, classes in (("1", ("aorta", "liver")), ("2", ("adrenal", "aorta"))):
        for side in "pr":
            for stem in classes:
                nifti(f"{side}{shard}/case{shard}/{stem}.nii", here)
        out = tmp_path / f"{shard}.json"
        assert (
            segeval("batch", tmp_path / f"p{shard}", tmp_path / f"r{shard}", "--metrics", "dice", "-o", out).code == 0
        )
    run = segeval("merge", tmp_path / "1.json", tmp_path / "2.json", "--format", "json")
    first, second = run.json["cases"]
    assert (first["status"], second["status"]) == ("ok", "error")
    assert second["reason"] == "label 1 is 'adrenal' here and 'aorta' in case1; name the labels with --labels"
    summary = {row["name"]: (row["mean"], row["n"], row["failed"]) for row in run.json["summary"] if row["name"]}
    assert summary == {"aorta": (1.0, 1, 1), "liver": (1.0, 1, 1)}

"""Zarr hierarchies are folders, and volumes: cases of a batch like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trees import Tree, nothing_left, shown

from segeval.pairing import pair_folders

zarr = pytest.importorskip("zarr")


def test_folders_of_hierarchies_pair_by_name_and_by_case(tree: Tree) -> None:
    inside = ("zarr.json", "c/0/0/0")
    flat = [tree(side, *(f"{case}.zarr/{file}" for case in "ab" for file in inside)) for side in ("p", "r")]
    pairing = pair_folders(*flat)
    assert (pairing.layout, nothing_left(pairing), pairing.remarks) == ("name", True, ())
    assert shown(pairing, *flat) == {case: (f"{case}.zarr", f"{case}.zarr") for case in "ab"}
    files = [f"case_{case}/segmentation.zarr/{file}" for case in "ab" for file in inside]
    deep = [tree(f"{side}_deep", *files) for side in ("p", "r")]
    pairing = pair_folders(*deep)
    assert (pairing.layout, nothing_left(pairing)) == ("folders", True)
    assert shown(pairing, *deep) == {
        f"case_{case}": (f"case_{case}/segmentation.zarr",) * 2 for case in "ab"
    }  # fmt: skip


def test_a_folder_of_hierarchies_is_scored(segeval: Callable[..., Any], tmp_path: Path) -> None:
    labels = np.arange(60, dtype=np.uint8).reshape(5, 4, 3) % 3
    for side in "pr":
        for case in "ab":
            path = tmp_path / side / f"{case}.zarr"
            path.parent.mkdir(exist_ok=True)
            zarr.create_array(str(path), shape=labels.shape, chunks=(2, 2, 3), dtype="uint8")[:] = labels
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--format", "json", "--workers", "2")
    assert run.code == 0, run.err
    assert {case["case"]: case["rows"][0]["tp"] for case in run.json["cases"]} == {"a": 20, "b": 20}

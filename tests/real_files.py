"""Real files against an independent reader: where they lie, what NumPy counts in them, and what segeval says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Array = np.ndarray[Any, Any]
Segeval = Callable[..., Any]


PHOTOGRAPHS = ("2011_000003", "2011_000006", "2011_000025")
"""Those of PASCAL VOC that labelme's examples have outlines of."""
VOID = 255


def opened(path: Path) -> Array:
    """A picture's pixels as Pillow has them: the numbers, of a palette as of grey."""
    with Image.open(path) as image:
        return np.asarray(image)


def package_file(package: str, *parts: str) -> Path:
    """A file that an installed package brings; the test is skipped where it does not. The package is not imported."""
    found = importlib.util.find_spec(package)
    path = Path(found.origin or "").parent.joinpath(*parts) if found is not None else None
    if path is None or not path.exists():
        pytest.skip(f"{package} with {'/'.join(parts)} is not installed")
    return path


def run_package(folder: Path, *arguments: object) -> str:
    """What Python prints that sees the package in that folder, beside those that are installed."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", *map(str, arguments)], env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def counts(array: Array) -> dict[int, int]:
    """Voxels of each label but 0."""
    values, voxels = np.unique(array, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, voxels, strict=True) if value}


def inspected(segeval: Segeval, path: object, *options: object) -> dict[int, int]:
    """Voxels of each label that has some, as `segeval inspect` counts them."""
    run = segeval("inspect", path, "--format", "json", *options)
    assert run.code == 0, run.err
    return {row["label"]: row["voxels"] for row in run.json["labels"] if row["voxels"]}


def agrees(
    segeval: Segeval,
    prediction: object,
    reference: object,
    arrays: tuple[Array, Array],
    *options: object,
    left_out: Iterable[int] = (),
) -> list[str]:
    """The remarks of a score whose counts, Dice and IoU are those of the arrays, which others have read."""
    run = segeval("score", prediction, reference, "--format", "json", "--metrics", "tp,fp,fn,dice,iou", *options)
    assert run.code == 0, run.err
    rows = {row["label"]: row for row in run.json["cases"][0]["rows"] if isinstance(row["label"], int)}
    ours, theirs = arrays
    assert ours.shape == theirs.shape
    labels = {*np.unique(ours).tolist(), *np.unique(theirs).tolist()} - {0, *left_out}
    assert {label for label, row in rows.items() if row["tp"] + row["fp"] + row["fn"]} == labels
    for label in labels:
        assert_agrees(rows[label], ours == label, theirs == label)
    return run.remarks


def assert_agrees(row: dict[str, Any], ours: Array, theirs: Array) -> None:
    """The row of a label is that of two masks."""
    tp, fp, fn = (int(np.count_nonzero(mask)) for mask in (ours & theirs, ours & ~theirs, theirs & ~ours))
    assert (row["tp"], row["fp"], row["fn"]) == (tp, fp, fn)
    assert row["dice"] == pytest.approx(2 * tp / (2 * tp + fp + fn), rel=1e-12)
    assert row["iou"] == pytest.approx(tp / (tp + fp + fn), rel=1e-12)

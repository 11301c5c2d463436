"""What a batch says of the kind of its predictions, and with it of every setting that can change a number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
MASK = np.zeros((4, 4, 3), np.uint8)
MASK[1:3, 1:3] = 1
MAP = MASK * np.float32(0.4) + np.float32(0.3)  # 0.7 inside, 0.3 outside


@pytest.fixture
def signature(segeval: Run, nifti: Callable[..., Path], tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The parts of the signature of a batch of these predictions, by name; None is missing."""

    def scored(*predictions: np.ndarray[Any, Any] | None, threshold: float = 0.5) -> dict[str, str]:
        (tmp_path / "p").mkdir()
        for number, prediction in enumerate(predictions):
            nifti(f"r/{number}.nii", MASK)
            if prediction is not None:
                nifti(f"p/{number}.nii", prediction)
        options = ("--missing", "worst", "--threshold", threshold, "--labels", "1", "--format", "json")
        run = segeval("batch", tmp_path / "p", tmp_path / "r", *options)
        assert run.code == 0, run.err
        return dict(part.split(":", 1) for part in run.json["signature"].split("|"))

    return scored


def test_a_missing_prediction_is_of_no_kind(signature: Callable[..., dict[str, str]]) -> None:
    """An empty label map stands for it, and the threshold of the others counts all the same."""
    parts = signature(MAP, None, threshold=0.25)
    assert (parts["kind"], parts["threshold"]) == ("probabilities", "0.25")


def test_beside_label_maps_the_settings_of_probability_maps_are_stated(
    signature: Callable[..., dict[str, str]],
) -> None:
    parts = signature(MAP, MASK, threshold=0.25)
    assert (parts["kind"], parts["threshold"]) == ("auto", "0.25")


def test_of_label_maps_alone_they_are_not(signature: Callable[..., dict[str, str]]) -> None:
    parts = signature(MASK, None, threshold=0.25)
    assert parts["kind"] == "labels"
    assert "threshold" not in parts


def test_why_an_empty_prediction_is_not_pooled_with_probability_maps(
    segeval: Run, nifti: Callable[..., Path], tmp_path: Path
) -> None:
    for case in "ab":
        nifti(f"r/{case}.nii", MASK)
    nifti("p/a.nii", MAP)
    options = ("--missing", "worst", "--pooled", "--labels", "1", "--format", "json")
    run = segeval("batch", tmp_path / "p", tmp_path / "r", *options)
    (remark,) = run.json["remarks"]
    assert remark.endswith("; a missing prediction that is scored as empty is a label map")
    assert "pooled" not in run.json

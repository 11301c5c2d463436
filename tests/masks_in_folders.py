"""Folders of masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Segeval = Callable[..., Any]


Nifti = Callable[..., Path]


Array = np.ndarray[Any, Any]


SHAPE = (5, 4, 3)


AFFINE = np.diag([0.8, 1.5, 3.0, 1.0])


NAMES = {"aorta": 1, "liver": 2, "spleen": 7}


LABELS = np.random.default_rng(3).choice([0, 1, 2, 7], SHAPE).astype(np.uint8)


OTHER = np.where(np.random.default_rng(4).random(SHAPE) < 0.7, LABELS, 2).astype(np.uint8)


def masks_of(labels: Array, names: Mapping[str, int] = NAMES, inside: int = 1) -> dict[str, Array]:
    """The masks that a label map is equivalent to."""
    return {name: np.where(labels == value, inside, 0) for name, value in names.items()}


def rows_of(run: Any) -> dict[Any, dict[str, Any]]:
    """The rows of a JSON report by label, without their names."""
    assert run.code == 0, run.err
    return {row["label"]: {k: v for k, v in row.items() if k != "name"} for row in run.json["cases"][0]["rows"]}


def assert_same_numbers(ours: Any, theirs: Any) -> None:
    """Equal rows and equal confusion."""
    assert rows_of(ours) == rows_of(theirs)
    assert ours.json["cases"][0]["confusion"] == theirs.json["cases"][0]["confusion"]


def counts(prediction: Array, reference: Array) -> dict[str, int]:
    """One mask against another."""
    return {
        "tp": int(np.sum(prediction & reference)),
        "fp": int(np.sum(prediction & ~reference)),
        "fn": int(np.sum(~prediction & reference)),
        "tn": int(np.sum(~prediction & ~reference)),
    }


# Overlap


def overlapping() -> tuple[dict[str, Array], dict[str, Array]]:
    """Prediction and reference masks of three classes that share voxels, some of them all three."""
    rng = np.random.default_rng(6)
    prediction = {name: rng.random(SHAPE) < 0.5 for name in NAMES}
    reference = {name: rng.random(SHAPE) < 0.5 for name in NAMES}
    return prediction, reference

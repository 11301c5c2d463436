"""Arrays to score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from segeval import Report
from segeval.results.report import Row

Run = Callable[..., Any]


SAMPLES = Path(__file__).parents[1] / "sample_data"


PREDICTION, REFERENCE = SAMPLES / "prediction.nii.gz", SAMPLES / "reference.nii.gz"


SOFTMAX, LABELS = SAMPLES / "prediction_softmax.nii.gz", SAMPLES / "labels.json"


RNG = np.random.default_rng(20240229)


SHAPE = (7, 6, 5)


TRUTH = RNG.integers(0, 4, SHAPE)


GUESS = np.where(RNG.random(SHAPE) < 0.7, TRUTH, RNG.integers(0, 4, SHAPE))


SOFT = RNG.dirichlet(np.ones(4), SHAPE)  # classes last


def row(report: Report, label: int | str) -> Row:
    (found,) = [row for row in report.cases[0].rows if row.label == label]
    return found


def rows_as_text(report: Report) -> list[str]:
    """The rows to the last digit; NaN equals NaN."""
    return [repr(row) for row in report.cases[0].rows]


def dice(prediction: Any, reference: Any) -> float:
    return float(2 * (prediction & reference).sum() / (prediction.sum() + reference.sum()))

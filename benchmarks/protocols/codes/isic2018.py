"""isic_challenge_scoring's confusion and metrics, of arrays."""

from __future__ import annotations

from typing import Any

FAMILY = "skin"


def evaluate(case: Any) -> dict[str, float]:
    """The numbers of one image."""
    from isic_challenge_scoring import metrics
    from isic_challenge_scoring.confusion import create_binary_confusion_matrix

    truth, prediction = (255 * labels[..., 0] > 128 for labels in (case.y, case.h))
    counts = create_binary_confusion_matrix(truth_binary_values=truth, prediction_binary_values=prediction, name="x")
    return {
        "accuracy": metrics.binary_accuracy(counts),
        "sensitivity": metrics.binary_sensitivity(counts),
        "specificity": metrics.binary_specificity(counts),
        "jaccard": metrics.binary_jaccard(counts),
        "threshold_jaccard": metrics.binary_threshold_jaccard(counts, threshold=0.65),
        "dice": metrics.binary_dice(counts),
    }

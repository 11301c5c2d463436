"""Every loss of docs/quantities.md from whole arrays in float64, written from that page alone.

Usage: PREDICTION REFERENCE
The prediction is a foreground map of label 1, or a softmax: (x, y, z, class) in NIfTI, (class, z, y, x) in .npz.
"""

import json
import sys

import nibabel
import numpy as np

EPSILON, LAMBDA, GAMMA, ALPHA, ETA = 1e-6, 0.05, 2, 0.25, 1e-7


def load(path):
    """Probabilities with the classes first, the background among them."""
    if path.endswith(".npz"):
        return np.load(path)["probabilities"].astype(np.float64)
    values = nibabel.load(path).get_fdata()
    return np.stack([1 - values, values]) if values.ndim == 3 else np.moveaxis(values, 3, 0)


def generalised_dice(intersections, predicted, actual, power):
    """1 minus the Dice of all classes, each weighted by its reference volume to the power of -``power``."""
    weights = [volume**-power if volume else None for volume in actual]
    largest = max((weight for weight in weights if weight is not None), default=1.0)
    weights = np.array([largest if weight is None else weight for weight in weights])
    return 1 - 2 * (weights * intersections).sum() / (weights * (np.add(predicted, actual))).sum()


def losses(p, r):
    """The losses of one label against the rest; ``p`` and ``r`` are float64 volumes."""
    n = r.size
    clipped = np.clip(p, ETA, 1 - ETA)
    log_true, log_false = r * np.log(clipped), (1 - r) * np.log(1 - clipped)
    focal_true, focal_false = (1 - p) ** GAMMA * log_true, p**GAMMA * log_false
    squares = (r - p) ** 2
    intersections = [np.sum(p * r), np.sum((1 - p) * (1 - r))]
    predicted, actual = [np.sum(p), np.sum(1 - p)], [np.sum(r), np.sum(1 - r)]
    found = {
        "ce": -np.sum(log_true) / n,
        "bce": -np.sum(log_true + log_false) / n,
        "wce": -np.sum((n - predicted[0]) / predicted[0] * log_true + log_false) / n,
        "weighted_bce": -np.sum((n - actual[0]) / actual[0] * log_true + log_false) / n,
        "focal_no_alpha": -np.sum(focal_true + focal_false) / n,
        "focal": -np.sum(ALPHA * focal_true + (1 - ALPHA) * focal_false) / n,
        "dl2": 1
        - (intersections[0] + EPSILON) / (predicted[0] + actual[0] + EPSILON)
        - (intersections[1] + EPSILON) / (predicted[1] + actual[1] + EPSILON),
        "ss": LAMBDA * np.sum(squares * r) / (actual[0] + EPSILON)
        + (1 - LAMBDA) * np.sum(squares * (1 - r)) / (actual[1] + EPSILON),
        "gdl_v": generalised_dice(intersections, predicted, actual, 2),
        "gdl_simple": generalised_dice(intersections, predicted, actual, 1),
        "gdl_uniform": generalised_dice(intersections, predicted, actual, 0),
        "soft_dice": 1 - 2 * intersections[0] / (np.sum(p**2) + actual[0] + EPSILON),
        "soft_iou": 1 - intersections[0] / (predicted[0] + actual[0] - intersections[0]),
    }
    sums = (intersections[0], predicted[0], actual[0], -np.sum(focal_true) / n)
    return found, sums


probabilities, reference = load(sys.argv[1]), nibabel.load(sys.argv[2]).get_fdata()
if sys.argv[1].endswith(".npz"):
    reference = reference.transpose(2, 1, 0)
rows, totals = {}, []
for label, plane in enumerate(probabilities):
    rows[label], sums = losses(plane, (reference == label).astype(np.float64))
    totals.append(sums)
intersections, predicted, actual, focal = np.transpose(totals)
for label, row in rows.items():
    row["weighted_ce"] = row["ce"] * reference.size / (len(rows) * actual[label]) if actual[label] else 0.0
rows["all"] = {
    "ce": sum(row["ce"] for row in rows.values()),
    "weighted_ce": sum(row["weighted_ce"] for row in rows.values()),
    "focal_no_alpha": focal.sum(),
    "gdl_v": generalised_dice(intersections, predicted, actual, 2),
    "gdl_simple": generalised_dice(intersections, predicted, actual, 1),
    "gdl_uniform": generalised_dice(intersections, predicted, actual, 0),
    "soft_dice": np.mean([row["soft_dice"] for row in rows.values()]),
    "soft_iou": np.mean([row["soft_iou"] for row in rows.values()]),
}
del rows[0]  # the background has a row of its own only where it is asked for
json.dump(rows, sys.stdout, default=float)

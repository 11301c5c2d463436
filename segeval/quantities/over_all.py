"""The overlap metrics of the row ``all``: the labels taken together, from the counts of all classes, background first.

Each bears the name of the metric that it is the row ``all`` of.
"""

from __future__ import annotations

import math

import numpy as np

from segeval.array_types import Integers
from segeval.quantities.arithmetic import as_floats, generalised_dice, ratio
from segeval.tallies.tally import Counts


def _pooled(c: Counts) -> tuple[Integers, Integers, Integers]:
    """TP, FP and FN of the foreground labels, added up."""
    foreground = c[1:]
    tp, fp, fn = (a.sum(keepdims=True) for a in (foreground.tp, foreground.fp, foreground.fn))
    return tp, fp, fn


def dice(c: Counts) -> float:
    """Of the foreground labels' counts added up."""
    tp, fp, fn = _pooled(c)
    return float(ratio(2 * tp, 2 * tp + fp + fn)[0])


def iou(c: Counts) -> float:
    """Of the foreground labels' counts added up."""
    tp, fp, fn = _pooled(c)
    return float(ratio(tp, tp + fp + fn)[0])


def accuracy(c: Counts) -> float:
    """The share of voxels with the right label."""
    return float(ratio(c.tp.sum(keepdims=True), c.n[:1])[0])


def _marginals(c: Counts) -> tuple[int, int, list[int], list[int]]:
    """N, Σ TP and the marginals as Python integers, whose squares neither overflow nor round."""
    return int(c.n[0]), int(c.tp.sum()), c.reference.tolist(), c.prediction.tolist()


def kappa(c: Counts) -> float:
    """Cohen's, of the whole table. Source: Cohen 1960."""
    n, right, reference, prediction = _marginals(c)
    by_chance = sum(r * p for r, p in zip(reference, prediction, strict=True))
    return (n * right - by_chance) / (n * n - by_chance) if n * n != by_chance else math.nan


def mcc(c: Counts) -> float:
    """R_K, of the whole table. Source: Gorodkin 2004."""
    n, right, reference, prediction = _marginals(c)
    by_chance = sum(r * p for r, p in zip(reference, prediction, strict=True))
    spread = (n * n - sum(r * r for r in reference)) * (n * n - sum(p * p for p in prediction))
    return (n * right - by_chance) / math.sqrt(spread) if spread else math.nan


def gds(c: Counts, *, background: bool) -> float:
    """Over the classes, with the background or without."""
    classes = c if background else c[1:]
    if not classes.tp.size:
        return math.nan
    tp, fp, fn, _ = (a[:, np.newaxis] for a in as_floats(classes))
    return float(generalised_dice(tp, 2 * tp + fp + fn, tp + fn, 2)[0])

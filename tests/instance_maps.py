"""Instances of label maps that are given as arrays, found and matched as the program does it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from segeval.kernels.held_runs import HeldRuns
from segeval.shapes.all_instances import LabelMaps, Target, match_all
from segeval.shapes.counting import LabelMap
from segeval.tallies.instances import InstanceOptions, TargetInstances

Map = np.ndarray[Any, Any]
Values = frozenset[int]


def label_map(labels: Map) -> LabelMap:
    """Kept as runs."""
    held = HeldRuns(labels.shape)
    held.add(labels.ravel(order="F"))
    return LabelMap(held, labels.shape)


def match_maps(
    prediction: Map,
    reference: Map,
    options: InstanceOptions,
    targets: Mapping[int | str, tuple[Values, Values]] | None = None,
    *,
    spacing_mm: tuple[float, ...] | None = None,
    ignore: int | None = None,
    distances: bool = False,
    tolerances: Sequence[float] | None = None,
    threads: int = 1,
) -> tuple[TargetInstances, ...]:
    """targets: the values of each in prediction and reference; by default one target of all values but 0."""
    prediction, reference = np.atleast_2d(prediction), np.atleast_2d(reference)
    if targets is None:
        targets = {"cell": (values_of(prediction), values_of(reference))}
    box = tuple(slice(0, n) for n in reference.shape)
    spacing = spacing_mm or (1.0,) * reference.ndim
    maps = LabelMaps(label_map(prediction), label_map(reference), spacing, math.prod(spacing), ignore)
    asked = [Target(key, *values, box) for key, values in targets.items()]
    return match_all(maps, asked, options, distances=distances, tolerances=tolerances, threads=threads)


def values_of(labels: Map) -> Values:
    """All but 0."""
    return frozenset(np.unique(labels).tolist()) - {0}

"""Lesion candidates with their confidences and reference lesions, case by case: what detection is judged by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from segeval.array_types import Floats, Integers
from segeval.tallies.by_value import ByValue
from segeval.targets import TargetKey


class CaseDetections(ByValue, frozen=True):
    """One target of one case.

    lesions: how many the reference has. confidences: of each candidate, float64, shape (candidates,).
    pairs: int64, shape (2, pairs), lesion and candidate that share a voxel, ascending. iou: of each pair.
    """

    lesions: int
    confidences: Floats
    pairs: Integers
    iou: Floats

    @classmethod
    def none(cls) -> CaseDetections:
        """Of a case without a lesion or a candidate."""
        return cls(0, np.zeros(0), np.zeros((2, 0), dtype=np.int64), np.zeros(0))

    @property
    def confidence(self) -> float:
        """That there is any lesion: the largest of the candidates'."""
        return float(self.confidences.max(initial=0.0))


Cases = tuple[CaseDetections, ...]


class Detections(ByValue, frozen=True):
    """Every target's cases. Detections add: their cases stand one after the other.

    count: how many cases there are; a target that a case lacks has nothing there.
    """

    count: int
    targets: Mapping[TargetKey, Cases]

    def __add__(self, other: Detections) -> Detections:
        keys = dict.fromkeys((*self.targets, *other.targets))
        return Detections(self.count + other.count, {key: self.cases(key) + other.cases(key) for key in keys})

    def cases(self, target: TargetKey) -> Cases:
        """The target in every case."""
        return self.targets.get(target, (CaseDetections.none(),) * self.count)

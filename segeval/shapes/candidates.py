"""The candidates of a detection map, and the reference lesions that they overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats
from segeval.errors import LabelError
from segeval.shapes.components import find_components, shared_voxels
from segeval.tallies.detections import CaseDetections


def candidates_of(name: str, confidences: Floats, mask: NDArray[np.bool_], connectivity: int | None) -> CaseDetections:
    """Connected components of what is above 0, each with its largest value, against those of the mask.

    Arrays of one shape of two or three dimensions. Raises LabelError where some component has several confidences.
    """
    candidates = find_components(np.asfortranarray(confidences > 0), connectivity)
    lesions = find_components(np.asfortranarray(mask), connectivity)
    places: NDArray[Any] = candidates.places.ravel(order="F")
    there = np.flatnonzero(places)
    values = confidences.ravel(order="F").take(there)
    largest = np.zeros(len(candidates))
    np.maximum.at(largest, places.take(there).astype(np.int64) - 1, values)
    if (distinct := len(np.unique(values))) > len(candidates):
        raise LabelError(
            f"{name}: holds {distinct} values above 0 in {len(candidates)} connected component(s): it is no detection "
            "map, in which each component has one confidence; extract candidates first, or leave lesion_ap, froc, "
            "case_auroc, instance_ap and instance_map out"
        )
    pairs = shared_voxels(lesions, candidates)
    union = lesions.voxels[pairs.reference] + candidates.voxels[pairs.prediction] - pairs.voxels
    return CaseDetections(
        len(lesions), largest, np.stack((pairs.reference, pairs.prediction)), np.asarray(pairs.voxels / union)
    )

"""One-vs-rest counts of voxels that have weights: what the sums of a label map follow from."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from segeval.tallies.tally import Counts


def weighted_counts(
    weights: Mapping[tuple[int, int], float], belongs: Mapping[int, frozenset[int]], targets: int
) -> Counts:
    """The weights of hits, of false positives and so on, float64, shape (targets,).

    weights: by (reference value, prediction value). belongs: the targets of each value, by their place. What is next to
    nothing beside the rest is not lost: nothing is subtracted but for ``tn``, which holds most of the weight.
    """
    hits: list[list[float]] = [[] for _ in range(targets)]
    invented: list[list[float]] = [[] for _ in range(targets)]
    missed: list[list[float]] = [[] for _ in range(targets)]
    for (r, p), weight in weights.items():
        for target in belongs[r] & belongs[p]:
            hits[target].append(weight)
        for target in belongs[p] - belongs[r]:
            invented[target].append(weight)
        for target in belongs[r] - belongs[p]:
            missed[target].append(weight)
    tp, fp, fn = (np.array([math.fsum(part) for part in parts], dtype=np.float64) for parts in (hits, invented, missed))
    tn = np.maximum(math.fsum(weights.values()) - tp - fp - fn, 0.0)
    return Counts(tp, fp, fn, tn)  # type: ignore[arg-type]  # of floats, which `label_map_sums` takes as they are

"""What EvaluateSegmentation (Taha and Hanbury 2015) adds to the rates, of probabilities too: functions of the sums.

Every formula gives one value per target, float64, shape (targets,): NaN where undefined.
"""

from __future__ import annotations

import math

from segeval.array_types import Floats
from segeval.quantities.arithmetic import ratio
from segeval.quantities.quantity import also, measure
from segeval.tallies.tally import SoftSums


@measure(
    "rates",
    "sums",
    "Σ|p − r| / (2 I), Σ|p − r| = P + R − 2I",
    undefined="no voxel in common",
    source="Taha and Hanbury 2015, after Gerig et al. 2001",
    best=0.0,
    worst=math.inf,
    needs_every_value=True,
    synonyms=also("pbd probdst probabilistic_distance_measure"),
    title="prob. distance",
)
def probabilistic_distance(s: SoftSums) -> Floats:
    """Probabilistic distance between both maps."""
    return ratio(s.p + s.r - 2 * s.i, 2 * s.i)


@measure(
    "rates",
    "sums",
    "(MS_b − MS_w) / (MS_b + MS_w), the mean squares between and within the voxels",
    undefined="both empty, both fill everything, or there is one voxel",
    source="Shrout and Fleiss 1979; Taha and Hanbury 2015",
    best=1.0,
    worst=-1.0,
    synonyms=also("interclass_correlation intraclass_correlation intraclass_correlation_coefficient iccorr"),
    title="ICC",
)
def icc(s: SoftSums) -> Floats:
    """Intraclass correlation of prediction and reference, two raters of each voxel."""
    within = ratio((s.r - 2 * s.i + s.p2) / 2, s.n)
    mean = ratio(s.r + s.p, 2 * s.n)
    between = ratio(2 * ((s.r + 2 * s.i + s.p2) / 4 - s.n * mean**2), s.n - 1)
    return ratio(between - within, between + within)

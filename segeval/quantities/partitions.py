"""How alike two partitions are, whatever their parts are called: functions of the joint histogram, for the row ``all``.

p_ij: the share of voxels in part i of the reference and part j of the prediction; t_i, s_j: the shares of the parts.
Every voxel counts, the background's as one part, unless a quantity says otherwise. The adapted Rand numbers are of
pairs of different voxels; with ``squares=yes`` also of a voxel with itself. With ``apart=yes`` the prediction's 0 is no
part: its voxels add their share of all voxels to the pairs in the prediction and in both, as SNEMI3D's script has it.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec.structs import replace

from segeval.array_types import Floats, Integers
from segeval.quantities.quantity import also, of_all
from segeval.tallies.partition import Partition
from segeval.targets import BACKGROUND

_RAND = "Rand 1971"
_MEILA = "Meilă 2007"
_ARGANDA = "Arganda-Carreras et al. 2015"


def _entropy(counts: Integers, base: float) -> float:
    """Of parts of so many voxels."""
    held = counts[counts > 0].astype(np.float64)
    total = held.sum()
    return float((held / total * np.log(total / held)).sum()) / math.log(base) + 0.0


def _entropies(p: Partition, base: float, background: bool = True) -> tuple[float, float, float]:
    """(H(reference), H(prediction), H of both together), NaN where no voxel counts."""
    p = p if background else p.without_background()
    if not p.shared.size:
        return math.nan, math.nan, math.nan
    reference, prediction = p.sizes()
    return _entropy(reference, base), _entropy(prediction, base), _entropy(p.shared, base)


def _squares(counts: Integers) -> int:
    """Σ n², exact for as many voxels as there are."""
    largest = int(counts.max(initial=0))
    if largest and int(counts.sum()) * largest >= 1 << 63:
        return sum(n * n for n in counts.tolist())
    return int((counts * counts).sum())


def _pairs(counts: Integers) -> int:
    """How many ordered pairs of different voxels lie in one part: Σ n (n − 1)."""
    return _squares(counts) - int(counts.sum())


@of_all(
    "H(prediction | reference)",
    source=_MEILA,
    best=0,
    worst=math.inf,
    synonyms=also("over_segmentation oversegmentation_entropy split_error"),
    title="VOI split",
)
def voi_split(p: Partition, *, base: float = 2.0, background: bool = True) -> float:
    """Variation of information by splits: what the reference leaves unknown of the prediction, in bits."""
    reference, _, both = _entropies(p, base, background)
    return both - reference if both != both else max(0.0, both - reference)


@of_all(
    "H(reference | prediction)",
    source=_MEILA,
    best=0,
    worst=math.inf,
    synonyms=also("under_segmentation undersegmentation_entropy merge_error"),
    title="VOI merge",
)
def voi_merge(p: Partition, *, base: float = 2.0, background: bool = True) -> float:
    """Variation of information by merges: what the prediction leaves unknown of the reference, in bits."""
    _, prediction, both = _entropies(p, base, background)
    return both - prediction if both != both else max(0.0, both - prediction)


@of_all(
    "voi_split + voi_merge",
    source=_MEILA,
    best=0,
    worst=math.inf,
    synonyms=also("vi variation_of_information"),
    title="VOI",
)
def voi(p: Partition, *, base: float = 2.0, background: bool = True) -> float:
    """Variation of information, in bits; ``background=no`` leaves out the voxels whose reference is 0."""
    return voi_split(p, base=base, background=background) + voi_merge(p, base=base, background=background)


@of_all(
    "H(reference) + H(prediction) − H(both)",
    source="Shannon 1948",
    best=math.inf,
    worst=0,
    synonyms=also("mi mutual_info"),
    title="mutual info.",
)
def mutual_information(p: Partition, *, base: float = 2.0) -> float:
    """What either partition tells of the other, in bits."""
    reference, prediction, both = _entropies(p, base)
    return max(0.0, reference + prediction - both)


@of_all(
    "mutual information / mean of both entropies",
    source="Vinh et al. 2010",
    best=1,
    worst=0,
    synonyms=also("normalized_mutual_information normalised_mutual_information normalized_mutual_info"),
    title="NMI",
)
def nmi(p: Partition) -> float:
    """Normalised mutual information; 1 for two partitions of one part each."""
    reference, prediction, _ = _entropies(p, 2.0)
    return mutual_information(p) / ((reference + prediction) / 2) if reference + prediction else 1.0


@of_all(
    "pairs of voxels that are together in both or apart in both / all pairs",
    undefined="fewer than two voxels",
    source=_RAND,
    best=1,
    worst=0,
    synonyms=also("rand_index ri"),
    title="Rand",
)
def rand(p: Partition) -> float:
    """Rand index: the share of pairs of voxels on which both partitions agree."""
    reference, prediction = p.sizes()
    n = int(p.shared.sum())
    together, every = _pairs(p.shared), n * (n - 1)
    return (every + 2 * together - _pairs(reference) - _pairs(prediction)) / every if every else math.nan


@of_all(
    "(Rand index − its expectation) / (1 − its expectation)",
    undefined="fewer than two voxels",
    source="Hubert and Arabie 1985",
    best=1,
    worst=-1,
    synonyms=also("ari adjusted_rand_index adjusted_rand_score"),
    title="adj. Rand",
)
def adjusted_rand(p: Partition) -> float:
    """Rand index beyond chance; 1 where both partitions have one part, or all have one voxel."""
    reference, prediction = p.sizes()
    n = int(p.shared.sum())
    if n < 2:
        return math.nan
    ours, theirs, together, every = _pairs(prediction), _pairs(reference), _pairs(p.shared), n * (n - 1)
    numerator = 2 * (together * every - ours * theirs)
    denominator = (ours + theirs) * every - 2 * ours * theirs
    return numerator / denominator if denominator else 1.0


def _adapted(p: Partition, background: bool, squares: bool, apart: bool) -> tuple[float, float]:
    """(precision, recall) of the pairs of voxels that the prediction puts together."""
    voxels = int(p.shared.sum())
    p = p if background else p.without_background()
    count = _squares if squares else _pairs
    theirs = count(p.sizes()[0])
    loose = 0.0
    if apart:
        inside = p.prediction_values[p.prediction] != BACKGROUND
        loose = int(p.shared[~inside].sum()) / voxels if voxels else 0.0
        p = replace(p, reference=p.reference[inside], prediction=p.prediction[inside], shared=p.shared[inside])
    together, ours = count(p.shared) + loose, count(p.sizes()[1]) + loose
    return (together / ours if ours else math.nan, together / theirs if theirs else math.nan)


@of_all(
    "1 − 2 precision · recall / (precision + recall)",
    undefined="no two voxels are together in both",
    source=_ARGANDA,
    best=0,
    worst=1,
    synonyms=also("are arand adapted_rand rand_error"),
    title="ARE",
)
def adapted_rand_error(p: Partition, *, background: bool = False, squares: bool = False, apart: bool = False) -> float:
    """Adapted Rand error, where the reference is not 0 unless ``background=yes``."""
    precision, recall = _adapted(p, background, squares, apart)
    return 1 - 2 * precision * recall / (precision + recall) if precision + recall > 0 else math.nan


@of_all(
    "Σ p_ij² / Σ s_j²",
    undefined="no part of the prediction has two voxels",
    source=_ARGANDA,
    best=1,
    worst=0,
    title="ARE precision",
)
def adapted_rand_precision(
    p: Partition, *, background: bool = False, squares: bool = False, apart: bool = False
) -> float:
    """The share of pairs of voxels that the prediction puts together which are together in the reference."""
    return _adapted(p, background, squares, apart)[0]


@of_all(
    "Σ p_ij² / Σ t_i²",
    undefined="no part of the reference has two voxels",
    source=_ARGANDA,
    best=1,
    worst=0,
    title="ARE recall",
)
def adapted_rand_recall(p: Partition, *, background: bool = False, squares: bool = False, apart: bool = False) -> float:
    """The share of pairs of voxels together in the reference that the prediction puts together."""
    return _adapted(p, background, squares, apart)[1]


@of_all(
    "min(Σ n_ij (t_i − n_ij) / t_i, Σ n_ij (s_j − n_ij) / s_j) / N",
    source="Martin et al. 2001",
    best=0,
    worst=1,
    synonyms=also("global_consistency_error"),
    title="GCE",
)
def gce(p: Partition) -> float:
    """Global consistency error: 0 where one partition refines the other."""
    shared = p.shared.astype(np.float64)

    def error(sizes: Floats) -> float:
        return float((shared * (sizes - shared) / sizes).sum() / shared.sum())

    reference, prediction = p.sizes()
    return min(error(reference[p.reference].astype(np.float64)), error(prediction[p.prediction].astype(np.float64)))

"""The losses that no sum over the voxels gives: they need distances, sorting or neighbours, and a whole map in memory.

The definitions are in docs/quantities.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.array_types import Floats, Mask
from segeval.quantities.quantity import also, measure, of_all
from segeval.tallies.maps import Maps, TargetMap
from segeval.tallies.tally import DEFAULT_ETA

_GROUP = "map_losses"


def _of_each(maps: Maps, loss: Callable[[TargetMap], float]) -> Floats:
    return np.array([loss(target) for target in maps.targets()], dtype=np.float64)


def _per_voxel(maps: Maps, terms: Floats) -> float:
    """The mean of these over the evaluated voxels."""
    return float(terms.sum()) / maps.voxels if maps.voxels else math.nan


@of_all(
    "mean of −ln p̂ of the true class over the k % of voxels where it is largest",
    group=_GROUP,
    record="maps",
    undefined="k % of the voxels are less than one",
    source="Wu et al. 2016; nnU-Net's TopK10",
    best=0,
    worst=math.inf,
    synonyms=also("topk topk_loss topk10"),
    title="top-k CE",
)
def topk_ce(maps: Maps, *, k: float = 10.0, eta: float = DEFAULT_ETA) -> float:
    """Cross-entropy of the worst voxels."""
    truth = np.zeros(maps.voxels)
    for target in maps.labels():
        mask = maps.evaluated_of(target.mask)
        truth[mask] = maps.evaluated_of(target.probabilities)[mask]
    count = int(maps.voxels * k / 100)
    if not count:
        return math.nan
    worst = np.partition(truth, count - 1)[:count]
    return float(-np.log(np.clip(worst, eta, 1 - eta)).mean())


@measure(
    _GROUP,
    "maps",
    "Σ_i e_(i) (J_i − J_(i−1)), e the errors |r − p|, the largest first, J_i the Jaccard loss of the first i",
    source="Berman et al. 2018",
    best=0,
    worst=1,
    over_all=lambda maps: _lovasz_over_all(maps),
    synonyms=also("lovasz_softmax lovasz_loss lovasz_hinge"),
    title="Lovász",
)
def lovasz(maps: Maps) -> Floats:
    """Lovász extension of the Jaccard loss, of the label's probabilities."""
    return _of_each(maps, lambda target: _lovasz(maps, target))


def _lovasz(maps: Maps, target: TargetMap) -> float:
    mask = maps.evaluated_of(target.mask)
    errors = np.abs(mask - maps.evaluated_of(target.probabilities))
    order = np.argsort(-errors, kind="stable")
    inside = mask[order]
    total = int(np.count_nonzero(mask))
    hits = np.cumsum(inside)
    jaccard = 1 - (total - hits) / (total + np.cumsum(~inside))
    return float(errors[order].dot(np.diff(jaccard, prepend=0.0)))


def _lovasz_over_all(maps: Maps) -> float:
    """The mean over the labels of the reference, background included."""
    found = [_lovasz(maps, target) for target in maps.labels() if target.mask.any()]
    return float(np.mean(found)) if found else math.nan


@of_all(
    "1 − (2 T + ε_n) / (2 T + Σ δ + ε), δ = Σ_l M[r, l] p_l of a voxel, T = Σ (1 − δ) over the voxels whose label is "
    "not 0, M the label distances",
    group=_GROUP,
    record="maps",
    source="Fidon et al. 2017, ε as in MONAI",
    best=0,
    worst=1,
    synonyms=also("generalised_wasserstein_dice generalized_wasserstein_dice_loss wasserstein_dice_loss gwdl"),
    title="Wasserst. Dice",
)
def wasserstein_dice(maps: Maps, *, epsilon: float = 1e-5, numerator_epsilon: float = 1e-5) -> float:
    """Generalised Wasserstein Dice loss: how far a wrong label is from the right one counts."""
    classes = sum(isinstance(key, int) for key in maps.keys)
    distances = 1 - np.eye(classes) if maps.label_distances is None else maps.label_distances
    wrong = np.zeros(classes)  # Σ δ over the voxels of each label
    voxels = np.zeros(classes)
    masks = []
    for target in maps.labels():
        masks.append(maps.evaluated_of(target.mask))
        voxels[len(masks) - 1] = np.count_nonzero(masks[-1])
    for column, target in enumerate(maps.labels()):
        p = maps.evaluated_of(target.probabilities)
        wrong += distances[:, column] * np.array([float(p[mask].sum()) for mask in masks])
    true = float((voxels - wrong)[1:].sum())
    denominator = 2 * true + float(wrong.sum()) + epsilon
    return 1 - (2 * true + numerator_epsilon) / denominator if denominator else math.nan


@measure(
    _GROUP,
    "maps",
    "Σ φ p / N, φ the signed distance to the reference's boundary: that to its nearest voxel outside, 1 − that to the "
    "nearest voxel outside of it inside",
    source="Kervadec et al. 2019",
    best=-math.inf,
    worst=math.inf,
    synonyms=also("boundary_loss surface_loss"),
    title="boundary loss",
)
def boundary(maps: Maps, *, unit: str = "voxel") -> Floats:
    """Boundary loss, 0 for a label that the reference lacks or that fills it; ``unit=mm`` measures in millimetres."""
    if unit == "mm" and maps.spacing_mm is None:
        return np.full(len(maps.keys), np.nan)

    def loss(target: TargetMap) -> float:
        spacing = maps.spacing_mm if unit == "mm" else None
        outside, inside = _distances(target.mask, spacing)
        signed = np.where(target.mask, 1 - inside, outside) if target.mask.any() and not target.mask.all() else outside
        return _per_voxel(maps, signed * target.probabilities)

    return _of_each(maps, loss)


@measure(
    _GROUP,
    "maps",
    "Σ (p − r)² (d_P^α + d_R^α) / N, d_P and d_R the distances to the other side of the prediction's and of the "
    "reference's boundary, in voxels",
    source="Karimi and Salcudean 2019, with MONAI's distances",
    best=0,
    worst=math.inf,
    synonyms=also("hausdorff_dt_loss hausdorff_distance_loss log_hausdorff"),
    title="Hausdorff DT",
)
def hausdorff_dt(maps: Maps, *, alpha: float = 2.0) -> Floats:
    """Hausdorff distance loss by distance transforms; a voxel is predicted where p > 0.5."""

    def loss(target: TargetMap) -> float:
        fields = (sum(_distances(mask, None)) for mask in (target.probabilities > 0.5, target.mask))
        weights = sum(field**alpha for field in fields)
        return _per_voxel(maps, (target.probabilities - target.mask) ** 2 * weights)

    return _of_each(maps, loss)


def _distances(mask: Mask, spacing: tuple[float, ...] | None) -> tuple[Floats, Floats]:
    """Of each voxel outside to the nearest inside, of each inside to the nearest outside; 0 where there is no such."""
    from scipy.ndimage import distance_transform_edt

    if not mask.any() or mask.all():
        return np.zeros(mask.shape), np.zeros(mask.shape)
    return distance_transform_edt(~mask, sampling=spacing), distance_transform_edt(mask, sampling=spacing)


@measure(
    _GROUP,
    "maps",
    "1 − 2 T_prec T_sens / (T_prec + T_sens), T_prec = (Σ S_P r + ε) / (Σ S_P + ε), T_sens = (Σ S_R p + ε) / "
    "(Σ S_R + ε), S the soft skeletons",
    source="Shit et al. 2021",
    best=0,
    worst=1,
    synonyms=also("cldice_loss soft_cldice_loss centerline_dice_loss"),
    title="soft clDice",
)
def soft_cldice(maps: Maps, *, iterations: float = 3.0, epsilon: float = 1.0) -> Floats:
    """Soft centreline Dice loss; a skeleton is what minima and maxima over neighbours leave."""

    def loss(target: TargetMap) -> float:
        p, r = np.squeeze(target.probabilities), np.squeeze(target.mask).astype(np.float64)
        of_p, of_r = (_soft_skeleton(image, int(iterations)) for image in (p, r))
        precision = (float((of_p * r).sum()) + epsilon) / (float(of_p.sum()) + epsilon)
        sensitivity = (float((of_r * p).sum()) + epsilon) / (float(of_r.sum()) + epsilon)
        return 1 - 2 * precision * sensitivity / (precision + sensitivity) if precision + sensitivity else math.nan

    with np.errstate(divide="ignore", invalid="ignore"):
        return _of_each(maps, loss)


def _soft_skeleton(image: Floats, iterations: int) -> Floats:
    skeleton = np.maximum(image - _opened(image), 0)
    for _ in range(iterations):
        image = _eroded(image)
        found = np.maximum(image - _opened(image), 0)
        skeleton += np.maximum(found - skeleton * found, 0)
    return skeleton


def _eroded(image: Floats) -> Floats:
    """The minimum over the neighbours along each axis."""
    from scipy.ndimage import minimum_filter1d

    if not image.ndim:
        return image
    smallest = [minimum_filter1d(image, 3, axis=axis, mode="nearest") for axis in range(image.ndim)]
    return np.asarray(np.minimum.reduce(smallest))


def _opened(image: Floats) -> Floats:
    """Eroded, then the maximum over all neighbours, the diagonal ones too."""
    from scipy.ndimage import maximum_filter

    found: NDArray[Any] = _eroded(image)
    return np.asarray(maximum_filter(found, 3, mode="nearest")) if image.ndim else found

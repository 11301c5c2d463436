"""The surface distances: functions of the distances between boundaries. Definitions: docs/surface_distances.md.

Every formula gives one value per target, float64, shape (targets,): NaN where the target is empty in both volumes, and
what a missed target gets (:attr:`Surfaces.missed`, or 0 for shares) where it is empty in exactly one. With ``surfel``
the elements are weighted by their area, as DeepMind's ``surface-distance`` package does. ``direction`` takes the
distances of one boundary alone: ``prediction``, from the prediction's to the reference's, or ``reference``, back.
``boundary=slices`` takes the boundary of each slice of the thickest axis by itself, ``boundary=edges`` the voxels with
background among their neighbours across faces and edges, ``boundary=corners`` among all of them. ``outside=mask``:
there is no boundary where the image ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from segeval.array_types import Floats
from segeval.quantities.quantity import also, measure
from segeval.tallies.surfaces import BACKGROUND, VOLUME, Surfaces, TargetSurface

BOTH = "both"

_AVERAGES = ("asd", "average_surface_distance", "msd", "mean_surface_distance")
"""One way in MedPy (asd) and by MONAI's default; of both boundaries together in seg-metrics (msd) and MONAI's symmetric
one, which is assd; the mean of both directions elsewhere, which is masd: whoever asks for one is told of both."""


@measure(
    "surface",
    "surfaces",
    "max of the two directed p-th percentiles of the boundary distances, mm",
    undefined="both empty, or there is no label map",
    source="Huttenlocher et al. 1993",
    best=0.0,
    worst=np.inf,
    synonyms=also(
        "hausdorff hausdorff_distance hd100 max_hausdorff maximum_hausdorff maximum_surface_distance mssd",
        hd90="hd:p=90",
        hd98="hd:p=98",
        hd99="hd:p=99",
    ),
    title="HD",
)
def hd(
    surfaces: Surfaces,
    *,
    p: float = 100.0,
    surfel: bool = False,
    direction: str = BOTH,
    boundary: str = VOLUME,
    outside: str = BACKGROUND,
) -> Floats:
    """Hausdorff distance, mm: the larger of the two directed percentiles; the maximum by default."""

    def larger(target: TargetSurface) -> float:
        return max(_directed(*side, p) for side in _sides(target, direction))

    return _per_target(surfaces.targets(surfel, boundary, outside), surfaces.missed, larger)


@measure(
    "surface",
    "surfaces",
    "max of the two directed 95th percentiles; pooled: the 95th percentile of both directions together, mm",
    undefined="both empty, or there is no label map",
    source="Taha and Hanbury 2015",
    best=0.0,
    worst=np.inf,
    synonyms=also(
        "hausdorff95 hausdorff_distance_95 95hd percentile_hausdorff robust_hausdorff",
    ),
    title="HD95",
)
def hd95(
    surfaces: Surfaces,
    *,
    pooled: bool = False,
    surfel: bool = False,
    direction: str = BOTH,
    boundary: str = VOLUME,
    outside: str = BACKGROUND,
) -> Floats:
    """95th percentile of the Hausdorff distance, mm; ``pooled`` takes it over both directions together."""
    if not pooled:
        return hd(surfaces, p=95.0, surfel=surfel, direction=direction, boundary=boundary, outside=outside)
    return _per_target(
        surfaces.targets(surfel, boundary, outside),
        surfaces.missed,
        lambda target: _percentile(*_together(target, direction), 95.0),
    )


@measure(
    "surface",
    "surfaces",
    "(Σ d(p, R) + Σ d(r, P)) / (number of elements of both boundaries), mm",
    undefined="both empty, or there is no label map",
    source="Heimann et al. 2009",
    best=0.0,
    worst=np.inf,
    synonyms=also(
        "average_symmetric_surface_distance mean_symmetric_surface_distance",
        **dict.fromkeys(_AVERAGES, "{name} (both boundaries together)"),
    ),
    title="ASSD",
)
def assd(
    surfaces: Surfaces,
    *,
    surfel: bool = False,
    direction: str = BOTH,
    boundary: str = VOLUME,
    outside: str = BACKGROUND,
) -> Floats:
    """Average symmetric surface distance, mm: the mean over the elements of both boundaries."""
    return _per_target(
        surfaces.targets(surfel, boundary, outside),
        surfaces.missed,
        lambda target: _mean(*_together(target, direction)),
    )


@measure(
    "surface",
    "surfaces",
    "(mean d(p, R) + mean d(r, P)) / 2, mm",
    undefined="both empty, or there is no label map",
    source="Beneš and Zitová 2015, Reinke et al. 2024",
    best=0.0,
    worst=np.inf,
    synonyms=also(
        "mean_average_surface_distance",
        **dict.fromkeys(_AVERAGES, "{name} (the mean of both directions)"),
    ),
    title="MASD",
)
def masd(
    surfaces: Surfaces,
    *,
    surfel: bool = False,
    direction: str = BOTH,
    boundary: str = VOLUME,
    outside: str = BACKGROUND,
) -> Floats:
    """Mean average surface distance, mm: the mean of the two directed means."""

    def mean_of_means(target: TargetSurface) -> float:
        means = [_mean(*side) for side in _sides(target, direction)]
        return sum(means) / len(means)

    return _per_target(surfaces.targets(surfel, boundary, outside), surfaces.missed, mean_of_means)


@measure(
    "surface",
    "surfaces",
    "√((Σ d(p, R)² + Σ d(r, P)²) / (number of elements of both boundaries)), mm",
    undefined="both empty, or there is no label map",
    source="Heimann et al. 2009, Bilic et al. 2023 (LiTS)",
    best=0.0,
    worst=np.inf,
    synonyms=also("rmssd rms_surface_distance root_mean_square_surface_distance rms_symmetric_surface_distance"),
    title="RMSD",
)
def rmsd(
    surfaces: Surfaces,
    *,
    surfel: bool = False,
    direction: str = BOTH,
    boundary: str = VOLUME,
    outside: str = BACKGROUND,
) -> Floats:
    """Root mean squared surface distance, mm, over the elements of both boundaries."""

    def root(target: TargetSurface) -> float:
        distances, areas = _together(target, direction)
        return math.sqrt(_mean(distances**2, areas))

    return _per_target(surfaces.targets(surfel, boundary, outside), surfaces.missed, root)


@measure(
    "surface",
    "surfaces",
    "(Σ d(p, R) + Σ d(r, P)) / (2 · number of elements of the reference's boundary), mm",
    undefined="both empty, or there is no label map",
    source="Aydin et al. 2021",
    best=0.0,
    worst=np.inf,
    synonyms=also("balanced_average_distance balanced_average_hausdorff_distance balanced_ahd bahd"),
    title="bAVD",
)
def bavd(surfaces: Surfaces, *, surfel: bool = False, boundary: str = VOLUME, outside: str = BACKGROUND) -> Floats:
    """Balanced average distance, mm: both sums are divided by the reference's size, so that an invention costs the more
    the larger it is."""

    def balanced(target: TargetSurface) -> float:
        there, back = (_sum(*side) for side in _sides(target, BOTH))
        areas = target.reference_areas
        return (there + back) / (2 * (target.to_prediction.size if areas is None else float(areas.sum())))

    return _per_target(surfaces.targets(surfel, boundary, outside), surfaces.missed, balanced)


@measure(
    "surface",
    "surfaces",
    "share of both boundaries with a distance <= tau mm",
    undefined="both empty, or there is no label map",
    source="Nikolov et al. 2021",
    best=1.0,
    worst=0.0,
    synonyms=also(
        "surface_dice normalised_surface_dice normalized_surface_dice normalized_surface_distance surface_dsc",
        nsd1="nsd",
        nsd2="nsd:tau=2",
        nsd3="nsd:tau=3",
        nsd5="nsd:tau=5",
    ),
    title="NSD",
)
def nsd(
    surfaces: Surfaces,
    *,
    tau: float | None = None,
    surfel: bool = False,
    direction: str = BOTH,
    boundary: str = VOLUME,
    outside: str = BACKGROUND,
) -> Floats:
    """Normalised surface distance: the share of both boundaries within ``tau`` mm (inclusive) of the other. Without
    ``tau``: the label's own (``--tau``), or 1 mm."""

    def share(target: TargetSurface) -> float:
        distances, areas = _together(target, direction)
        return _mean((distances <= (target.tau_mm if tau is None else tau)).astype(np.float64), areas)

    return _per_target(surfaces.targets(surfel, boundary, outside), 0.0, share)


def _per_target(targets: Sequence[TargetSurface], missed: float, formula: Callable[[TargetSurface], float]) -> Floats:
    """The formula where both volumes have the target; what is settled for the others. It is infinite where it asks for
    distances beyond those that were measured: undefined in a row, and worse than whatever is defined."""

    def known(target: TargetSurface) -> float:
        with np.errstate(invalid="ignore"):
            value = formula(target)
        return value if math.isfinite(value) else math.inf

    return np.array(
        [known(target) if target.comparable else missed if target.missed else math.nan for target in targets],
        dtype=np.float64,
    )


def _sides(target: TargetSurface, direction: str) -> list[tuple[Floats, Floats | None]]:
    """(Distances, ascending, their areas or None) of each boundary that counts."""
    sides = {
        "prediction": (target.to_reference, target.prediction_areas),
        "reference": (target.to_prediction, target.reference_areas),
    }
    return [side for name, side in sides.items() if direction in (BOTH, name)]


def _together(target: TargetSurface, direction: str) -> tuple[Floats, Floats | None]:
    """The same of all boundaries that count, not sorted."""
    distances, areas = zip(*_sides(target, direction), strict=True)
    known = [part for part in areas if part is not None]
    return np.concatenate(distances), np.concatenate(known) if known else None


def _sum(values: Floats, areas: Floats | None) -> float:
    return float(values.sum() if areas is None else (values * areas).sum())


def _mean(values: Floats, areas: Floats | None) -> float:
    return float(np.average(values, weights=areas))


def _directed(distances: Floats, areas: Floats | None, p: float) -> float:
    """The percentile of distances that ascend, without looking at all of them: to the last bit that of NumPy."""
    if areas is not None:
        return _percentile(distances, areas, p)
    part, below = math.modf((distances.size - 1) * (p / 100))
    around = distances[int(below) : int(below) + 2]
    if math.isinf(around[-1]):  # beyond what was measured; NumPy makes NaN of it, which no maximum sees
        return math.inf if part else float(around[0])
    return float(np.quantile(around, part))


def _percentile(distances: Floats, areas: Floats | None, p: float) -> float:
    """Of elements that count alike: linear interpolation. Of areas: the first distance that p % of the area reach."""
    if areas is None:
        return float(np.percentile(distances, p))
    order = np.argsort(distances, kind="stable")
    reached = np.cumsum(areas[order]) / np.sum(areas)
    index = np.searchsorted(reached, p / 100)
    return float(distances[order][min(int(index), distances.size - 1)])

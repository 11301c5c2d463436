"""The lesion-wise procedure of BraTS 2023, restated from its published evaluation (Saluja et al. 2023).

For one target: the reference is dilated, and its voxels in one 26-component of the dilation are one lesion. The
26-components of the prediction that the dilation of a lesion meets belong to it, to several lesions if they meet
several; those that meet none are invented. A lesion is compared, undilated, with all of its predictions together.

Two lesions' dilations never touch, so a component of the dilated reference is the dilation of its lesion: two joint
histograms answer what the published loop over lesions does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from segeval.array_types import Integers
from segeval.errors import UsageError
from segeval.shapes.components import Components, find_components, is_larger, measure, shared_voxels
from segeval.shapes.matching import DistanceFunction, match_distances, with_pairs
from segeval.shapes.pairs import Pairs
from segeval.tallies.instances import Instance, LesionwiseOptions, Match, TargetInstances

SharesFunction = Callable[[NDArray[np.bool_], NDArray[np.bool_], Sequence[float]], Mapping[float, float]]
"""``f(prediction, reference, spacing_mm)`` gives, by tolerance in mm, a share of two masks that are not empty."""


def match_lesions(
    target: int | str,
    prediction: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    options: LesionwiseOptions,
    *,
    hd95: DistanceFunction,
    spacing_mm: Sequence[float],
    nsd: SharesFunction | None = None,
) -> TargetInstances:
    """The lesions of one target; those too small to be scored, with their predictions, are ``left_out``.

    prediction, reference: whole volumes of three dimensions; beyond them nothing is dilated.
    hd95: the published values are those of boundary elements weighted by area (Google DeepMind's surface-distance).
    nsd: by tolerance, the share of a match's boundaries; None where nobody asks.
    Raises UsageError for two dimensions, where the procedure is not defined.
    """
    if reference.ndim != 3:
        raise UsageError(
            f"brats-lesionwise is defined in three dimensions, and the volumes have {reference.ndim}; "
            "leave its quantities out (--metrics lesionwise)"
        )
    box = _box(prediction | reference, options.dilation)
    origin = [part.start for part in box]
    voxel_volume = float(np.prod(np.abs(spacing_mm)))
    if options.merged:
        dilated = find_components(_dilate(prediction[box], options.dilation), origin=origin)
        merged = measure(np.where(prediction[box], dilated.places, 0), origin)
        predicted = _larger(merged, origin, options.scored_above_mm3, voxel_volume)
    else:
        predicted = find_components(prediction[box], origin=origin)
    dilated = find_components(_dilate(reference[box], options.dilation), origin=origin)
    lesions = measure(np.where(reference[box], dilated.places, 0), origin)
    pairs = _belonging(dilated, lesions, predicted)
    found = with_pairs(target, predicted, lesions, pairs, match_distances(predicted, lesions, pairs, hd95, spacing_mm))
    if nsd is not None:
        shares = match_distances(predicted, lesions, pairs, nsd, spacing_mm)
        matches = zip(found.matches, shares, strict=True)
        found = replace(found, matches=tuple(replace(match, nsd=of_match) for match, of_match in matches))
    found = replace(found, inventions_count=options.inventions)
    return _without_small(found, options.scored_above_mm3, voxel_volume)


def _larger(found: Components, origin: Sequence[int], volume_mm3: float, voxel_volume_mm3: float) -> Components:
    """Those of more than this volume, numbered anew."""
    large = is_larger(found.voxels, volume_mm3, voxel_volume_mm3)
    numbers = np.concatenate(([0], np.where(large, np.cumsum(large), 0))).astype(found.places.dtype)
    return measure(numbers.take(found.places), origin)


def _box(mask: NDArray[np.bool_], margin: int) -> tuple[slice, ...]:
    """The box of the mask and a margin, within the volume."""
    ranges = []
    for axis, size in enumerate(mask.shape):
        places = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        low, high = (places[0], places[-1] + 1) if places.size else (0, 0)
        ranges.append(slice(max(int(low) - margin, 0), min(int(high) + margin, size)))
    return tuple(ranges)


def _dilate(mask: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_dilation, generate_binary_structure

    if not steps:
        return mask
    return np.asarray(binary_dilation(mask, generate_binary_structure(3, 2), iterations=steps), dtype=np.bool_)


def _belonging(dilated: Components, lesions: Components, prediction: Components) -> Pairs:
    """Every pair of a lesion and a prediction that its dilation meets, and the voxels that the lesion itself shares."""
    met, shared = shared_voxels(dilated, prediction), shared_voxels(lesions, prediction)
    voxels: Integers = np.zeros(len(met.voxels), dtype=np.int64)
    columns = max(len(prediction), 1)
    keys = met.reference * columns + met.prediction
    voxels[np.searchsorted(keys, shared.reference * columns + shared.prediction)] = shared.voxels
    return Pairs(met.reference, met.prediction, voxels)


def _without_small(found: TargetInstances, scored_above_mm3: float, voxel_volume_mm3: float) -> TargetInstances:
    def scored(lesion: Instance) -> bool:
        return bool(is_larger(lesion.voxels, scored_above_mm3, voxel_volume_mm3))

    return replace(
        found,
        matches=tuple(match for match in found.matches if scored(match.reference)),
        missed=tuple(lesion for lesion in found.missed if scored(lesion)),
        left_out=(
            *(match for match in found.matches if not scored(match.reference)),
            *(Match(lesion, (), iou=0.0, dice=0.0) for lesion in found.missed if not scored(lesion)),
        ),
    )

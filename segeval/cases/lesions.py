"""The lesions of two label maps, by BraTS's lesion-wise procedure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from segeval.array_types import Mask
from segeval.kernels.boxes import Box
from segeval.quantities import parts_of
from segeval.quantities.surface import hd95, nsd
from segeval.settings import Settings
from segeval.shapes.lesionwise import match_lesions
from segeval.shapes.surface_distances import measure
from segeval.shapes.surfels import measure_surfels
from segeval.shapes.target_masks import TargetMasks
from segeval.tallies.instances import LesionwiseOptions, TargetInstances, lesionwise_options
from segeval.tallies.surfaces import Surfaces
from segeval.volumes.memory import Need, require_memory

if TYPE_CHECKING:
    from segeval.cases.measuring import HeldMaps, HeldTarget

# Bytes that lesions hold at once, measured: masks and numberings of both sides, the dilated one among them, for each
# voxel of the box; indices and joint histogram for each voxel of the prediction; whole masks of the volume, since a
# box would cut the dilation. Where predictions are merged, they are dilated and numbered, too.
_PER_BOX_VOXEL, _PER_PREDICTED_VOXEL, _PER_VOLUME_VOXEL, _PER_MERGED_VOXEL = 16, 26, 3, 10


def lesions_of(maps: HeldMaps, settings: Settings) -> tuple[TargetInstances, ...]:
    """Of every target. Raises UsageError for two dimensions, NotEnoughMemory."""
    options = lesionwise_options(settings.challenge)
    parts = [part for part in parts_of(settings.selections) if part.quantity.name == "lesionwise_nsd"]
    tolerances = [tau for part in parts if isinstance(tau := part.settings["tau"], float)]
    return tuple(
        TargetInstances(target.key) if target.box is None else _lesions(maps, target, target.box, options, tolerances)
        for target in maps.targets
    )


def _lesions(
    maps: HeldMaps, target: HeldTarget, box: Box, options: LesionwiseOptions, tolerances: Sequence[float]
) -> TargetInstances:
    """Of whole volumes: a box would cut the dilation."""
    whole = tuple(slice(0, n) for n in maps.shape)
    per_voxel = _PER_BOX_VOXEL + (_PER_MERGED_VOXEL if options.merged else 0)
    size = _PER_VOLUME_VOXEL * _voxels(whole) + per_voxel * _voxels(box)
    _require_memory(target, box, size)
    prediction, reference = maps.masks_in(target, whole)
    _require_memory(target, box, size + _PER_PREDICTED_VOXEL * int(np.count_nonzero(prediction)))

    def shares(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> Mapping[float, float]:
        return _shares(prediction, reference, spacing_mm, tolerances)

    return match_lesions(
        target.key,
        prediction,
        reference,
        options,
        hd95=_surfel_hd95,
        nsd=shares if tolerances else None,
        spacing_mm=maps.spacing_mm,
    )


def _surfel_hd95(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> float:
    """Of two masks that are not empty."""
    masks = _as_targets(prediction, reference, spacing_mm)
    return float(hd95(Surfaces((measure_surfels(masks, 1),), None, 0.0))[0])


def _shares(
    prediction: Mask, reference: Mask, spacing_mm: Sequence[float], tolerances: Sequence[float]
) -> Mapping[float, float]:
    """By tolerance, the mean of both boundaries' shares within it, of two masks that are not empty."""
    surfaces = Surfaces((measure(_as_targets(prediction, reference, spacing_mm), 1),), None, 0.0)
    sides = ("prediction", "reference")
    return {tau: sum(float(nsd(surfaces, tau=tau, direction=side)[0]) for side in sides) / 2 for tau in tolerances}


def _as_targets(prediction: Mask, reference: Mask, spacing_mm: Sequence[float]) -> TargetMasks:
    box = tuple(slice(0, n) for n in reference.shape)
    inside = frozenset((1,))
    return TargetMasks(prediction, reference, inside, inside, box, tuple(spacing_mm))


def _require_memory(target: HeldTarget, box: Box, size: int) -> None:
    sides = "×".join(str(side.stop - side.start) for side in box)
    words = f"finding instances in its box of {sides} voxels"
    require_memory(f"target {target.key}", Need(size, words, "leave its instances out"))


def _voxels(box: Box) -> int:
    return math.prod(side.stop - side.start for side in box)

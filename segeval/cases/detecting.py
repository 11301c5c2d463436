"""A case's detection map and its reference, as lesions and candidates of each target."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from segeval.cases.kept import KeptPair
from segeval.errors import LabelError
from segeval.settings import Settings
from segeval.shapes.candidates import candidates_of
from segeval.tallies.detections import CaseDetections, Detections
from segeval.tallies.tally import Tally
from segeval.targets import BACKGROUND, TargetKey

_Scalar = TypeVar("_Scalar", bound=np.generic)


def detections_of(name: str, kept: KeptPair, tally: Tally, settings: Settings) -> Detections:
    """Of every label and region; of the background none. Raises LabelError."""
    maps = kept.maps(tally, settings, None)
    found: dict[TargetKey, tuple[CaseDetections, ...]] = {}
    for index, key in enumerate(maps.keys):
        if key != BACKGROUND:
            target = maps.make(index)
            confidences, mask = _spatial(target.probabilities), _spatial(target.mask)
            if confidences.ndim not in (2, 3):
                raise LabelError(f"{name}: lesion candidates need volumes of two or three axes")
            found[key] = (candidates_of(name, confidences, mask, settings.instances.connectivity),)
    return Detections(1, found)


def _spatial(volume: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """Without axes of one voxel, unless fewer than two axes are left."""
    shape = [n for n in volume.shape if n != 1]
    return volume.reshape((*shape, *[1] * (2 - len(shape))), order="F")

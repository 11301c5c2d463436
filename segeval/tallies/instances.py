"""What comparing instance by instance finds: which reference instances were matched, missed, which were invented.

All records are frozen. An instance is a lesion, a vertebra, a cell: a connected component of a target's mask, or the
voxels of one value where the maps already carry instances. The definitions are in docs/instances.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from msgspec import Struct

from segeval.choices import MatchBy, Matching
from segeval.errors import UsageError
from segeval.words.nearest import suggestion

if TYPE_CHECKING:
    from segeval.tallies.overlaps import Overlaps

CONNECTIVITIES = (4, 8, 6, 18, 26)
"""Neighbours of a voxel: 4 or 8 in two dimensions, 6, 18 or 26 in three."""

VOLUME_ROUNDING = 1e-6
"""Of volumes and their limits: spacings are stored as float32, and 10 voxels of 0.3 mm³ must pass for 3 mm³."""


class InstanceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How instances are found and matched.

    connectivity: None for the largest, 26 in three dimensions and 8 in two.
    min_volume_mm3: smaller instances are dropped from both volumes before anything is matched.
    threshold: the IoU that a match must exceed, 0 <= threshold < 1, or reach with ``greedy``, which takes 1, too;
        ``any-overlap`` has none.
    by: whether that is the IoU, or the Dice.
    labelled: each value of the maps is an instance; nothing is split into components.
    """

    connectivity: int | None = None
    min_volume_mm3: float = 0.0
    matching: Matching = "one-to-one"
    threshold: float = 0.5
    by: MatchBy = "iou"
    labelled: bool = False

    def __post_init__(self) -> None:
        if self.connectivity is not None and self.connectivity not in CONNECTIVITIES:
            raise UsageError(
                f"--connectivity {self.connectivity}: write 4 or 8 for two dimensions, 6, 18 or 26 for three"
            )
        if self.matching not in get_args(Matching):
            raise UsageError(f"--matching {self.matching!r}: write one of {', '.join(get_args(Matching))}")
        if self.by not in get_args(MatchBy):
            raise UsageError(f"--match-by {self.by!r}: write one of {', '.join(get_args(MatchBy))}")
        if not (0 <= self.threshold < 1 or (self.threshold == 1 and self.matching == "greedy")):
            raise UsageError(f"--iou {self.threshold:g}: the IoU of a match must exceed it, so write 0 to below 1")
        if not 0 <= self.min_volume_mm3 < math.inf:
            raise UsageError(f"--min-volume-mm3 {self.min_volume_mm3:g}: write a volume of at least 0 in mm³")

    def __str__(self) -> str:
        """For the signature: only what matters."""
        found = "labelled" if self.labelled else f"connectivity={self.connectivity or 'full'}"
        parts = [found, self.matching]
        if self.matching != "any-overlap":
            parts.append(f"{self.by}{'>=' if self.matching == 'greedy' else '>'}{self.threshold:g}")
        if self.min_volume_mm3:
            parts.append(f"min_mm3={self.min_volume_mm3:g}")
        return ",".join(parts)


class LesionwiseOptions(Struct, frozen=True):
    """The parameters of the published lesion-wise procedure of BraTS 2023 (Saluja et al.), the gliomas' by default.

    dilation: how often the reference is dilated, a step reaching the 18 neighbours that share a face or an edge.
        Lesions whose dilations touch are one lesion; predictions that a lesion's dilation meets belong to it.
    scored_above_mm3: lesions of this volume or less are left out, and so are the predictions that belong to them.
    merged: predictions are made one as lesions are, and those of ``scored_above_mm3`` or less are dropped.
    inventions: predictions that belong to no lesion count in the means.
    """

    dilation: int = 3
    scored_above_mm3: float = 50.0
    merged: bool = False
    inventions: bool = True


BRATS_2023: Mapping[str, LesionwiseOptions] = {
    "gli": LesionwiseOptions(dilation=3, scored_above_mm3=50),
    "ssa": LesionwiseOptions(dilation=3, scored_above_mm3=50),
    "ped": LesionwiseOptions(dilation=3, scored_above_mm3=50),
    "men": LesionwiseOptions(dilation=1, scored_above_mm3=50),
    "met": LesionwiseOptions(dilation=1, scored_above_mm3=2),
}
"""The five challenges' parameters, the same for whole tumour, tumour core and enhancing tumour."""
DEFAULT_CHALLENGE = "gli"


def lesionwise_options(text: str) -> LesionwiseOptions:
    """Of one of the five by name, or ``dilation=5,scored_above_mm3=10,merged``. Raises UsageError."""
    if text in BRATS_2023:
        return BRATS_2023[text]
    given: dict[str, Any] = {}
    for part in text.split(","):
        key, equals, value = part.strip().partition("=")
        given[key] = _LESIONWISE[key](value if equals else "yes") if key in _LESIONWISE else None
        if given[key] is None:
            known = ", ".join(BRATS_2023)
            near = "" if key in _LESIONWISE else suggestion(key, [*BRATS_2023, *_LESIONWISE])
            raise UsageError(
                f"--lesionwise {text!r}: {part.strip()!r} is none of {known}, dilation=STEPS, scored_above_mm3=MM3, "
                f"merged, inventions=yes|no{near}"
            )
    return LesionwiseOptions(**given)


def _steps(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _mm3(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < math.inf else None


def _switch(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)


_MOST_DIGITS = 3
_LESIONWISE: Mapping[str, Callable[[str], Any]] = {
    "dilation": _steps,
    "scored_above_mm3": _mm3,
    "merged": _switch,
    "inventions": _switch,
}
"""How each is read; None for what cannot be."""


class Instance(Struct, frozen=True, gc=False):
    """One instance in one volume.

    id: the number of the component, from 1, or the value that the map stores.
    box: first voxel and the voxel behind the last, per axis of the volume.
    centroid: mean position of its voxels, per axis of the volume, in voxels.
    """

    id: int
    voxels: int
    box: tuple[tuple[int, int], ...]
    centroid: tuple[float, ...]


class Match(Struct, frozen=True, gc=False):
    """A reference instance and what was predicted for it, the predictions taken together as one mask.

    hd95: their 95th percentile Hausdorff distance in mm; None where distances were not asked for.
    pooled_hd95: that of both directions together.
    nsd: by tolerance in mm, the mean of the shares of both boundaries within it, where that was asked for.
    """

    reference: Instance
    predictions: tuple[Instance, ...]
    iou: float
    dice: float
    hd95: float | None = None
    nsd: Mapping[float, float] = {}
    pooled_hd95: float | None = None


class TargetInstances(Struct, frozen=True):
    """The instances of one target.

    missed: reference instances without a match. invented: prediction instances in no match.
    left_out: reference lesions that a protocol does not score, with the predictions that belong to them, if any.
    overlaps: what may match by other rules, where that was asked for.
    inventions_count: whether a protocol's means count the invented instances.
    """

    target: int | str
    matches: tuple[Match, ...] = ()
    missed: tuple[Instance, ...] = ()
    invented: tuple[Instance, ...] = ()
    left_out: tuple[Match, ...] = ()
    overlaps: Overlaps | None = None
    inventions_count: bool = True


class Instances(Struct, frozen=True):
    """The instances of several targets, in the order of the rows.

    voxel_volume_ml: the volume of one voxel in millilitres, NaN without a geometry.
    missed_mm: the distance that stands for that of a target whose instances are all missed or invented; NaN for none.
    """

    targets: tuple[TargetInstances, ...]
    voxel_volume_ml: float = float("nan")
    missed_mm: float = float("nan")

    def __getitem__(self, rows: slice | list[int]) -> Instances:
        """The instances of some of the targets."""
        chosen = self.targets[rows] if isinstance(rows, slice) else tuple(self.targets[row] for row in rows)
        return Instances(chosen, self.voxel_volume_ml, self.missed_mm)

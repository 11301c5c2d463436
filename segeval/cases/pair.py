"""What is evaluated, and what evaluating it gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from segeval.cases.series import SeriesAdvice
from segeval.choices import Kind
from segeval.kernels import Backend, HeldPair
from segeval.settings import Settings
from segeval.tallies.profiles import PairProfile
from segeval.tallies.tally import Sets, Tally
from segeval.targets import TargetKey
from segeval.volumes.geometry import Geometry
from segeval.volumes.volume import VoxelSource

if TYPE_CHECKING:
    from segeval.cases.kept import KeptPair
    from segeval.cases.parts import Parts
    from segeval.cases.regions import FoundRegions


class Pair(Struct):
    """A prediction and a reference on one grid, ready to be counted.

    weights: what the voxels' terms in the sums are multiplied by; on the same grid, float64.
    integers: the prediction is stored as integers, so that several channels may be a series of label maps. advice: what
    to do with such a series. parts: how it is counted part by part; None where it is one stream.
    geometry: of both, where it is known before they are counted.
    """

    prediction: VoxelSource
    reference: VoxelSource
    prediction_name: str
    reference_name: str
    settings: Settings
    backend: Backend
    sets: Sets = field(default_factory=dict)
    weights: VoxelSource | None = None
    integers: bool = False
    advice: SeriesAdvice = SeriesAdvice()
    kept: KeptPair | None = None
    parts: Parts | None = None
    geometry: Geometry | None = None

    @property
    def may_be_a_series(self) -> bool:
        """Whether it may hold one label map per channel, and nobody said that it holds probabilities."""
        said = self.settings.kind is not None or self.settings.speaks_of_probabilities
        return self.integers and self.prediction.channels > 1 and not said


class Evaluated(Struct):
    """What the voxels gave: the tally, the kind that the prediction turned out to be of, and remarks.

    held: the labels of both volumes, where the backend keeps them (winning channels, for a probability map).
    kept: both volumes, where losses of whole maps were asked for.
    profile: the same per slice, where it counts that; by target for independent channels.
    regions: the components of both label maps, where these were counted box by box.
    """

    tally: Tally
    kind: Kind
    remarks: list[str] = field(default_factory=list)
    held: HeldPair | None = None
    kept: KeptPair | None = None
    profile: PairProfile | Mapping[TargetKey, PairProfile] | None = None
    regions: FoundRegions | None = None

"""The only things ever accumulated from voxels: a joint histogram of labels, and nine sums per target.

All records here are frozen; ``a + b`` counts the voxels of both, and zero is neutral. Counts are exact integers,
sums float64. A tally remembers the options that shaped it: adding two that differ raises ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from segeval.array_types import Floats, Integers
from segeval.tallies.by_value import ByValue
from segeval.tallies.detections import Detections
from segeval.tallies.histogram import ProbabilityHistogram
from segeval.tallies.power_sums import PowerSum, Sides, of_a_label_map
from segeval.targets import Region, TargetKey

Rows = slice | list[int]
Sets = Mapping[int, frozenset[int]]
"""The labels behind each code of a voxel that several masks claim."""
LogSetting = tuple[float, float]
"""(gamma, eta): what must be known about the logarithmic sums before the first voxel."""

DEFAULT_GAMMA = 2.0
DEFAULT_ETA = 1e-7


class TallyOptions(Struct, frozen=True):
    """What must be known before the first voxel.

    ignore: the reference value whose voxels are not evaluated.
    channels: the label or region of each channel of a probability map; empty for label maps.
    labels: the evaluated non-zero labels of a probability map; every other channel is folded into background.
    regions: the regions to sum for probability maps (a label map's follow from its counts).
    threshold: for single and independent probability maps, inclusive.
    independent: the channels are separate one-vs-rest maps.
    any_foreground: the only non-zero value of the reference is the foreground, whichever it is; ``labels`` holds a
        stand-in until it is known.
    logs: the (gamma, eta) pairs of the logarithmic sums. powers: what else is summed, for losses that need it.
    histogram: count a probability map's values too, for calibration and ranking.
    weighted: each voxel has a weight, which multiplies its terms in the sums.
    """

    ignore: int | None = None
    channels: tuple[TargetKey, ...] = ()
    labels: tuple[int, ...] = ()
    regions: tuple[Region, ...] = ()
    threshold: float = 0.5
    independent: bool = False
    any_foreground: bool = False
    logs: tuple[LogSetting, ...] = ((DEFAULT_GAMMA, DEFAULT_ETA),)
    histogram: bool = False
    powers: tuple[PowerSum, ...] = ()
    weighted: bool = False

    @property
    def single(self) -> bool:
        """One foreground map: the background's probability is 1 − p."""
        return len(self.channels) == 1 and not self.independent


class Confusion(Struct, frozen=True):
    """Joint histogram: how many voxels have this (reference value, prediction value).

    A voxel that several one-file-per-class masks claim has no single value. It carries a code instead, and
    ``sets`` tells the labels behind each code. weights: of the voxels of each pair together, where voxels have some.
    """

    pairs: Mapping[tuple[int, int], int] = field(default_factory=dict)
    sets: Sets = field(default_factory=dict)
    weights: Mapping[tuple[int, int], float] | None = None

    def __add__(self, other: Confusion) -> Confusion:
        pairs = dict(self.pairs)
        for pair, count in other.pairs.items():
            pairs[pair] = pairs.get(pair, 0) + count
        weights = None if self.weights is None or other.weights is None else dict(self.weights)
        if weights is not None:
            for pair, weight in (other.weights or {}).items():
                weights[pair] = weights.get(pair, 0.0) + weight
        for code in self.sets.keys() & other.sets.keys():
            if self.sets[code] != other.sets[code]:
                raise ValueError(f"code {code} stands for other labels in the two confusions")
        return Confusion(pairs, {**self.sets, **other.sets}, weights)

    def members(self, value: int) -> frozenset[int]:
        """The labels that a voxel of this value belongs to."""
        return self.sets.get(value) or frozenset((value,))

    @property
    def overlapping(self) -> bool:
        """Whether some voxel belongs to several labels at once, so that there is no single label map."""
        return bool(self.sets)


class Counts(ByValue, frozen=True):
    """Hard one-vs-rest counts of several targets, each an int64 array of shape (targets,).

    voxel_volume_ml: the volume of one voxel in millilitres, NaN without a geometry.
    """

    tp: Integers
    fp: Integers
    fn: Integers
    tn: Integers
    voxel_volume_ml: float = float("nan")

    @property
    def n(self) -> Integers:
        """Evaluated voxels."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def reference(self) -> Integers:
        """Voxels of the target in the reference."""
        return self.tp + self.fn

    @property
    def prediction(self) -> Integers:
        """Voxels of the target in the prediction."""
        return self.tp + self.fp

    def with_empty_background(self) -> Counts:
        """The same targets behind a background of no voxels."""
        zero = np.zeros(1, dtype=np.int64)
        tp, fp, fn, tn = (np.concatenate((zero, a)) for a in (self.tp, self.fp, self.fn, self.tn))
        return Counts(tp, fp, fn, tn, self.voxel_volume_ml)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn, self.voxel_volume_ml
        )

    def __getitem__(self, rows: Rows) -> Counts:
        """The counts of some of the targets."""
        return Counts(self.tp[rows], self.fp[rows], self.fn[rows], self.tn[rows], self.voxel_volume_ml)


class LogSums(ByValue, frozen=True):
    """The four logarithmic sums under one (gamma, eta), float64 arrays of shape (targets,)."""

    l1: Floats
    l0: Floats
    f1: Floats
    f0: Floats

    def __add__(self, other: LogSums) -> LogSums:
        return LogSums(self.l1 + other.l1, self.l0 + other.l0, self.f1 + other.f1, self.f0 + other.f0)

    def __getitem__(self, rows: Rows) -> LogSums:
        """The sums of some of the targets."""
        return LogSums(self.l1[rows], self.l0[rows], self.f1[rows], self.f0[rows])


class SoftSums(ByValue, frozen=True):
    """The nine sums of the definitions page and N, for several targets: float64 arrays of shape (targets,).

    The symbols are the definitions page's in lower case. powers: what some losses need besides. The last two fields are
    no sums, but what a formula must know: how many classes ``all`` has, and the class weights given by the user (NaN
    where none was).
    """

    n: Floats
    r: Floats
    p: Floats
    i: Floats
    p2: Floats
    i2: Floats
    logs: Mapping[LogSetting, LogSums]
    classes: int = 0
    class_weights: Floats | None = None
    powers: Mapping[PowerSum, Sides] = field(default_factory=dict)

    def __add__(self, other: SoftSums) -> SoftSums:
        logs = {setting: sums + other.logs[setting] for setting, sums in self.logs.items()}
        return SoftSums(
            self.n + other.n,
            self.r + other.r,
            self.p + other.p,
            self.i + other.i,
            self.p2 + other.p2,
            self.i2 + other.i2,
            logs,
            powers={what: sides + other.powers[what] for what, sides in self.powers.items()},
        )

    def __getitem__(self, rows: Rows) -> SoftSums:
        """The sums of some of the targets."""
        return SoftSums(
            self.n[rows],
            self.r[rows],
            self.p[rows],
            self.i[rows],
            self.p2[rows],
            self.i2[rows],
            {setting: sums[rows] for setting, sums in self.logs.items()},
            self.classes,
            None if self.class_weights is None else self.class_weights[rows],
            {what: sides[rows] for what, sides in self.powers.items()},
        )


class SoftTally(ByValue, frozen=True):
    """Per target of a probability map: the nine sums, hard one-vs-rest counts, and how the values are distributed.

    targets: labels (0 first), then regions; the order of every array.
    counts: of independent channels; otherwise the confusion knows them, and these are only the reference's side.
    histogram: None unless the options ask for it.
    """

    targets: tuple[TargetKey, ...]
    counts: Counts
    sums: SoftSums
    histogram: ProbabilityHistogram | None = None

    def __add__(self, other: SoftTally) -> SoftTally:
        if self.targets != other.targets:
            raise ValueError(f"tallies of other targets do not add: {self.targets} and {other.targets}")
        return SoftTally(
            self.targets, self.counts + other.counts, self.sums + other.sums, _sum(self.histogram, other.histogram)
        )


class Tally(Struct, frozen=True):
    """All that is known of a pair of volumes after the last voxel.

    confusion: None where there is no single predicted label map (independent channels).
    soft: None for label maps, whose sums follow from their counts.
    detections: lesions and candidates, where quantities ask for them.
    """

    options: TallyOptions
    confusion: Confusion | None
    soft: SoftTally | None = None
    detections: Detections | None = None

    def __add__(self, other: Tally) -> Tally:
        if self.options != other.options:
            raise ValueError("tallies made under different options do not add")
        return Tally(
            self.options,
            _sum(self.confusion, other.confusion),
            _sum(self.soft, other.soft),
            _sum(self.detections, other.detections),
        )

    def with_foreground(self, label: int) -> Tally:
        """The tally of a single foreground map once its label is known."""
        (stand_in,) = self.options.labels
        if self.soft is None or self.confusion is None or label == stand_in:
            return self
        options = replace(self.options, labels=(label,), channels=(label,), any_foreground=False)
        names: dict[TargetKey, TargetKey] = {stand_in: label}
        targets = tuple(names.get(target, target) for target in self.soft.targets)
        pairs = {(r, label if p == stand_in else p): n for (r, p), n in self.confusion.pairs.items()}
        return Tally(options, Confusion(pairs, self.confusion.sets), replace(self.soft, targets=targets))


_Record = TypeVar("_Record", Confusion, SoftTally, ProbabilityHistogram, Detections)


def _sum(a: _Record | None, b: _Record | None) -> _Record | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def label_map_sums(counts: Counts, logs: Iterable[LogSetting], powers: Iterable[PowerSum] = ()) -> SoftSums:
    """The sums of a label map, a probability map of zeros and ones, from its counts alone."""
    tp, fp, fn, tn = (a.astype(np.float64) for a in (counts.tp, counts.fp, counts.fn, counts.tn))

    def log_sums(gamma: float, eta: float) -> LogSums:
        right, wrong = np.log1p(-eta), np.log(eta)
        certain = right * 0.0**gamma  # 0^0 = 1: gamma 0 makes the focal sums the cross-entropy's
        return LogSums(
            l1=tp * right + fn * wrong,
            l0=tn * right + fp * wrong,
            f1=tp * certain + fn * wrong,
            f0=tn * certain + fp * wrong,
        )

    return SoftSums(
        n=tp + fp + fn + tn,
        r=tp + fn,
        p=tp + fp,
        i=tp,
        p2=tp + fp,
        i2=tp,
        logs={(gamma, eta): log_sums(gamma, eta) for gamma, eta in logs},
        powers={what: Sides(of_a_label_map(what, tp, fn), of_a_label_map(what, tn, fp)) for what in powers},
    )

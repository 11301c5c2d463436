"""What is compared, and what must be reached."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from measuring import Measured

MB = 1e6
OURS = "segeval"
Found = Mapping[str, Measured]


@dataclass(frozen=True)
class Contender:
    """A program with its arguments, in which {volumes} stands for the folder of the volumes.

    environment: whose interpreter runs ``arguments[0]``, a script of this folder; "segeval" is the program itself,
    "segeval-python" the interpreter beside it. once: a single run will do. alike: the values must agree with segeval's.
    heavy: only when asked for (it takes minutes, or more memory than most machines have). probe: measured for a target,
    not shown as one of the others.
    """

    name: str
    environment: str
    arguments: tuple[str, ...]
    once: bool = False
    alike: bool = True
    heavy: bool = False
    probe: bool = False


@dataclass(frozen=True)
class Judgement:
    """One target: what it demands, what was measured, and whether it holds (None: not measured)."""

    demand: str
    measured: str
    held: bool | None


class Target(Protocol):
    """Something that a case must reach."""

    def judge(self, found: Found) -> Judgement: ...


@dataclass(frozen=True)
class TimeRatio:
    """``ours`` takes at most this part of the time of ``other``."""

    limit: float
    other: str
    ours: str = OURS

    def judge(self, found: Found) -> Judgement:
        """By the medians."""
        demand = _of(self.ours, f"≤ {self.limit:.3g} × {self.other}")
        if self.ours not in found or self.other not in found:
            return Judgement(demand, "not measured", None)
        ratio = found[self.ours].median / found[self.other].median
        return _judgement(demand, f"{ratio:.3g} ×", ratio, self.limit)


@dataclass(frozen=True)
class Speedup:
    """``ours`` is at least so many times faster than ``other``."""

    limit: float
    ours: str
    other: str

    def judge(self, found: Found) -> Judgement:
        """By the medians."""
        speedup = found[self.other].median / found[self.ours].median
        demand = f"{self.ours}: ≥ {self.limit:g} × faster than {self.other}"
        return _judgement(demand, f"{speedup:.2f} ×", -speedup, -self.limit)


@dataclass(frozen=True)
class Seconds:
    """``ours`` takes at most this long."""

    limit: float
    ours: str = OURS

    def judge(self, found: Found) -> Judgement:
        """By the median."""
        seconds = found[self.ours].median
        return _judgement(_of(self.ours, f"≤ {self.limit:g} s"), f"{seconds:.3f} s", seconds, self.limit)


@dataclass(frozen=True)
class Peak:
    """``ours`` needs at most so many million bytes."""

    limit: float
    ours: str = OURS

    def judge(self, found: Found) -> Judgement:
        """By the largest peak of all runs."""
        peak = found[self.ours].peak / MB or math.nan
        return _judgement(_of(self.ours, f"≤ {self.limit:g} MB"), f"{peak:.0f} MB", peak, self.limit)


@dataclass(frozen=True)
class NoMoreMemory:
    """``ours`` needs no more memory than ``other``; two runs of one command differ by a few per cent."""

    other: str
    ours: str
    slack: float = 1.05

    def judge(self, found: Found) -> Judgement:
        """By the largest peaks of all runs."""
        ours, other = found[self.ours].peak / MB or math.nan, found[self.other].peak / MB or math.nan
        measured = f"{ours:.0f} MB, {other:.0f} MB"
        return _judgement(f"{self.ours}: no more memory", measured, ours, self.slack * other)


@dataclass(frozen=True)
class Zero:
    """A value that ``ours`` prints is zero."""

    value: str
    demand: str
    ours: str

    def judge(self, found: Found) -> Judgement:
        """By the first run."""
        value = found[self.ours].values.get(self.value, math.nan)
        return _judgement(self.demand, "no" if value else "yes", value, 0)


@dataclass(frozen=True)
class Case:
    """Contenders that do the same work, the first of which is segeval."""

    key: str
    title: str
    contenders: tuple[Contender, ...]
    targets: tuple[Target, ...]
    volumes: tuple[str, ...] = ()


def _of(ours: str, demand: str) -> str:
    """The demand, and of whom where that is not plain segeval."""
    return demand if ours == OURS else f"{ours}: {demand}"


def _judgement(demand: str, measured: str, value: float, limit: float) -> Judgement:
    return Judgement(
        demand, "not measured" if math.isnan(value) else measured, None if math.isnan(value) else value <= limit
    )


def _score(volumes: str, ending: str = ".nii.gz", *more: str) -> tuple[str, ...]:
    reference = ".nii" if ending == ".nii" else ".nii.gz"
    return (
        "score",
        f"{{volumes}}/{volumes}/prediction{ending}",
        f"{{volumes}}/{volumes}/reference{reference}",
        "--format",
        "json",
        *more,
    )


def _ours(volumes: str, ending: str = ".nii.gz", *more: str) -> Contender:
    return Contender(OURS, "segeval", _score(volumes, ending, *more))


def _peer(
    name: str,
    environment: str,
    script: str,
    volumes: str,
    *more: str,
    ending: str = ".nii.gz",
    once: bool = False,
    heavy: bool = False,
) -> Contender:
    files = _score(volumes, ending)[1:3]
    return Contender(name, environment, (f"peers/{script}.py", *files, *more), heavy=heavy, once=once)


def _reading_alone(volumes: str, ending: str) -> Contender:
    """The least that a tool can take, on any processor; how long NumPy takes varies twofold from run to run."""
    return Contender("reading alone", "reading", ("peers/reading_alone.py", *_score(volumes, ending)[1:3]), alike=False)


def _label_peers(
    volumes: str, labels: int, *, heavy: frozenset[str] = frozenset(), ending: str = ".nii.gz"
) -> tuple[Contender, ...]:
    known = (
        ("SimpleITK", "simpleitk", "simpleitk_overlap"),
        ("nnU-Net", "nnunet", "nnunet_metrics"),
        ("MONAI", "monai", "monai_dice"),
        ("NumPy masks", "numpy", "numpy_masks"),
    )
    return tuple(
        _peer(
            name,
            environment,
            script,
            volumes,
            str(labels),
            ending=ending,
            heavy=environment in heavy,
            once=labels > 3 and environment == "numpy",
        )
        for name, environment, script in known
    )


def _huge(ending: str) -> Case:
    volumes, deeper = "labels_1024x1024x1000_4", "labels_1024x1024x2000_4"
    twice = "segeval, twice the depth"
    return Case(
        f"huge{ending}",
        f"1024×1024×1000, 4 labels, {ending}",
        (
            _ours(volumes, ending),
            _peer("SimpleITK", "simpleitk", "simpleitk_overlap", volumes, "4", ending=ending),
            Contender(twice, "segeval", _score(deeper, ending), once=True, alike=False),
        ),
        (TimeRatio(0.45, "SimpleITK"), Peak(100), NoMoreMemory(OURS, twice)),
        (volumes, deeper),
    )


def _softmax(ending: str) -> Case:
    volumes = "softmax_192x192x160_5"
    return Case(
        f"softmax{ending}",
        f"192×192×160, softmax of 5 classes, float32, {ending}, every loss",
        (
            _ours(volumes, ending, "--metrics", "losses"),
            _reading_alone(volumes, ending),
            _peer("NumPy float64", "numpy", "numpy_losses", volumes, ending=ending),
        ),
        (TimeRatio(1.75, "reading alone"), TimeRatio(0.3, "NumPy float64"), Peak(140)),
        (volumes,),
    )


_HEAVY_FROM_14 = frozenset({"monai"})  # 22 GB on 14 labels
_HEAVY_AT_117 = frozenset({"monai", "nnunet", "numpy"})


def _batch(volumes: str, workers: str) -> tuple[str, ...]:
    return (
        "batch",
        f"{{volumes}}/{volumes}/predictions",
        f"{{volumes}}/{volumes}/references",
        "--format",
        "json",
        "--workers",
        workers,
    )


def _many(name: str, *arguments: str, once: bool = False) -> Contender:
    words = (argument.replace("{here}", "{volumes}/many_8x8x4") for argument in arguments)
    return Contender(name, "segeval", tuple(words), once=once, alike=False)


CASES = (
    Case(
        "help",
        "`segeval --help`",
        (
            Contender(OURS, "segeval", ("--help",)),
            Contender("imports", "segeval-python", ("imports_of_help.py",), once=True, probe=True),
        ),
        (Seconds(0.15), Zero("numpy", "imports no NumPy", "imports")),
    ),
    Case(
        "small",
        "240×240×155, 3 labels, .nii.gz, full report",
        (_ours("labels_240x240x155_3"), *_label_peers("labels_240x240x155_3", 3)),
        (TimeRatio(1.1, "SimpleITK"), Peak(80)),
        ("labels_240x240x155_3",),
    ),
    Case(
        "ct",
        "512×512×300, 14 labels, .nii.gz, full report",
        (
            _ours("labels_512x512x300_14"),
            _reading_alone("labels_512x512x300_14", ".nii.gz"),
            *_label_peers("labels_512x512x300_14", 14, heavy=_HEAVY_FROM_14),
        ),
        (TimeRatio(1.75, "reading alone"), TimeRatio(0.45, "SimpleITK"), TimeRatio(1 / 30, "nnU-Net"), Peak(80)),
        ("labels_512x512x300_14",),
    ),
    Case(
        "parcellation",
        "400×400×600, 117 labels, .nii.gz, full report",
        (
            _ours("labels_400x400x600_117"),
            Contender("segeval, merged to 14 labels", "segeval", _score("labels_400x400x600_117_as_14"), alike=False),
            *_label_peers("labels_400x400x600_117", 117, heavy=_HEAVY_AT_117),
        ),
        (TimeRatio(0.6, "SimpleITK"), TimeRatio(1.3, "segeval, merged to 14 labels"), Peak(80)),
        ("labels_400x400x600_117", "labels_400x400x600_117_as_14"),
    ),
    _huge(".nii"),
    _huge(".nii.gz"),
    Case(
        "foreground",
        "240×240×155, foreground map, float32, .nii.gz, every loss",
        (
            _ours("foreground_240x240x155", ".nii.gz", "--metrics", "losses"),
            _reading_alone("foreground_240x240x155", ".nii.gz"),
            _peer("NumPy float64", "numpy", "numpy_losses", "foreground_240x240x155"),
        ),
        (TimeRatio(1.75, "reading alone"), TimeRatio(0.3, "NumPy float64"), Peak(140)),
        ("foreground_240x240x155",),
    ),
    _softmax(".nii.gz"),
    _softmax(".npz"),
    Case(
        "distances",
        "512×512×300, 14 compact organs, .nii.gz, all surface distances",
        (
            _ours("organs_512x512x300_14", ".nii.gz", "--metrics", "surface"),
            Contender(
                "segeval, surfels", "segeval", _score("organs_512x512x300_14", ".nii.gz", "--metrics", "surface:surfel")
            ),
            _peer("surface-distance", "distances", "surface_distance_loop", "organs_512x512x300_14", "14", once=True),
            _peer("MedPy", "distances", "medpy_loop", "organs_512x512x300_14", "14", once=True),
            _peer("mikan-rs, six of the labels", "mikan", "mikan_distances", "organs_512x512x300_14", "6"),
        ),
        (Seconds(3), TimeRatio(0.25, "mikan-rs, six of the labels"), Peak(274)),
        ("organs_512x512x300_14",),
    ),
    Case(
        "distances117",
        "400×400×600, 117 labels, .nii.gz, all surface distances",
        (
            _ours("labels_400x400x600_117", ".nii.gz", "--metrics", "surface"),
            Contender("segeval, overlap", "segeval", _score("labels_400x400x600_117"), alike=False),
        ),
        (TimeRatio(9, "segeval, overlap"), Peak(376)),
        ("labels_400x400x600_117",),
    ),
    Case(
        "instances117",
        "400×400×600, 117 labels, .nii.gz, all instance quantities",
        (
            _ours("labels_400x400x600_117", ".nii.gz", "--metrics", "instances"),
            Contender(
                "segeval, pq", "segeval", _score("labels_400x400x600_117", ".nii.gz", "--metrics", "pq,instance_f1")
            ),
            Contender("segeval, overlap", "segeval", _score("labels_400x400x600_117"), alike=False),
            _peer("cc3d and NumPy, pq", "cc3d", "cc3d_instances", "labels_400x400x600_117", "117", once=True),
        ),
        (
            TimeRatio(12, "segeval, overlap"),
            TimeRatio(0.2, "cc3d and NumPy, pq", "segeval, pq"),
            Peak(839),
        ),
        ("labels_400x400x600_117",),
    ),
    Case(
        "cells",
        "512×512×512, 100,000 components, .nii.gz, all instance quantities",
        (_ours("cells_512x512x512", ".nii.gz", "--metrics", "instances"),),
        (Seconds(15), Peak(805)),  # three times the two label maps
        ("cells_512x512x512",),
    ),
    Case(
        "batch",
        "200 pairs of 128×128×96, 3 labels, .nii.gz",
        (
            Contender(OURS, "segeval", _batch("batch_128x128x96", "1")),
            Contender(
                "SimpleITK loop",
                "simpleitk",
                ("peers/simpleitk_loop.py", *_batch("batch_128x128x96", "1")[1:3], "3"),
            ),
        ),
        (TimeRatio(0.5, "SimpleITK loop"),),
        ("batch_128x128x96",),
    ),
    Case(
        "workers",
        "200 pairs of 256×256×200, 3 labels, .nii.gz",
        (
            Contender("segeval, two workers", "segeval", _batch("batch_256x256x200", "2")),
            Contender("segeval, one worker", "segeval", _batch("batch_256x256x200", "1")),
            Contender("on one core", "segeval-python", ("one_core.py", *_batch("batch_256x256x200", "1"))),
        ),
        (
            Speedup(1.3, "segeval, two workers", "segeval, one worker"),  # which inflates in threads, on 1.4 cores
            Speedup(1.6, "segeval, two workers", "on one core"),
        ),
        ("batch_256x256x200",),
    ),
    Case(
        "many",
        "20,000 cases of 7 rows and 35 quantities",
        (
            _many(OURS, "batch", "--manifest", "{here}/pairs.csv", "-o", "{here}/a.json", once=True),
            _many("another", "batch", "--manifest", "{here}/better_pairs.csv", "-o", "{here}/b.json", once=True),
            _many("resumed", "batch", "--manifest", "{here}/pairs.csv", "-o", "{here}/a.json", "--resume"),
            _many("check", "check", "{here}/a.json", "--require", "mean(dice) >= 0.1"),
            _many("baseline", "check", "{here}/a.json", "--baseline", "{here}/base.json", "--update-baseline"),
            _many("check a baseline", "check", "{here}/a.json", "--baseline", "{here}/base.json"),
            _many("compare", "compare", "{here}/a.json", "{here}/b.json"),
        ),
        (
            *(Peak(250, ours) for ours in (OURS, "resumed", "check", "baseline", "check a baseline", "compare")),
            Seconds(4, "resumed"),
        ),
        ("many_8x8x4",),
    ),
)

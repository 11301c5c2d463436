"""Numbers of voxels that no test could hold: the kernel counts a stretch, and its tally is added to itself, or the
sums of a block are added again and again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from segeval.cases.counting import count_labels, count_probabilities
from segeval.kernels import NumpyBackend
from segeval.kernels.numpy_soft import NumpySoftKernel
from segeval.kernels.target_sums import BLOCK, Logarithms, TargetSums
from segeval.quantities import select
from segeval.quantities.scoring import ScoringSettings, score
from segeval.tallies.tally import Confusion, Tally, TallyOptions
from segeval.targets import LabelChoice
from segeval.volumes.volume import ArraySource, Piece

STRETCH = 1 << 18
LABELS = (np.arange(STRETCH) % 7 % 3).astype(np.uint8)
PREDICTED = (np.arange(STRETCH) % 11 % 3).astype(np.uint8)
BACKEND = NumpyBackend()


def source(values: np.ndarray) -> ArraySource:  # type: ignore[type-arg]
    return ArraySource(np.atleast_2d(values).reshape(-1, STRETCH, 1, 1))


def doubled(tally: Tally, times: int) -> Tally:
    """The tally of 2^times such stretches, one after the other."""
    return reduce(lambda whole, _: whole + whole, range(times), tally)


@pytest.mark.parametrize("times", [15, 33, 70])
def test_counts_are_exact_far_beyond_2_to_the_32nd_voxel(times: int) -> None:
    """Up to 2^88 voxels: integers without an end, where a 64-bit count would have begun anew."""
    once = count_labels(BACKEND, source(PREDICTED), source(LABELS), None).confusion
    whole = doubled(Tally(TallyOptions(), once), times).confusion
    assert whole is not None
    for (r, p), count in whole.pairs.items():
        assert count == int(((r == LABELS) & (p == PREDICTED)).sum()) << times
    assert sum(whole.pairs.values()) == STRETCH << times > 1 << 32


def test_one_voxel_among_2_to_the_40_is_still_counted() -> None:
    once = count_labels(BACKEND, source(LABELS), source(LABELS), None).confusion
    whole = doubled(Tally(TallyOptions(), once), 22) + Tally(TallyOptions(), Confusion({(1, 2): 1}))
    rows = score(whole, LabelChoice.of((1, 2)), ScoringSettings(select("tp,fp,fn,dice"), "nan", None), None)
    values = {row.label: row.values for row in rows}
    ones = int((LABELS == 1).sum()) << 22
    assert (values[1]["tp"], values[1]["fn"], values[2]["fp"]) == (ones, 1, 1)
    assert values[1]["dice"] == pytest.approx(float(Fraction(2 * ones, 2 * ones + 1)), abs=1e-16)
    assert values[1]["dice"] < 1


@pytest.mark.parametrize("certainty", [1e-7, 1e-4, 0.5])
def test_sums_of_10_to_the_10_probabilities_near_0_and_1_are_those_of_exact_arithmetic(certainty: float) -> None:
    """Both ends at once, in 2^34 voxels: Σp, Σrp and the cross-entropy against sums without rounding."""
    truth = LABELS == 1
    p = np.where(truth, 1 - certainty, certainty) * np.linspace(0.999, 1, STRETCH)
    options = TallyOptions(channels=(1,), labels=(1,))
    counted = count_probabilities(BACKEND, source(p), source(truth.astype(np.uint8)), options, {})
    times = 16
    tally = doubled(counted.tally, times)
    assert tally.soft is not None
    place = tally.soft.targets.index(1)
    assert np.all(tally.soft.sums.n == STRETCH << times)
    exact = math.fsum(p) * 2**times, math.fsum(p[truth]) * 2**times, int(truth.sum()) << times
    found = tally.soft.sums.p[place], tally.soft.sums.i[place], tally.soft.sums.r[place]
    assert found == pytest.approx(exact, rel=1e-12)
    rows = score(tally, LabelChoice.of((1,)), ScoringSettings(select("bce,soft_dice"), "nan", None), None)
    (row,) = [row for row in rows if row.label == 1]
    held = np.clip(p, 1e-7, 1 - 1e-7)
    logs = np.where(truth, np.log(held), np.log1p(-held))
    assert row.values["bce"] == pytest.approx(-math.fsum(logs) / STRETCH, rel=1e-9)


# Many blocks, one after the other

LOSSES = select("losses")
ETA = 1e-7


def block_of(seed: int, certainty: float, share: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Probabilities of a block, near 0 outside the target and near 1 inside, and where that is."""
    random = np.random.default_rng(seed)
    inside = random.random(BLOCK) < share
    wrong = certainty * random.random(BLOCK)
    return np.where(inside, 1 - wrong, wrong), inside


BLOCKS = [block_of(0, 1e-4, 0.3), block_of(1, 1e-6, 0), block_of(2, 1e-6, 1), block_of(3, 1e-2, 0.01)]


def exact_sums(times: int) -> dict[str, Fraction]:
    """The nine sums over so many rounds of the blocks: exact but for the logarithms, which are exactly added."""
    parts: list[dict[str, Fraction]] = []
    for p, inside in BLOCKS:
        of = [(Fraction(float(value)), bool(one)) for value, one in zip(p, inside, strict=True)]
        wrong = [(1 - value if one else value, one) for value, one in of]
        logs = [(math.log1p(-max(float(f), ETA)), float(f), one) for f, one in wrong]
        parts.append({
            "n": Fraction(len(of)), "r": Fraction(sum(one for _, one in of)),
            "p": sum((v for v, _ in of), Fraction()), "i": sum((v for v, one in of if one), Fraction()),
            "p2": sum((v * v for v, _ in of), Fraction()), "i2": sum((v * v for v, one in of if one), Fraction()),
            "l1": Fraction(math.fsum(log for log, _, one in logs if one)),
            "l0": Fraction(math.fsum(log for log, _, one in logs if not one)),
            "f1": Fraction(math.fsum(f * f * log for log, f, one in logs if one)),
            "f0": Fraction(math.fsum(f * f * log for log, f, one in logs if not one)),
        })  # fmt: skip
    return {name: times * sum((part[name] for part in parts), Fraction()) for name in parts[0]}


def exact_losses(s: dict[str, Fraction]) -> dict[str, Fraction]:
    """The formulas of the definitions page in exact arithmetic, for one foreground label."""
    n, r, p, i, p2, i2 = (s[name] for name in ("n", "r", "p", "i", "p2", "i2"))
    l1, l0, f1, f0 = (s[name] for name in ("l1", "l0", "f1", "f0"))
    epsilon, rest, rest_p = Fraction(1e-6), n - r, n - p
    rest_i = n - p - r + i

    def gdl(power: int) -> Fraction:
        w, v = 1 / r**power, 1 / rest**power
        return 1 - 2 * (w * i + v * rest_i) / (w * (p + r) + v * (rest_p + rest))

    return {
        "ce": -l1 / n,
        "weighted_ce": -n / (2 * r) * l1 / n,
        "bce": -(l1 + l0) / n,
        "wce": -((n - p) / p * l1 + l0) / n,
        "weighted_bce": -(rest / r * l1 + l0) / n,
        "focal_no_alpha": -(f1 + f0) / n,
        "focal": -(f1 / 4 + f0 * 3 / 4) / n,
        "dl2": 1 - (i + epsilon) / (p + r + epsilon) - (rest_i + epsilon) / (rest_p + rest + epsilon),
        "ss": ((r - 2 * i + i2) / (r + epsilon) + 19 * (p2 - i2) / (rest + epsilon)) / 20,
        "gdl_v": gdl(2),
        "gdl_simple": gdl(1),
        "gdl_uniform": gdl(0),
        "soft_dice": 1 - 2 * i / (p2 + r + epsilon),
        "soft_iou": 1 - i / (p + r - i),
    }


def require_exact(tally: Tally, times: int) -> None:
    """Every sum and loss to 1e-9 of its value; a loss near 0, one minus a ratio, to 1e-14."""
    assert tally.soft is not None
    place = tally.soft.targets.index(1)
    expected = exact_sums(times)
    logs = tally.soft.sums.logs[2.0, ETA]
    for name, exact in expected.items():
        found = getattr(logs if name[0] in "lf" else tally.soft.sums, name)[place]
        assert float(abs(Fraction(float(found)) / exact - 1)) < (1e-9 if name[0] in "lf" else 1e-13), name
    rows = score(tally, LabelChoice.of((1,)), ScoringSettings(LOSSES, "nan", None), None)
    (row,) = [row for row in rows if row.label == 1]
    losses = exact_losses(expected)
    assert row.values.keys() == losses.keys()
    for name, exact in losses.items():
        assert float(abs(Fraction(float(row.values[name])) - exact)) < 1e-9 * float(exact) + 1e-14, name


class Repeated(ArraySource, frozen=True, kw_only=True):
    """Pieces that come again and again, without the memory that so many voxels take."""

    times: int

    def pieces(self, channel: int) -> Iterator[Piece]:
        assert channel == 0
        return iter([self.array.reshape(-1)] * self.times)


def repeated(piece: Piece, times: int) -> Repeated:
    return Repeated(piece.reshape(1, -1, 1, 1), times=times)


def test_10_to_the_7_voxels_through_the_whole_kernel_have_exact_sums_and_losses() -> None:
    times = 10**7 // (len(BLOCKS) * BLOCK)
    p, inside = (np.concatenate(parts) for parts in zip(*BLOCKS, strict=True))
    options = TallyOptions(channels=(1,), labels=(1,))
    ours, theirs = repeated(p, times), repeated(inside.astype(np.uint8), times)
    require_exact(count_probabilities(BACKEND, ours, theirs, options, {}).tally, times)


class Remembered(TargetSums):
    """Sums each block once, as it is done for any, and adds what it found whenever the block comes again."""

    def __init__(self, logarithms: Logarithms) -> None:
        super().__init__(logarithms)
        self._found: dict[float, tuple[TargetSums, list[float], list[float]]] = {}

    def add(self, p: Any, inside: Any) -> None:
        if p[0] not in self._found:
            block = TargetSums(self._logarithms)
            block.add(p, inside)
            self._found[p[0]] = block, block.inside.totals(), block.outside.totals()
        block, hits, misses = self._found[p[0]]
        for side, sums, n in ((self.inside, hits, block.inside.n), (self.outside, misses, block.outside.n)):
            side.n += n
            side.include(sums)


def test_10_to_the_10_voxels_added_block_by_block_have_exact_sums_and_losses() -> None:
    """Each of 610,352 blocks is added to what all before it have come to."""
    times = -(-(10**10) // (len(BLOCKS) * BLOCK))
    options = TallyOptions(channels=(1,), labels=(1,))
    kernel = NumpySoftKernel(options, {})
    sums = kernel._sums[1] = Remembered(Logarithms(options.logs))
    for _ in range(times):
        for p, inside in BLOCKS:
            sums.add(p, inside)
    voxels, hits = sums.n, sums.r
    assert voxels >= 10**10
    require_exact(replace(kernel.tally(), confusion=Confusion({(1, 1): hits, (0, 0): voxels - hits})), times)


def test_any_order_of_adding_many_stretches_agrees() -> None:
    """A thousand stretches of other sizes, added one after the other or in halves."""
    random = np.random.default_rng(3)
    options = TallyOptions(channels=(1,), labels=(1,))
    tallies = []
    for size in random.integers(1, 500, 300).tolist():
        p, r = random.random(size) ** 8, random.integers(0, 2, size)
        ours = ArraySource(p.reshape(1, size, 1, 1))
        theirs = ArraySource(r.astype(np.uint8).reshape(1, size, 1, 1))
        tallies.append(count_probabilities(BACKEND, ours, theirs, options, {}).tally)
    forwards, backwards = reduce(add, tallies), reduce(add, tallies[::-1])
    assert forwards.confusion == backwards.confusion
    assert forwards.soft is not None
    assert backwards.soft is not None
    assert forwards.soft.sums.p == pytest.approx(backwards.soft.sums.p, rel=1e-13)

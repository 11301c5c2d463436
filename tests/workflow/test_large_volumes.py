"""Numbers of voxels that no test could hold: the kernel counts a stretch, and its tally is added to itself."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import reduce
from operator import add

import numpy as np
import pytest

from segeval.kernels import NumpyBackend
from segeval.quantities import select
from segeval.quantities.scoring import ScoringSettings, score
from segeval.tallies import Confusion, Tally, TallyOptions
from segeval.targets import LabelChoice
from segeval.volumes.volume import ArraySource
from segeval.workflow.counting import count_labels, count_probabilities

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

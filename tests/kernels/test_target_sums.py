"""The sums of one target against long double, where the kernel chooses between logarithms and a constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.kernels.target_sums import BLOCK, Logarithms, TargetSums
from segeval.tallies.power_sums import PowerSum
from segeval.tallies.tally import DEFAULT_ETA, DEFAULT_GAMMA, LogSetting

DEFAULT: tuple[LogSetting, ...] = ((DEFAULT_GAMMA, DEFAULT_ETA),)
RANDOM = np.random.default_rng(3)


def near_zero(smallest: float, largest: float) -> Any:
    """Small numbers, evenly by their exponents, as a network's float32."""
    return np.exp2(RANDOM.uniform(np.log2(smallest), np.log2(largest), BLOCK)).astype(np.float32)


def some(share: float) -> Any:
    return RANDOM.random(BLOCK) < share


OUTSIDE, INSIDE = some(0), some(1)
FEW, MOST = some(0.02), some(0.98)
TINY = near_zero(2.0**-40, 2.0**-15)
CLIP = np.resize(np.nextafter(np.float32(1e-7), np.float32([0, 1])), BLOCK)
BLOCKS = {
    "all outside, all certain": (TINY, OUTSIDE),
    "all inside, all certain": (1 - TINY, INSIDE),
    "right at the border of the clip": (near_zero(0.999e-7, 1.001e-7), OUTSIDE),
    "the border of the clip, stored to the last bit": (CLIP, OUTSIDE),
    "the border of the clip, inside": (1 - CLIP, INSIDE),
    "the border of the clip, inside, in float64": (1 - CLIP.astype(np.float64), INSIDE),
    "beyond any clip": (near_zero(2.0**-20, 2.0**-15), OUTSIDE),
    "some uncertain outside": (np.where(some(0.05), RANDOM.random(BLOCK), TINY), OUTSIDE),
    "few inside, right": (np.where(FEW, 1 - TINY, TINY), FEW),
    "few inside, all missed": (TINY, FEW),
    "most inside, right": (np.where(MOST, 1 - TINY, TINY), MOST),
    "most inside, the rest invented": (1 - TINY, MOST),
    "nothing certain": (RANDOM.random(BLOCK), some(0.5)),
    "zeros and ones": (FEW.astype(np.float32), FEW),
    "zeros and ones, wrong": (1.0 - FEW, FEW),
}


def oracle(p: Any, inside: Any, eta: float, gamma: float) -> list[Any]:
    """Sums over both sides of t, f, t², f², ln t and f^γ ln t, in long double."""
    p = p.astype(np.longdouble)
    true, false = np.where(inside, p, 1 - p), np.where(inside, 1 - p, p)
    clipped = np.clip(true, np.longdouble(eta), 1 - np.longdouble(eta))
    logs = np.where(clipped > 0.5, np.log1p(-np.minimum(1 - clipped, 0.5)), np.log(clipped))
    terms = [true, false, true**2, false**2, logs, false**gamma * logs]
    return [[term[side].sum() for side in (inside, ~inside)] for term in terms]


POWERS: tuple[PowerSum, ...] = (("error", 1.5, 0.0), ("log", 0.3, 1e-7), ("wrong_log", 1.0, 1e-4), ("error", 0.0, 0.0))


@pytest.mark.parametrize("name", list(BLOCKS))
@pytest.mark.parametrize(
    "logs",
    [DEFAULT, ((2.0, 1e-7), (1.5, 1e-7), (2.0, 1e-5)), ((0.0, 1e-7),), ((2.0, 0.01),)],
    ids=["default", "several", "gamma 0", "a large eta"],
)
def test_the_sums_are_those_of_long_double(name: str, logs: tuple[LogSetting, ...]) -> None:
    p, inside = BLOCKS[name]
    sums = TargetSums(Logarithms(logs))
    for part in (slice(0, 5000), slice(5000, None)):  # blocks of any length
        sums.add(p[part], inside[part])
    totals = sums.totals()
    moments, found = totals.moments, totals.logs
    for gamma, eta in logs:
        t, f, t2, f2, plain, focal = oracle(p, inside, eta, gamma)
        assert found[gamma, eta] == pytest.approx([*map(float, plain), *map(float, focal)], rel=1e-9)
        assert moments == pytest.approx(
            [float(t[0] + f[1]), float(t[0]), float(t2[0] + f2[1]), float(t2[0])], rel=1e-12
        )
    assert (sums.n, sums.r) == (BLOCK, np.count_nonzero(inside))


@pytest.mark.parametrize("name", list(BLOCKS))
def test_the_complement_has_the_sums_of_the_rest(name: str) -> None:
    p, inside = BLOCKS[name]
    sums, rest = TargetSums(Logarithms(DEFAULT, POWERS)), TargetSums(Logarithms(DEFAULT, POWERS))
    sums.add(p, inside)
    rest.add(1 - p.astype(np.float64), ~inside)
    other = sums.complement()
    found, expected = other.totals(), rest.totals()
    assert found.moments == pytest.approx(expected.moments, rel=1e-12)
    assert found.logs[DEFAULT[0]] == pytest.approx(expected.logs[DEFAULT[0]], rel=1e-9)
    assert found.powers == {what: pytest.approx(sides, rel=1e-9) for what, sides in expected.powers.items()}
    assert (other.n, other.r) == (rest.n, rest.r)


@pytest.mark.parametrize("name", list(BLOCKS))
def test_the_sums_of_powers_are_those_of_long_double(name: str) -> None:
    p, inside = BLOCKS[name]
    sums = TargetSums(Logarithms(DEFAULT, POWERS))
    for part in (slice(0, 5000), slice(5000, None)):
        sums.add(p[part], inside[part])
    exact = p.astype(np.longdouble)
    true, false = np.where(inside, exact, 1 - exact), np.where(inside, 1 - exact, exact)

    def logarithms(values: NDArray[Any], eta: float) -> NDArray[Any]:
        return np.log(np.clip(values, np.longdouble(eta), 1 - np.longdouble(eta)))

    terms = {
        POWERS[0]: false**1.5,
        POWERS[1]: (-logarithms(true, 1e-7)) ** 0.3,
        POWERS[2]: logarithms(false, 1e-4),
        POWERS[3]: false**0,
    }
    expected = {what: [float(of[inside].sum()), float(of[~inside].sum())] for what, of in terms.items()}
    assert sums.totals().powers == {what: pytest.approx(values, rel=1e-9) for what, values in expected.items()}

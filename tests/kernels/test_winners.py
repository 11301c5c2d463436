"""The channel that each voxel belongs to, held to NumPy's argmax, which gives the first of equals."""

from __future__ import annotations

import numpy as np
import pytest

from segeval.kernels.target_sums import BLOCK
from segeval.kernels.winners import winners_of
from segeval.tallies.tally import TallyOptions


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [2, 5, 300])
def test_the_largest_wins_and_the_first_of_equals(channels: int, dtype: type) -> None:
    rng = np.random.default_rng(channels)
    size = BLOCK + 100 if channels < 300 else 500
    steps = rng.multinomial(6, np.ones(channels) / channels, size)  # of few steps, so that many are equal
    values = (steps.T / 6).astype(dtype)
    most = values.max(axis=0)
    assert (np.count_nonzero(values == most, axis=0) > 1).mean() > 0.1
    found = winners_of(list(values), TallyOptions(channels=tuple(range(channels))))
    assert found.tolist() == values.argmax(axis=0).tolist()


def test_the_threshold_counts_as_it_is_stored() -> None:
    """0.1 as float32 is a little more than 0.1, and reaches it; the next number below does not."""
    stored = np.float32(0.1)
    values = np.array([0, np.nextafter(stored, np.float32(0)), stored, 1], dtype=np.float32)
    found = winners_of([values], TallyOptions(channels=(1,), labels=(1,), threshold=0.1))
    assert found.tolist() == [0, 0, 1, 1]


def test_what_is_one_value_stays_one() -> None:
    channels = [np.broadcast_to(np.float32(value), (10**9,)) for value in (0.2, 0.5, 0.3)]
    found = winners_of(channels, TallyOptions(channels=(0, 1, 2)))
    assert (found.shape, found.strides, found[-1]) == ((10**9,), (0,), 1)

"""Means of resampled cases: what a loop over draws and columns gives, in one block and in many."""

from __future__ import annotations

import numpy as np
import pytest

from segeval.quantities import bootstrap


@pytest.mark.parametrize("block", [10, 70, 1_000_000])
@pytest.mark.parametrize("columns", [0, 1, 5])
def test_means_are_those_of_a_loop(block: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK", block)
    generator = np.random.default_rng(5)
    values = generator.random((7, columns))
    values[2:4, 1:] = values[5, 2:4] = values[:, 4:] = np.nan  # no gaps, some, the same ones twice, nothing else
    weights = bootstrap.resample(7, 60, seed=3)
    drawn = bootstrap.means_of_draws(values, weights)
    assert drawn.shape == (60, columns)
    for of_draw, times in zip(drawn, weights, strict=True):
        for mean, column in zip(of_draw, values.T, strict=True):
            cases = np.repeat(column, times)
            defined = cases[~np.isnan(cases)]
            np.testing.assert_allclose(mean, defined.mean() if defined.size else np.nan, rtol=1e-12)


def test_every_draw_holds_as_many_cases_as_there_are() -> None:
    assert (bootstrap.resample(11, 500, seed=0).sum(axis=1) == 11).all()


def test_without_draws_there_are_no_means() -> None:
    assert bootstrap.means_of_draws(np.ones((3, 2)), bootstrap.resample(3, 0, seed=0)).shape == (0, 2)

"""Floats read as labels: the nearest integers, voxel by voxel, however the stream is cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.volumes.values import INTEGRAL_WITHIN, Rounding

VALUES = st.one_of(
    st.builds(lambda n, e: n + e, st.integers(-2, 3), st.sampled_from([0.0, -0.0, 1e-6, -5e-4, 5e-4, 0.002, 0.5])),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e19, -1e19]),
)


@given(pieces=st.lists(st.lists(VALUES, max_size=4), max_size=6), dtype=st.sampled_from(["float32", "float64"]))
def test_rounding_is_that_of_each_voxel(pieces: list[list[float]], dtype: str) -> None:
    stored = [np.array(piece, dtype=dtype) for piece in pieces]
    rounding = Rounding((sum(piece.size for piece in stored),))
    labels = [label for piece in stored for label in rounding.round(piece).tolist()]
    voxels = [float(value) for piece in stored for value in piece]
    good = [math.isfinite(v) and abs(v) < 2**63 and abs(v - round(v)) <= INTEGRAL_WITHIN for v in voxels]
    assert labels == [round(v) if ok else 0 for v, ok in zip(voxels, good, strict=True)]
    assert rounding.fractional == good.count(False)
    moves = [abs(v - round(v)) for v, ok in zip(voxels, good, strict=True) if ok]
    assert rounding.moved == pytest.approx(max(moves, default=0.0))
    if False in good:
        assert rounding.first is not None
        assert rounding.first[1] == (good.index(False),)

"""The ways in which the NumPy kernel counts label pairs, each against NumPy's own table of distinct pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from segeval.kernels import numpy_labels
from segeval.kernels.numpy_labels import NumpyLabelKernel, RunStarts

Array = NDArray[Any]


def table_of_pairs(prediction: Array, reference: Array) -> dict[tuple[int, int], int]:
    """NumPy's distinct rows of (reference, prediction)."""
    rows = np.stack([reference.astype(np.int64), prediction.astype(np.int64)], axis=1)
    pairs, counts = np.unique(rows, axis=0, return_counts=True)
    return {(r, p): n for (r, p), n in zip(pairs.tolist(), counts.tolist(), strict=True)}


def counted(prediction: Array, reference: Array, step: int = 1 << 20) -> dict[tuple[int, int], int]:
    kernel = NumpyLabelKernel()
    for start in range(0, prediction.size, step):
        kernel.add(prediction[start : start + step], reference[start : start + step])
    return dict(kernel.confusion().pairs)


def parcellation(labels: int, seed: int) -> Array:
    """A volume of 48 × 48 × 48 voxels without background, each in the cell of the nearest of ``labels`` points."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*3 * [np.arange(48.0)], indexing="ij"), axis=-1).reshape(-1, 3)
    _, nearest = cKDTree(rng.uniform(0, 48, (labels, 3))).query(grid)
    return np.asarray(nearest + 1)


def noise(labels: int, seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, labels, 100_003)


def is_counted_voxel_by_voxel(prediction: Array, reference: Array) -> bool:
    block = slice(0, numpy_labels._BLOCK)
    return RunStarts().of(prediction[block], reference[block]) is None


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint64"])
@pytest.mark.parametrize("labels", [3, 117])
def test_noise_is_counted_voxel_by_voxel(labels: int, dtype: str) -> None:
    prediction, reference = noise(labels, 1).astype(dtype), noise(labels, 2).astype(dtype)
    assert is_counted_voxel_by_voxel(prediction, reference)
    assert counted(prediction, reference, step=30_000) == table_of_pairs(prediction, reference)


@pytest.mark.parametrize(("cells", "voxel_by_voxel"), [(4, False), (117, True)])
@pytest.mark.parametrize("dtype", ["uint16", "int32"])
def test_a_parcellation_is_counted_by_what_its_runs_are_worth(cells: int, voxel_by_voxel: bool, dtype: str) -> None:
    """117 cells in both volumes are runs of four voxels, 4 cells runs of twenty."""
    prediction, reference = parcellation(cells, 1).astype(dtype), parcellation(cells, 2).astype(dtype)
    assert is_counted_voxel_by_voxel(prediction, reference) == voxel_by_voxel
    assert counted(prediction, reference) == table_of_pairs(prediction, reference)


@pytest.mark.parametrize("offset", [-5, 70_000, 2**40])
def test_wide_labels_share_the_path_of_narrow_ones(offset: int) -> None:
    prediction, reference = parcellation(60, 3) + offset, parcellation(60, 4) + offset
    assert counted(prediction, reference) == table_of_pairs(prediction, reference)


def test_more_labels_than_the_dense_histogram_holds_keep_what_was_counted_before() -> None:
    few = np.repeat(np.arange(20), 50)
    many = np.repeat(np.arange(1000), 5)
    kernel = NumpyLabelKernel()
    for part in (few, many, few):
        kernel.add(part, part[::-1])
    whole = np.concatenate((few, many, few))
    mirrored = np.concatenate((few[::-1], many[::-1], few[::-1]))
    assert kernel.confusion().pairs == table_of_pairs(whole, mirrored)


@given(
    runs=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30),
    block=st.sampled_from([8, 16, 64, 1 << 10]),
)
def test_the_runs_are_those_that_were_put_in_whatever_the_block(runs: list[tuple[int, int, int]], block: int) -> None:
    lengths, p, r = (np.array(column) for column in zip(*runs, strict=True))
    prediction, reference = np.repeat(p, lengths).astype(np.uint8), np.repeat(r, lengths).astype(np.uint8)
    expected: dict[tuple[int, int], int] = {}
    for length, ours, theirs in runs:
        expected[theirs, ours] = expected.get((theirs, ours), 0) + length
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numpy_labels, "_BLOCK", block)
        assert counted(prediction, reference) == expected

"""A joint histogram, and components, that do not fit are refused with their number, before they take what there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from segeval import evaluate
from segeval.cases.counting import LabelResult
from segeval.errors import NotEnoughMemory
from segeval.kernels.numpy_labels import NumpyLabelKernel
from segeval.tallies.tally import Confusion
from segeval.volumes import memory, tiles

Run = Callable[..., Any]


def leave(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """So many bytes beyond what this process holds."""
    monkeypatch.setenv(memory.VARIABLE, str(memory._used() + size))


def test_a_histogram_is_refused_while_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, 40 << 20)
    kernel = NumpyLabelKernel()
    ids = np.arange(1 << 20, dtype=np.uint64) << np.uint64(30)
    with pytest.raises(NotEnoughMemory, match=r"the joint histogram: counting \d\d\d,\d\d\d pairs of labels needs"):
        kernel.add(ids, ids)


def test_a_sum_of_histograms_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """75 bytes a pair: 10^8 of them take 7 GiB more than they hold."""
    one, other = (LabelResult(Confusion({(n, n): 1 for n in range(k, k + 100_000)})) for k in (0, 100_000))
    leave(monkeypatch, 5 << 20)
    with pytest.raises(NotEnoughMemory, match=r"counting 200,000 pairs of labels needs 14.3 MiB"):
        one + other
    monkeypatch.delenv(memory.VARIABLE)
    assert len((one + other).confusion.pairs) == 200_000


def test_components_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume of as many components as voxels, in parts that would fit alone."""
    monkeypatch.setattr(tiles, "PART_VOXELS", 5000)
    monkeypatch.setattr(tiles, "_BOX_VOXELS", 5000)
    labels = np.arange(32**3, dtype=np.uint32).reshape(32, 32, 32)
    made = zarr.create_array(str(tmp_path / "a.zarr"), shape=labels.shape, chunks=(16, 16, 16), dtype="uint32")
    made[:] = labels
    asked: list[str] = []

    def refused(name: str, *needs: memory.Need) -> None:
        asked.extend(need.work for need in needs)
        if name == "components" and sum(need.size for need in needs) > 10 << 20:
            raise NotEnoughMemory(f"{name}: {needs[0].work}")

    monkeypatch.setattr("segeval.cases.regions.require_memory", refused)
    with pytest.raises(
        NotEnoughMemory, match=r"components: joining \d\d,\d\d\d components and \d\d,\d\d\d pairs of them"
    ):
        evaluate(tmp_path / "a.zarr", tmp_path / "a.zarr", metrics="instance_tp")
    assert len(asked) > 4

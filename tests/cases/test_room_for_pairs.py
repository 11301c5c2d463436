"""A joint histogram, and components, that do not fit are refused with their number, before they take what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from segeval import evaluate
from segeval.batches.one_volume import Outcome, _tried
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


def test_labels_count_beside_their_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has a label of its own on either side takes 200 + 2 · 130 bytes: 100,000 of them 43.9 MiB, not 19.1."""
    leave(monkeypatch, 1 << 30)
    kernel = NumpyLabelKernel()
    kernel._room = 99_999
    ids = np.arange(100_000, dtype=np.uint64) << np.uint64(30)
    monkeypatch.setattr("segeval.kernels.numpy_labels._BLOCK", 100_000)
    leave(monkeypatch, 43 << 20)
    with pytest.raises(NotEnoughMemory, match=r"counting 100,000 pairs of labels needs 43\.9 MiB"):
        kernel.add(ids, ids)


def test_parts_that_others_count_are_refused_before_they_pile_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part has 100,000 pairs: where there is no room for another 19.1 MiB, the first one is refused."""
    parts = [LabelResult(Confusion({(n, n): 1 for n in range(k, k + 100_000)})) for k in (0, 100_000)]
    taken: list[int] = []

    def once(numbers: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        for number in numbers:
            taken.append(number)
            yield number, parts[number]

    leave(monkeypatch, 1 << 30)
    elsewhere = _tried(once, tmp_path / "p", tmp_path / "r", None)
    assert [number for number, _ in elsewhere(2)] == taken == [0, 1]
    taken.clear()
    leave(monkeypatch, 5 << 20)
    with pytest.raises(NotEnoughMemory, match=r"counting 100,000 pairs of labels needs 19.1 MiB, --max-memory"):
        list(elsewhere(2))
    assert taken == [0]


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

"""What cannot be streamed says what it needs before it takes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.errors import NotEnoughMemory, UsageError
from segeval.volumes import memory
from segeval.volumes.memory import Need, parse_size, require_memory, share_memory

LABELS = (np.arange(128**3).reshape(128, 128, 128) % 3).astype(np.uint8)  # 2 MiB
AFFINE = np.diag([1.0, 1, 1, 1])


@pytest.mark.parametrize(
    ("text", "size"),
    [("4G", 4 << 30), ("500M", 500 << 20), ("500 MiB", 500 << 20), ("1t", 1 << 40), ("8192", 8192), ("2KB", 2048)],
)
def test_a_size_is_in_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "4X", "G", "1.5G", "9" * 20])
def test_a_size_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="like 4G"):
        parse_size(text)


def test_without_the_option_three_quarters_of_what_is_free_may_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(memory, "_free", lambda: 100 << 20)
    require_memory("x.nrrd", Need(75 << 20, "this", "take that"))
    with pytest.raises(
        NotEnoughMemory, match=r"^x\.nrrd: this needs 76 MiB, 75% of the free memory are 75 MiB; take that, raise"
    ):
        require_memory("x.nrrd", Need(76 << 20, "this", "take that"))


def test_needs_that_are_held_together_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(memory, "_free", lambda: 100 << 20)
    needs = [Need(40 << 20, "one", "do this"), Need(0, "none", "never"), Need(36 << 20, "another", "do that")]
    require_memory("x", *needs[:2])
    with pytest.raises(NotEnoughMemory) as refusal:
        require_memory("x", *needs)
    assert str(refusal.value) == (
        "x: one (40 MiB) and another (36 MiB) together needs 76 MiB, 75% of the free memory are 75 MiB; "
        "do this, do that, raise --max-memory, or score it on a larger machine"
    )


@pytest.mark.parametrize(("stated", "share"), [("", "37.5 MiB"), ("64G", None)])
def test_workers_have_equal_shares(stated: str, share: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, stated)
    monkeypatch.setattr(memory, "_free", lambda: 100 << 20)
    monkeypatch.setattr(memory, "_used", lambda: 0)
    monkeypatch.setattr(memory, "_sharers", 1)
    share_memory(2)
    need = Need(38 << 20 if share else 32 << 30, "this", "take that")
    if share is None:
        require_memory("x", need)
        need = Need(need.size + (1 << 20), need.work, need.instead)
    with pytest.raises(NotEnoughMemory, match=f"{share or '32 GiB'} for each of 2 workers"):
        require_memory("x", need)


def test_what_is_free_is_known_here() -> None:
    free = memory._free()
    assert free is None or 1 << 20 < free < 1 << 50


@pytest.fixture
def cases(nifti: Callable[..., Path], tmp_path: Path) -> dict[str, tuple[list[object], str]]:
    """A pair per kind of work that holds a volume, and the words for it."""
    import SimpleITK as sitk

    reference = nifti("r.nii", LABELS, AFFINE)
    sitk.WriteImage(sitk.GetImageFromArray(LABELS), str(tmp_path / "x.vtk"))
    np.savez(tmp_path / "f.npz", probabilities=np.asfortranarray(np.full((2, 128, 128, 128), 0.5, np.float32)))
    return {
        "flipped": ([nifti("flipped.nii", LABELS[::-1], np.array(
            [[-1.0, 0, 0, 127], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])), reference], "another axis order"),
        "resampled": ([nifti("moved.nii", LABELS, np.diag([1.1, 1, 1, 1])), reference, "--geometry", "resample",
                       "--kind", "labels"], "resampling"),
        "vtk": ([tmp_path / "x.vtk", reference, "--geometry", "ignore"], "read whole"),
        "fortran": ([tmp_path / "f.npz", reference, "--labels", "1"], "Fortran order"),
        "class axis": ([nifti("c.nii", np.stack([LABELS, LABELS]).astype(np.float32), AFFINE), reference,
                        "--class-axis", "0"], "class axis"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["flipped", "resampled", "vtk", "fortran", "class axis"])
def test_work_that_needs_more_is_refused_with_both_values(
    kind: str, cases: dict[str, tuple[list[object], str]], segeval: Any
) -> None:
    arguments, words = cases[kind]
    run = segeval("score", *arguments, "--metrics", "dice", "--max-memory", "1M")
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    assert run.err.startswith(f"segeval: {arguments[0]}: ")
    assert words in run.err
    assert "--max-memory 1M leaves 0 B" in run.err
    assert "MiB, " in run.err


def test_what_is_streamed_needs_no_leave(cases: dict[str, tuple[list[object], str]], segeval: Any) -> None:
    reference = cases["flipped"][0][1]
    assert segeval("score", reference, reference, "--metrics", "dice", "--max-memory", "1M").code == 0


def test_workers_know_the_limit(cases: dict[str, tuple[list[object], str]], tmp_path: Path, segeval: Any) -> None:
    for side, file in zip("pr", cases["flipped"][0], strict=True):
        (tmp_path / side).mkdir()
        Path(str(file)).rename(tmp_path / side / "a.nii")
    options = ("--metrics", "dice", "--format", "json", "--workers", "1")
    run = segeval("batch", tmp_path / "p", tmp_path / "r", *options, "--max-memory", "1M")
    assert run.code == 3
    assert "another axis order" in run.json["cases"][0]["reason"]
    assert segeval("batch", tmp_path / "p", tmp_path / "r", *options, "--max-memory", "64G").code == 0


def test_a_size_that_is_none_is_refused_by_the_command(
    cases: dict[str, tuple[list[object], str]], segeval: Any
) -> None:
    reference = cases["flipped"][0][1]
    run = segeval("score", reference, reference, "--max-memory", "much")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)

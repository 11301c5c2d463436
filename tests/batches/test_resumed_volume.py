"""One volume in parts goes on where it was: what the journal has is not counted again, and the output is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyramids import stored, with_blocks

from segeval.batches import one_volume
from segeval.batches.line_journal import decoded, encoded
from segeval.batches.part_lines import OF_ANOTHER_MAKING, PartLine, part_document, part_of
from segeval.batches.parts_journal import PartsJournal
from segeval.cases.case import count_part
from segeval.cases.files import score_pair
from segeval.cases.parts import PartResult
from segeval.errors import UnreadableFile
from segeval.readers import Input
from segeval.settings import Settings, settings_of
from segeval.volumes import tiles

Run = Callable[..., Any]
METRICS = "dice,partition,pq,betti1_error,betti2_error"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A pair of label maps of nine parts."""
    monkeypatch.setattr(tiles, "PART_VOXELS", 100)
    monkeypatch.setattr(tiles, "_BOX_VOXELS", 60)
    rng = np.random.default_rng(8)
    reference = rng.choice(np.array([0, 1, 2, 2**63 + 1], np.uint64), (9, 10, 11))
    prediction = np.where(rng.random(reference.shape) < 0.8, reference, 0).astype(np.uint64)
    return stored(tmp_path / "p.zarr", prediction, (3, 5, 4)), stored(tmp_path / "r.zarr", reference, (3, 5, 4))


def as_text(files: tuple[Path, Path], settings: Settings, elsewhere: Any = None) -> str:
    return score_pair(*map(Input, files), settings, elsewhere=elsewhere).to_json()


def through_a_line(files: tuple[Path, Path], settings: Settings) -> Callable[[int], Iterable[tuple[int, PartResult]]]:
    def elsewhere(count: int) -> Iterator[tuple[int, PartResult]]:
        assert count > 4
        for number in reversed(range(count)):
            part = part_document(count_part(*map(Input, files), settings, number))
            read = decoded(encoded(PartLine("a key", part)), PartLine)
            assert read is not None
            yield number, part_of(read.part)

    return elsewhere


@pytest.mark.parametrize("more", [{}, {"ignore_label": 1, "regions": {"both": (1, 2)}}, {"instances": True}])
def test_a_part_that_was_a_line_is_the_same(files: tuple[Path, Path], more: dict[str, Any]) -> None:
    settings = settings_of({"metrics": METRICS, **more})
    assert as_text(files, settings, through_a_line(files, settings)) == as_text(files, settings)


@pytest.mark.parametrize(("of", "other"), [('"eAF', '"AAAA'), ('"pairs": [{', '"pairs": ["x", {')])
def test_a_part_of_another_making_is_refused(of: str, other: str, files: tuple[Path, Path]) -> None:
    text = json.dumps(part_document(count_part(*map(Input, files), settings_of({"metrics": METRICS}), 0)))
    assert of in text, text
    with pytest.raises(OF_ANOTHER_MAKING):
        part_of(json.loads(text.replace(of, other, 1)))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("metrics", ["overlap,losses,calibration", f"brier,{METRICS.replace('partition,', '')}"])
def test_a_part_of_a_probability_map_is_the_same(metrics: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    p = stored(tmp_path / "soft.zarr", rng.random((9, 10, 11)).astype(np.float32), (3, 5, 4))
    r = stored(tmp_path / "mask.zarr", rng.integers(0, 2, (9, 10, 11)).astype(np.uint8), (3, 5, 4))
    settings = settings_of({"metrics": metrics, "kind": "probabilities"})
    assert as_text((p, r), settings, through_a_line((p, r), settings)) == as_text((p, r), settings)


def counting(files: tuple[Path, Path], settings: Settings, counted: list[int], fails_at: Sequence[int] = ()) -> Any:
    """What stands for workers: counts here, and fails at some parts."""

    def run(_: Any, numbers: Sequence[int], __: int) -> Iterator[tuple[int, Any]]:
        for number in numbers:
            counted.append(number)
            wrong = UnreadableFile(f"{files[0]}: cannot be read")
            yield number, wrong if number in fails_at else count_part(*map(Input, files), settings, number)

    return run


def test_what_is_in_the_journal_is_not_counted_again(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of({"metrics": METRICS})
    counted: list[int] = []

    def scored(resume: bool, used: Settings) -> str:
        with PartsJournal(tmp_path / "out.json", [*map(Input, files)], used, resume=resume) as journal:
            return as_text(files, used, one_volume.in_processes(*map(Input, files), used, 2, print, journal))

    monkeypatch.setattr(one_volume, "in_workers", counting(files, settings, counted, fails_at=[4]))
    with pytest.raises(UnreadableFile, match=r"cannot be read \(part 5 of \d+, tried 3 times\)"):
        scored(False, settings)
    count = max(counted) + 1
    assert sorted(counted) == sorted([*range(count), 4, 4])
    counted.clear()
    monkeypatch.setattr(one_volume, "in_workers", counting(files, settings, counted))
    with (tmp_path / "out.json.journal").open("ab") as journal:
        journal.write(b'{"key": "cut')  # as a run leaves it that is killed while it writes
    assert scored(True, settings) == as_text(files, settings)
    assert counted == [4]
    counted.clear()
    other = settings_of({"metrics": METRICS, "ignore_label": 1})
    monkeypatch.setattr(one_volume, "in_workers", counting(files, other, counted))
    assert scored(True, other) == as_text(files, other)
    assert counted == list(range(count))  # counted under other settings
    counted.clear()
    os.utime(next(each for each in files[0].rglob("c/*/*/*") if each.is_file()))
    scored(True, other)
    assert counted == list(range(count))  # of files that have changed


def test_resume_wants_an_output(files: tuple[Path, Path], segeval: Run) -> None:
    run = segeval("score", *files, "--resume")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "--resume continues the journal beside an output; name the output with -o" in run.err


def test_a_run_that_is_killed_goes_on(tmp_path: Path) -> None:
    """The whole group of processes, as soon as a part is done; what is left behind afterwards is the output."""
    block = np.random.default_rng(3).integers(0, 3, (30, 40, 50)).astype(np.uint8)
    files = [with_blocks(tmp_path / f"{name}.zarr", block, (x, 100, 230)) for name, x in (("p", 246), ("r", 245))]
    out = tmp_path / "out" / "o.json"
    out.parent.mkdir()
    command = [sys.executable, "-m", "segeval", "score", *map(str, files), "--metrics", "dice,instance_tp", "-o"]
    journal = Path(f"{out}.journal")
    with subprocess.Popen([*command, str(out), "--workers", "2"], start_new_session=True) as run:
        while not (journal.exists() and b"\n" in journal.read_bytes()) and run.poll() is None:
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)
    assert not out.exists()
    assert journal.exists()
    again = subprocess.run([*command, str(out), "--resume"], capture_output=True, timeout=300, check=False)
    alone = tmp_path / "alone.json"
    straight = subprocess.run([*command, str(alone)], capture_output=True, timeout=300, check=False)
    assert (again.returncode, straight.returncode) == (0, 0), again.stderr
    assert out.read_bytes() == alone.read_bytes()
    assert [each.name for each in out.parent.iterdir()] == ["o.json"]

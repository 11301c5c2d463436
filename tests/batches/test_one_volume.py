"""One pair counted part by part: by this process, by workers, on a cluster, and where some of them are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
import SimpleITK
import zarr
from clusters import cluster
from pyramids import stored

from segeval import evaluate
from segeval.batches.one_volume import in_processes
from segeval.cases.parts import Neighbours
from segeval.errors import UsageError, WorkerError
from segeval.readers import Input
from segeval.settings import settings_of
from segeval.volumes import tiles

Run = Callable[..., Any]
COMMAND = [sys.executable, "-m", "segeval", "score"]
LARGE = (520, 520, 520)  # more than a part: two of them


def store(path: Path, array: np.ndarray[Any, Any], chunks: tuple[int, ...] | None, **more: Any) -> Path:
    """Write an array as Zarr, or as HDF5, by the ending."""
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("labels", data=array, chunks=chunks)
    else:
        stored(path, array, chunks, **more)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 4, (11, 13, 17)).astype(np.uint8)
    prediction = np.where(rng.random(reference.shape) < 0.8, reference, 0).astype(np.uint16)
    return folder, prediction, reference


def require_equal(found: Any, expected: Any, rel: float = 0.0) -> None:
    """The rows, but for volumes in ml: a plain array has no spacing."""
    for one, other in zip(found.cases[0].rows, expected.cases[0].rows, strict=True):
        values, wanted = ({k: v for k, v in row.values.items() if not k.endswith("_ml")} for row in (one, other))
        assert values == pytest.approx(wanted, rel=rel, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("ending", "chunks"),
    [(".zarr", ((4, 5, 6), (3, 13, 4))), (".zarr", ((11, 13, 17), (2, 2, 2))), (".h5", ((5, 5, 5), None))],
)
@pytest.mark.parametrize("part", [50, 700, 1 << 27])
def test_label_maps_score_alike_in_any_chunks_and_parts(
    ending: str,
    chunks: tuple[tuple[int, ...], ...],
    part: int,
    small: tuple[Path, Any, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, prediction, reference = small
    monkeypatch.setattr(tiles, "PART_VOXELS", part)
    monkeypatch.setattr(tiles, "_BOX_VOXELS", 300)
    files = [
        store(tmp_path / f"{n}{ending}", a, c) for n, a, c in zip("pr", (prediction, reference), chunks, strict=True)
    ]
    for name, array in (("p", prediction), ("r", reference)):
        nibabel.Nifti1Image(array.transpose(2, 1, 0), np.eye(4)).to_filename(tmp_path / f"{name}.nii")
    options: dict[str, Any] = {"metrics": "overlap,losses,partition", "geometry": "ignore"}
    found = evaluate(*files, **options)
    expected = evaluate(tmp_path / "p.nii", tmp_path / "r.nii", **options)
    require_equal(found, expected)
    assert found.cases[0].confusion == expected.cases[0].confusion


@pytest.mark.parametrize("part", [50, 1 << 27])
def test_probability_maps_score_alike_in_parts(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "PART_VOXELS", part)
    monkeypatch.setattr(tiles, "_BOX_VOXELS", 500)
    rng = np.random.default_rng(1)
    softmax = np.moveaxis(rng.dirichlet(np.ones(3), (7, 8, 9)), -1, 0).astype(np.float32)
    reference = rng.integers(0, 3, (7, 8, 9)).astype(np.int32)
    p = store(tmp_path / "p.zarr", softmax, (3, 4, 4, 4))
    r = store(tmp_path / "r.zarr", reference, (7, 2, 3))
    np.savez(tmp_path / "p.npz", probabilities=softmax)
    nibabel.Nifti1Image(reference.transpose(2, 1, 0), np.eye(4)).to_filename(tmp_path / "r.nii")
    options: dict[str, Any] = {"metrics": "overlap,losses,calibration", "geometry": "ignore"}
    found, expected = evaluate(p, r, **options), evaluate(tmp_path / "p.npz", tmp_path / "r.nii", **options)
    require_equal(found, expected, rel=1e-12)
    stored = store(tmp_path / "bytes.zarr", (softmax * 255).round().astype(np.uint8), (3, 4, 4, 4))
    scaled = evaluate(stored, r, scale=255, clip=True, **options)
    assert scaled.cases[0].rows[0].values["dice"] == pytest.approx(found.cases[0].rows[0].values["dice"], abs=0.01)


def test_sums_are_made_of_neighbours_whoever_comes_first() -> None:
    for count in range(1, 6):
        for order in permutations(range(count)):
            total: Neighbours[list[int]] = Neighbours(count)
            for number in order:
                total.add(number, [number])
            assert total.sum() == list(range(count))
    sums: Neighbours[float] = Neighbours(3)
    for number, value in ((2, 1e100), (1, -1e100), (0, 1.0)):
        sums.add(number, value)
    assert sums.sum() == (1.0 - 1e100) + 1e100  # 0.0, in any order


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Label maps of two parts, of which few chunks hold something."""
    folder = tmp_path_factory.mktemp("large")
    block = np.random.default_rng(2).integers(0, 5, (40, 130, 130)).astype(np.uint8)
    files = []
    for name, shift in (("p", 3), ("r", 0)):
        options: dict[str, Any] = {"chunks": (130, 130, 130), "compressors": zarr.codecs.BloscCodec()}
        made = zarr.create_array(str(folder / f"{name}.zarr"), shape=LARGE, dtype="uint8", **options)
        for corner in ((0, 0, 0), (450, 260, 390)):
            made[tuple(slice(c + s, c + s + n) for c, s, n in zip(corner, (shift, 0, 0), block.shape, strict=True))] = (
                block
            )
        files.append(folder / f"{name}.zarr")
    return files[0], files[1]


def scored(large: tuple[Path, Path], *options: str) -> tuple[int, str, str]:
    asked = [*COMMAND, *map(str, large), "--format", "json", *options]
    run = subprocess.run(asked, capture_output=True, encoding="utf-8", timeout=120, check=False)
    return run.returncode, run.stdout, run.stderr


@pytest.fixture(scope="module")
def alone(large: tuple[Path, Path]) -> str:
    """What one process prints."""
    code, out, err = scored(large)
    assert code == 0, err
    assert [row["label"] for row in json.loads(out)["cases"][0]["rows"]] == [1, 2, 3, 4, "mean", "all"]
    return out


def test_workers_print_the_same_bytes(large: tuple[Path, Path], alone: str) -> None:
    code, out, err = scored(large, "--workers", "2")
    assert (code, out) == (0, alone), err
    assert "resource_tracker" not in err  # of Blosc's lock, which numcodecs makes in each worker


@pytest.mark.parametrize("ending", ["nii", "npy", "mha", "nrrd"])
def test_files_that_are_not_compressed_are_counted_in_parts(ending: str, segeval: Run, tmp_path: Path) -> None:
    """Planes that lie behind each other, of two parts; the values are those of one stream."""
    block = np.random.default_rng(4).integers(0, 3, (40, 60, 70)).astype(np.uint8)
    files = []
    for name, shift in (("p", 2), ("r", 0)):
        array = np.zeros((530, 520, 500), np.uint8)
        array[300 + shift : 340 + shift, 10:70, 400:470] = block
        files.append(tmp_path / f"{name}.{ending}")
        if ending == "npy":
            np.save(files[-1], array)
        elif ending == "nii":
            nibabel.Nifti1Image(array.transpose(2, 1, 0), np.eye(4)).to_filename(files[-1])
        else:
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(files[-1]), useCompression=False)
        del array
    one = segeval("score", *files, "-f", "json", "--hash")
    several = segeval("score", *files, "-f", "json", "--hash", "--workers", "2")
    assert (several.code, several.out) == (0, one.out), several.err


def test_a_cluster_prints_the_same_bytes(large: tuple[Path, Path], alone: str) -> None:
    with cluster() as address:
        code, out, err = scored(large, "--dask", address)
    assert (code, out) == (0, alone), err


def test_a_worker_that_is_killed_changes_nothing(large: tuple[Path, Path], alone: str) -> None:
    """Two of the workers are killed as soon as they are there: their parts are counted by others."""
    asked = [*COMMAND, *map(str, large), "--format", "json", "--workers", "2"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(asked, start_new_session=True, encoding="utf-8", **pipes) as run:
        killed: set[int] = set()
        while len(killed) < 2 and run.poll() is None:
            for worker in workers_of(run.pid) - killed:
                time.sleep(0.05)
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                killed.add(worker)
        out, err = run.communicate(timeout=120)
    assert len(killed) >= 2
    assert (run.returncode, out) == (0, alone), err


def workers_of(parent: int) -> set[int]:
    """Processes of its group that the server of workers has forked."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, of, group = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:3]
                if int(group) == parent and int(of) not in (parent, os.getpid()) and state != "Z":
                    found.add(int(entry.name))
    return found


def test_a_part_that_no_worker_survives_is_named(large: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from segeval.batches import one_volume
    from segeval.batches.worker_processes import Died

    tried: list[list[int]] = []

    def die(_: Any, numbers: list[int], __: int) -> Iterator[tuple[int, Died]]:
        tried.append(list(numbers))
        yield from ((number, Died(-9)) for number in numbers)

    monkeypatch.setattr(one_volume, "in_workers", die)
    elsewhere = in_processes(*map(Input, large), settings_of({}), 2, print)
    with pytest.raises(WorkerError, match=r"part 1 of 2: 3 worker processes died at it \(exit code -9\)"):
        list(elsewhere(2))
    assert tried == [[0, 1]] * 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--metrics", "hd"), "are measured on the whole volume, or up to --max-distance MM (hd); leave --workers"),
        (("--metrics", "dice,lesionwise_dice"), "are measured on the whole volume (lesionwise_dice); leave --workers"),
        (("--metrics", "surface"), "--max-distance MM (hd, hd95, assd and 4 more); leave --workers"),
        (("--metrics", "cldice"), "skeletons are made of the whole volume (cldice)"),
        (("--metrics", "boundary", "--kind", "probabilities"), "on the whole volume (boundary)"),
        (("--metrics", "dice,instance_hd95"), "is measured on the whole volume"),
        (("--within", "1"), "masks, weights and --within are read as one stream"),
        (("--slices-of", "1"), "--slices-of asks where the reference has a label"),
    ],
)
def test_what_needs_the_whole_volume_is_refused(
    options: tuple[str, ...], said: str, large: tuple[Path, Path], segeval: Run
) -> None:
    run = segeval("score", *large, "--workers", "2", *options)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert said in run.err


def test_files_that_are_streams_are_refused(small: tuple[Path, Any, Any], segeval: Run, tmp_path: Path) -> None:
    _, prediction, reference = small
    for name, array in (("p", prediction), ("r", reference)):
        nibabel.Nifti1Image(array, np.eye(4)).to_filename(tmp_path / f"{name}.nii.gz")
    run = segeval("score", tmp_path / "p.nii.gz", tmp_path / "r.nii.gz", "--workers", "2")
    assert (run.code, run.out) == (2, "")
    assert "p.nii.gz and " in run.err
    assert "r.nii.gz are read from front to end, as what is compressed as a whole is; both must be stored" in run.err
    assert "any place can be read (Zarr, HDF5, or not compressed: .nii, .npy, .mha, .nrrd)" in run.err
    plain = store(tmp_path / "plain.zarr", prediction.transpose(2, 1, 0), (4, 4, 4))
    run = segeval("score", plain, tmp_path / "r.nii.gz", "--workers", "2")
    assert f"parts: {tmp_path / 'r.nii.gz'} is read from front to end" in run.err
    soft = store(tmp_path / "p.h5", prediction.astype(np.float32), (4, 4, 4))
    run = segeval("score", soft, store(tmp_path / "r.h5", reference, (4, 4, 4)), "--workers", "2")
    assert "say so with --kind" in run.err


def test_a_damaged_chunk_is_a_line_whoever_reads_it(large: tuple[Path, Path], tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken.zarr"
    shutil.copytree(large[0], broken)
    (chunk, *_) = sorted(path for path in (broken / "c").rglob("*") if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:20])
    for options in ((), ("--workers", "2")):
        code, out, err = scored((broken, large[1]), *options)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert "broken.zarr: zarr cannot read it" in err


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("fill", [0, 2])
def test_what_is_not_stored_is_the_fill_value(version: Any, fill: int, tmp_path: Path) -> None:
    """Chunks that are not there are not decoded; the numbers are those of the arrays."""
    reference = np.full((9, 10, 11), fill, np.uint8)
    reference[4:6, 5:9, 0:4] = 3
    prediction = np.roll(reference, 1, axis=1)
    files = [tmp_path / "p.zarr", tmp_path / "r.zarr"]
    for path, array in zip(files, (prediction, reference), strict=True):
        more = {"zarr_format": version, "fill_value": fill, "config": {"write_empty_chunks": False}}
        store(path, array, (4, 4, 4), **more)
        stored = [each for each in path.rglob("*") if each.is_file() and "z" not in each.name]
        assert 0 < len(stored) < 27
    found = evaluate(*files, metrics="overlap,losses")
    nibabel.Nifti1Image(prediction.transpose(2, 1, 0), np.eye(4)).to_filename(tmp_path / "p.nii")
    nibabel.Nifti1Image(reference.transpose(2, 1, 0), np.eye(4)).to_filename(tmp_path / "r.nii")
    require_equal(found, evaluate(tmp_path / "p.nii", tmp_path / "r.nii", metrics="overlap,losses", geometry="ignore"))


def test_python_refuses_likewise(large: tuple[Path, Path]) -> None:
    from segeval.cases.files import score_pair

    with pytest.raises(UsageError, match="cannot be counted in parts"):
        score_pair(*map(Input, large), settings_of({"metrics": "hd"}), elsewhere=lambda _: [])

"""What each kind of work takes in a process of its own, held to what it asked for before it began (docs/files.md)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from segeval.batches import jobs as jobs_module
from segeval.batches import runners, worker_processes
from segeval.batches.jobs import Finished, Job
from segeval.readers import Input
from segeval.settings import Settings
from segeval.volumes import memory
from segeval.volumes.chunks import CHANNELS_AHEAD_BYTES

Array = NDArray[Any]

MIB = 1 << 20
LARGE, TINY = (192, 160, 128), (16, 16, 16)
VOXELS = 192 * 160 * 128  # 3.75 Mi
FLIPPED = np.diag([-1.0, 1, 1, 1])
WIDER = np.diag([1.1, 1, 1, 1])

OBSERVED = """
import json, re, sys
from segeval.volumes import memory
asked, require = [memory._used()], memory.require_memory
def watching(name, *needs):
    asked.append(memory._used() + sum(need.size for need in needs))
    require(name, *needs)
memory.require_memory = watching
if "instance" in str(sys.argv) or "lesionwise" in str(sys.argv):
    import cc3d, pandas, scipy.ndimage, scipy.sparse.csgraph, scipy.spatial  # else between the asking and the taking
if "shape" in str(sys.argv):
    import cc3d, scipy.ndimage
if "topology" in str(sys.argv) or "cldice" in str(sys.argv):
    import cc3d, skimage.morphology
from segeval.cli.app import main
code = main(sys.argv[1:])
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) << 10
print(json.dumps([code, peak, max(asked)]), file=sys.stderr)
"""
"""The largest size that the process had, and the largest that it said it would have."""


def two_balls(shape: tuple[int, ...]) -> Array:
    """Labels 0, 1, 2 and 3: a large ball, a smaller one in it, one beside it."""
    grid = np.indices(shape, sparse=True)
    labels = np.zeros(shape, np.uint8)
    for label, middle, radius in ((1, (0.5, 0.5, 0.5), 0.4), (2, (0.4, 0.5, 0.5), 0.2), (3, (0.92, 0.9, 0.9), 0.06)):
        squares = (((x / n - m) / radius) ** 2 for x, n, m in zip(grid, shape, middle, strict=True))
        labels[sum(squares) < 1] = label
    return labels


class Files:
    """A folder of volumes of one shape, written when they are first asked for."""

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        self.folder = folder
        self.reference = two_balls(shape)
        self.prediction = np.roll(self.reference, 1, axis=0)

    def __getitem__(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            getattr(self, "write_" + name.split(".")[0])(path)
        return path

    def nifti(self, path: Path, array: Array, affine: Array | None = None) -> None:
        nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), path)

    def flip(self) -> Array:
        affine = FLIPPED.copy()
        affine[0, 3] = self.reference.shape[0] - 1
        return affine

    def probabilities(self) -> Array:
        winners = [self.prediction == label for label in range(4)]
        return np.stack([np.where(winner, np.float32(0.85), np.float32(0.05)) for winner in winners], axis=-1)

    def write_r(self, path: Path) -> None:
        self.nifti(path, self.reference)

    def write_r16(self, path: Path) -> None:
        self.nifti(path, self.reference.astype(np.int16) * 200)

    def write_p(self, path: Path) -> None:
        self.nifti(path, self.prediction)

    def write_p16(self, path: Path) -> None:
        self.nifti(path, self.prediction.astype(np.int16) * 200)

    def write_flipped(self, path: Path) -> None:
        self.nifti(path, self.prediction[::-1].astype(np.float32), self.flip())

    def write_wider(self, path: Path) -> None:
        self.nifti(path, self.prediction.astype(np.float32), WIDER)

    def write_map(self, path: Path) -> None:
        self.nifti(path, self.probabilities())

    def write_flippedmap(self, path: Path) -> None:
        self.nifti(path, self.probabilities()[::-1], self.flip())

    def write_widermap(self, path: Path) -> None:
        self.nifti(path, np.stack([self.probabilities()[..., 0], 1 - self.probabilities()[..., 0]], axis=-1), WIDER)

    def write_first(self, path: Path) -> None:
        self.nifti(path, np.moveaxis(self.probabilities(), -1, 0))

    def write_fortran(self, path: Path) -> None:
        np.savez(path, probabilities=np.asfortranarray(self.probabilities().T))

    def write_vector(self, path: Path) -> None:
        import SimpleITK as sitk

        components = np.ascontiguousarray(np.moveaxis(self.probabilities().T, 0, -1))
        sitk.WriteImage(sitk.GetImageFromArray(components, isVector=True), str(path), True)

    def write_noise(self, path: Path) -> None:
        self.nifti(path, (np.random.default_rng(1).random(self.reference.shape) < 0.05).astype(np.uint8))

    def write_specks(self, path: Path) -> None:
        self.nifti(path, (np.random.default_rng(3).random(self.reference.shape) < 0.01).astype(np.uint8))

    def write_othernoise(self, path: Path) -> None:
        self.nifti(path, (np.random.default_rng(2).random(self.reference.shape) < 0.05).astype(np.uint8))


DICE = ("--metrics", "dice")
FOLDED = (*DICE, "--labels", "1,2")
RESAMPLE = (*DICE, "--geometry", "resample")
WORK: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "streams": ("p.nii.gz", "r.nii.gz", DICE),
    "channel by channel": ("map.nii.gz", "r.nii.gz", DICE),
    "channel by channel, a region": ("map.nii.gz", "r.nii.gz", (*DICE, "--region", "both=1+2")),
    "channel by channel, folded and ignored": ("map.nii.gz", "r.nii.gz", (*FOLDED, "--ignore-label", "3")),
    "channel by channel, independent": ("map.nii.gz", "r16.nii.gz", (*FOLDED, "--channels", "independent")),
    "reordered labels": ("flipped.nii.gz", "r.nii", (*DICE, "--kind", "labels")),
    "reordered channels": ("flippedmap.nii", "r.nii", DICE),
    "resampled unknown kind": ("wider.nii", "r.nii", RESAMPLE),
    "resampled channels": ("widermap.nii.gz", "r.nii", (*RESAMPLE, "--labels", "1")),
    "softmax": ("map.nii", "r.nii", (*DICE, "--activation", "softmax")),
    "class axis": ("first.nii.gz", "r.nii", (*DICE, "--class-axis", "0")),
    "fortran": ("fortran.npz", "r.nii", DICE),
    "vectors of SimpleITK": ("vector.mha", "r.nii", (*DICE, "--geometry", "ignore")),
    "surfaces of wide labels": ("p16.nii.gz", "r16.nii.gz", ("--metrics", "hd95")),
    "surfaces of noise": ("noise.nii.gz", "othernoise.nii.gz", ("--metrics", "hd95")),
    "instances": ("p.nii.gz", "r.nii.gz", ("--metrics", "instance_f1")),
    "given instances": ("p.nii.gz", "r.nii.gz", ("--metrics", "instance_f1", "--instances")),
    "instances of specks": ("specks.nii.gz", "r.nii.gz", ("--metrics", "instance_f1")),
    "lesions": ("p.nii.gz", "r.nii.gz", ("--protocol", "brats-lesionwise")),
    "topology": ("p.nii.gz", "r.nii.gz", ("--metrics", "topology")),
    "shape": ("p.nii.gz", "r.nii.gz", ("--metrics", "shape")),
    "skeletons": ("p.nii.gz", "r.nii.gz", ("--metrics", "cldice")),
}  # fmt: skip


def observed(files: Files, kind: str) -> tuple[int, int]:
    """(Peak, largest size foreseen) in bytes."""
    prediction, reference, options = WORK[kind]
    words = [str(files[prediction]), str(files[reference]), *options, "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-c", OBSERVED, "score", *words], capture_output=True, encoding="utf-8", check=True
    )
    code, peak, foreseen = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    return peak, foreseen


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Files]:
    """The same volumes large and tiny."""
    return Files(tmp_path_factory.mktemp("large"), LARGE), Files(tmp_path_factory.mktemp("tiny"), TINY)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's peak of one process")
@pytest.mark.parametrize("kind", WORK)
def test_work_takes_what_it_asked_for(kind: str, sizes: tuple[Files, Files]) -> None:
    """Libraries and pieces are in the tiny volume's run, too, so that what more voxels take is the difference."""
    (peak, foreseen), (tiny_peak, tiny_foreseen) = (observed(files, kind) for files in sizes)
    taken, asked = peak - tiny_peak, foreseen - tiny_foreseen
    ahead = CHANNELS_AHEAD_BYTES if "channel" in kind else 0  # constant, and not asked for
    assert taken <= 1.1 * asked + 16 * MIB + ahead
    assert asked <= 1.75 * taken + 10 * MIB  # what is freed in time depends on the allocator
    assert kind == "streams" or asked > 19 * MIB  # so that the first line means something


def cut(path: Path) -> Path:
    """The first half of a file: whoever reads its voxels notices."""
    half = path.with_name("half_" + path.name)
    content = path.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    return half


@pytest.mark.parametrize(
    ("kind", "words", "size", "instead"),
    [
        ("channel by channel", "channels come one after the other", 10, "store it uncompressed"),
        ("channel by channel, a region", "channels come one after the other", 18, "store it uncompressed"),
        ("reordered labels", "another axis order", 8, "store it in the reference's axis order"),
        ("class axis", "class axis", 16, "store the classes last"),
        ("fortran", "Fortran order", 16, "store it in C order"),
        ("surfaces of wide labels", "keeping both label maps", 2, "leave distances, instances and topology out"),
        ("instances", "keeping both label maps", 2, "leave distances, instances and topology out"),
        ("lesions", "keeping both label maps", 2, "leave distances, instances and topology out"),
    ],
)
def test_what_needs_more_is_refused_before_its_voxels_are_read(
    kind: str, words: str, size: int, instead: str, sizes: tuple[Files, Files], segeval: Callable[..., Any]
) -> None:
    files = sizes[0]
    name, reference, options = WORK[kind]
    prediction = files[name] if name.endswith(".npz") else cut(files[name])  # half an archive has no directory
    run = segeval("score", prediction, files[reference], *options, "--max-memory", "1M")
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    assert run.err.startswith(f"segeval: {prediction}: ")
    assert words in run.err
    assert f" needs {size * VOXELS / MIB:.3g} MiB, --max-memory 1M leaves 0 B; " in run.err
    assert f"; {instead}" in run.err
    assert "raise --max-memory, or score it on a larger machine" in run.err
    if not name.endswith(".npz"):
        enough = segeval("score", prediction, files[reference], *options, "--max-memory", "64G")
        assert "the file was cut" in enough.err or "ends" in enough.err


def test_needs_that_meet_are_added(sizes: tuple[Files, Files], segeval: Callable[..., Any]) -> None:
    """16 bytes of logits, one reordered channel of float64, and 1 + 8 + 4 + 1 for its four channels one by one."""
    files = sizes[0]
    run = segeval(
        "score", files["flippedmap.nii"], files["r.nii"], *DICE, "--activation", "softmax", "--max-memory", "1M"
    )
    assert "storage in another axis order (30 MiB) and --activation softmax (60 MiB) and a map whose" in run.err
    assert f"together needs {(16 + 8 + 14) * VOXELS / MIB:.3g} MiB" in run.err


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("instances", "target 1", "finding instances in its box of 154×127×103 voxels"),
        ("lesions", "target 1", "finding instances in its box"),
        ("topology", "target 1", "the topology of its box of 154×127×103 voxels"),
        ("surfaces of noise", "surface distances", "boundary elements"),
        ("surfaces of wide labels", "distances and instances", "keeping a label map of uint16 values"),
    ],
)
def test_what_only_the_voxels_tell_is_asked_for_before_it_is_measured(
    kind: str, name: str, words: str, sizes: tuple[Files, Files],
    segeval: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    prediction, reference, options = WORK[kind]
    files = [sizes[0][prediction], sizes[0][reference]]
    monkeypatch.setattr(memory, "_free", lambda: 2 * VOXELS * 4 // 3 + 2)  # room for two bytes per voxel
    if kind == "surfaces of wide labels":
        monkeypatch.setattr(memory, "_SHARE", 0.75 * 0.99)  # … and for nothing wider
        monkeypatch.setattr(memory, "_free", _after_the_first(2 * VOXELS * 4, VOXELS))
    run = segeval("score", *files, *options)
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    assert run.err.startswith(f"segeval: {name}: ")
    assert words in run.err


def _after_the_first(first: int, later: int) -> Callable[[], int]:
    """What is free shrinks by what is taken."""
    answers = iter([first])
    return lambda: next(answers, later)


def test_a_case_that_needs_more_than_a_share_is_scored_alone(
    sizes: tuple[Files, Files], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the limit is too little for a case, all of it enough: nothing fails."""
    monkeypatch.setattr(worker_processes, "worker_context", lambda: __import__("multiprocessing").get_context("fork"))
    seen = tmp_path / "seen"
    whole = jobs_module.do

    def noting(job: Job, settings: Settings, keep_tally: bool) -> Finished:
        monkeypatch.setattr(
            memory, "_free", lambda: 15 * VOXELS
        )  # three quarters: 11 bytes per voxel, of which 10 needed
        finished = whole(job, settings, keep_tally)
        with seen.open("a") as file:
            file.write(f"{job.case} {memory._sharers} {finished.result.status}\n")
        return finished

    monkeypatch.setattr(runners, "do", noting)
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    names = ("small", "p.nii.gz"), ("large", "map.nii.gz")
    files = sizes[0]
    cases = [Job(case, Input(files[name]), Input(files["r.nii.gz"])) for case, name in names]
    results = {job.case: done.result for job, done in runners.local_runner(2)(cases, Settings(metrics="dice"), False)}
    assert {case: result.status for case, result in results.items()} == {"small": "ok", "large": "ok"}
    assert sorted(seen.read_text().splitlines()) == ["large 1 ok", "large 2 error", "small 2 ok"]

"""Files that hold several volumes: what is said about them, and ``--volume``, which picks one."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from handmade import afni_header, minc
from numpy.typing import NDArray

from segeval import evaluate, evaluate_arrays
from segeval.cases.case import score_files
from segeval.errors import GeometryError, LabelError, UsageError
from segeval.readers import Input, ReadOptions, open_volume
from segeval.settings import Settings
from segeval.settings.volume_choice import volume_choice
from segeval.volumes.series import one_volume
from segeval.volumes.volume import gather

Array = NDArray[Any]
Nifti = Callable[..., Path]
SHAPE, COUNT = (5, 4, 3), 4
SERIES: Array = np.random.default_rng(4).integers(0, 6, (*SHAPE, COUNT)).astype(np.uint8)


def dice(prediction: Array, reference: Array, label: int = 5) -> float:
    p, r = prediction == label, reference == label
    return 2 * (p & r).sum() / (p.sum() + r.sum())


@pytest.fixture(autouse=True)
def files(nifti: Nifti, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series and single volumes as files of the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("s.nii.gz", "s.nii"):
        nifti(name, SERIES)
    nifti("float.nii", SERIES.astype(np.float32))
    nifti("masks.nii.gz", (SERIES > 2).astype(np.uint8))
    nifti("masks_float.nii", (SERIES > 2).astype(np.float32))
    nifti("one.nii.gz", SERIES[..., 2])
    nifti("other.nii", SERIES[..., 0])
    nifti("two.nii.gz", SERIES[..., 1:3])
    nifti("five.nii.gz", SERIES[:, :, :, np.newaxis])


# What is said to who does not choose


@pytest.mark.parametrize("name", ["s.nii.gz", "s.nii", "masks.nii.gz", "five.nii.gz"])
@pytest.mark.parametrize("options", [(), ("--labels", "1,2,5"), ("--geometry", "ignore")], ids=str)
def test_a_series_of_label_maps_is_told_how_many_volumes_it_holds_and_what_to_do(
    name: str, options: tuple[str, ...], segeval: Any
) -> None:
    run = segeval("score", name, "one.nii.gz", *options)
    assert (run.code, run.out, run.err.count("\n")) == (3, "", 1)
    assert f"{name}: holds 4 volumes of labels where one belongs" in run.err
    assert "pick one with --volume (numbered 0 to 3)" in run.err
    assert "logits" not in run.err
    assert "--scale 255" in run.err  # for what was a probability map after all


@pytest.mark.parametrize("options", [(), ("--kind", "labels")], ids=str)
@pytest.mark.parametrize("pair", [("one.nii.gz", "s.nii"), ("s.nii.gz", "one.nii.gz"), ("s.nii", "s.nii.gz")])
def test_a_series_on_either_side_is_told_so(pair: tuple[str, str], options: tuple[str, ...], segeval: Any) -> None:
    run = segeval("score", *pair, *options)
    assert run.code == 3
    assert "holds 4 volumes of labels where one belongs; pick one with --volume" in run.err


@pytest.mark.parametrize("name", ["float.nii", "masks_float.nii"])
def test_a_series_of_floats_is_told_of_both(name: str, segeval: Any) -> None:
    """Nobody knows what it is: probabilities are floats, and so are the labels of some tools."""
    run = segeval("score", name, "one.nii.gz")
    assert run.code == 3
    assert "softmax" in run.err
    assert "of a series of label maps, pick one with --volume" in run.err
    assert "--kind labels" not in run.err
    assert "pick one with --volume (numbered 0 to 3)" in segeval("score", "one.nii.gz", name).err


@pytest.mark.parametrize(
    "options",
    [("--kind", "probabilities"), ("--scale", "5"), ("--activation", "sigmoid", "--channels", "independent")],
    ids=str,
)
def test_who_says_probabilities_is_not_told_of_volumes_of_labels(options: tuple[str, ...], segeval: Any) -> None:
    run = segeval("score", "s.nii.gz", "one.nii.gz", "--labels", "1,2", *options)
    assert "volumes of labels" not in run.err


def test_integers_of_one_class_per_channel_are_probabilities_as_before(nifti: Nifti, segeval: Any) -> None:
    array = SERIES[..., 0] % 3
    onehot = np.stack([array == k for k in range(3)], axis=-1).astype(np.uint8)
    run = segeval("score", nifti("p.nii.gz", onehot), nifti("r.nii", array), "--format", "json")
    assert run.row("all")["dice"] == 1
    assert "volume" not in run.json["settings"]
    assert "volume" not in run.json["signature"]


def test_arrays_are_told_to_give_one_of_them() -> None:
    with pytest.raises(LabelError, match=r"holds 4 volumes of labels where one belongs; give one of them") as told:
        evaluate_arrays(SERIES, SERIES[..., 0], class_axis=3)
    assert "--volume" not in str(told.value)


# --volume


@pytest.mark.parametrize("index", range(COUNT))
@pytest.mark.parametrize("name", ["s.nii.gz", "s.nii", "five.nii.gz", "float.nii"])
def test_the_volume_that_is_picked_is_scored(name: str, index: int, segeval: Any) -> None:
    run = segeval("score", name, "other.nii", "--volume", index, "--metrics", "dice", "--format", "json")
    assert run.row(5)["dice"] == pytest.approx(dice(SERIES[..., index], SERIES[..., 0]), rel=1e-15)
    picked, *inferred = run.remarks
    assert picked == f"{name}: holds 4 volumes; number {index} (from 0) is scored"
    assert len(inferred) == (name == "float.nii")
    assert run.json["settings"]["volume"] == index
    assert f"|volume:{index}|" in run.json["signature"]
    swapped = segeval("score", "other.nii", name, "--volume", index, "--metrics", "dice", "--format", "json")
    assert swapped.row(5)["dice"] == run.row(5)["dice"]


def test_one_number_holds_for_both_sides_and_two_for_one_each(segeval: Any) -> None:
    def score(*pair: str, volume: str) -> Any:
        return segeval("score", *pair, "--volume", volume, "--metrics", "dice", "--format", "json")

    both = score("s.nii.gz", "two.nii.gz", volume="1")
    assert both.row(5)["dice"] == pytest.approx(dice(SERIES[..., 1], SERIES[..., 2]), rel=1e-15)
    each = score("s.nii.gz", "two.nii.gz", volume="3,0")
    assert each.row(5)["dice"] == pytest.approx(dice(SERIES[..., 3], SERIES[..., 1]), rel=1e-15)
    assert each.json["settings"]["volume"] == [3, 0]
    assert "|volume:3,0|" in each.json["signature"]
    assert score("one.nii.gz", "two.nii.gz", volume="0,1").row("all")["dice"] == 1
    assert score("one.nii.gz", "one.nii.gz", volume="0").row("all")["dice"] == 1


@pytest.mark.parametrize(
    ("pair", "volume", "words"),
    [
        (("s.nii", "one.nii.gz"), "4", "s.nii holds 4 volumes, numbered 0 to 3"),
        (("s.nii", "two.nii.gz"), "2", "two.nii.gz holds 2 volumes, numbered 0 to 1"),
        (("s.nii", "one.nii.gz"), "0,1", "one.nii.gz holds one volume, number 0"),
        (("one.nii.gz", "other.nii"), "1", "one.nii.gz and other.nii hold one volume each"),
        (("s.nii", "one.nii.gz"), "-1", "from 0"),
        (("s.nii", "one.nii.gz"), "first", "from 0"),
        (("s.nii", "one.nii.gz"), "1.5", "from 0"),
        (("s.nii", "one.nii.gz"), "1,2,3", "from 0"),
        (("s.nii", "one.nii.gz"), "", "from 0"),
        (("s.nii", "one.nii.gz"), "9" * 5000, "from 0"),
    ],
)
def test_a_volume_that_is_not_there_is_a_usage_error(
    pair: tuple[str, str], volume: str, words: str, segeval: Any
) -> None:
    run = segeval("score", *pair, "--volume", volume)
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert "--volume" in run.err
    assert words in run.err


@pytest.mark.parametrize(
    ("given", "expected"), [(None, None), (2, 2), (np.int64(2), 2), ((1, 0), (1, 0)), ([1, 0], (1, 0))]
)
def test_python_takes_a_number_or_a_pair(given: Any, expected: Any) -> None:
    assert volume_choice(given) == expected
    if given is not None:
        report = evaluate("s.nii", "s.nii.gz", volume=given, metrics="dice")
        ours, theirs = expected if isinstance(expected, tuple) else (expected, expected)
        (row,) = [row for row in report.cases[0].rows if row.label == 5]
        assert row.values["dice"] == pytest.approx(dice(SERIES[..., ours], SERIES[..., theirs]), rel=1e-15)


@pytest.mark.parametrize("given", [-1, 1.5, "x", (1,) * 3, (), object(), (0, -1)])
def test_python_refuses_what_is_no_number(given: Any) -> None:
    with pytest.raises(UsageError, match="--volume"):
        volume_choice(given)


def test_a_batch_picks_in_every_case_and_resumes_for_the_same_volume_only(
    nifti: Nifti, tmp_path: Path, segeval: Any
) -> None:
    for case in "ab":
        nifti(f"p/{case}.nii.gz", SERIES)
        nifti(f"r/{case}.nii.gz", SERIES[..., 1] if case == "a" else SERIES)
    nifti("r/c.nii.gz", SERIES)
    output = tmp_path / "x.json"
    for volume in (1, 2):
        run = segeval(
            "batch", tmp_path / "p", tmp_path / "r", "--volume", volume, "--metrics", "dice", "--missing", "worst",
            "--resume", "-o", output, "--format", "json", "--workers", 1,
        )  # fmt: skip
        assert run.code == 0
        values = {c["case"]: next(r["dice"] for r in c["rows"] if r["label"] == 5) for c in run.json["cases"]}
        assert values["a"] == pytest.approx(dice(SERIES[..., volume], SERIES[..., 1]), rel=1e-15)
        assert (values["b"], values["c"]) == (1, 0)


# Every format that holds several volumes


def write(name: str) -> None:
    """The series under this name, as its format holds several volumes."""
    channels_last = np.ascontiguousarray(SERIES.transpose(2, 1, 0, 3))  # (z, y, x, channels), as SimpleITK has it
    if name.endswith((".mgz", ".mgh")):
        nibabel.save(nibabel.MGHImage(SERIES, np.eye(4)), name)
    elif name == "vector.nrrd":
        sitk.WriteImage(sitk.GetImageFromArray(channels_last, isVector=True), name)
    elif name in ("x.nrrd", "x.mha"):
        frames = [sitk.GetImageFromArray(channels_last[..., k].copy()) for k in range(COUNT)]
        sitk.WriteImage(sitk.JoinSeries(frames), name)
    elif name == "x.HEAD":
        Path(name).write_bytes(afni_header(bricks=COUNT))
        Path("x.BRIK").write_bytes(SERIES.tobytes("F"))
    elif name == "gz.HEAD":
        Path(name).write_bytes(afni_header(bricks=COUNT))
        Path("gz.BRIK.gz").write_bytes(gzip.compress(SERIES.tobytes("F")))
    elif name == "x.mnc":
        Path(name).write_bytes(minc(SERIES.transpose(3, 0, 1, 2), names=("time", "xspace", "yspace", "zspace")))
    else:
        np.savez_compressed(name, probabilities=SERIES.transpose(3, 2, 1, 0))


@pytest.mark.parametrize("index", [0, 2, 3])
@pytest.mark.parametrize(
    "name", ["x.mgz", "x.mgh", "vector.nrrd", "x.nrrd", "x.mha", "x.HEAD", "gz.HEAD", "x.mnc", "x.npz"]
)
def test_every_format_gives_the_volume_that_is_picked(name: str, index: int, segeval: Any) -> None:
    write(name)
    nibabel.save(nibabel.Nifti1Image(SERIES[..., index], np.eye(4)), "expected.nii")
    for pair in ((name, "expected.nii"), ("expected.nii", name)):
        run = segeval("score", *pair, "--volume", index, "--geometry", "ignore", "--metrics", "dice", "-f", "json")
        assert run.err == ""
        assert run.row("all")["dice"] == 1
        assert sum(n for r, p, n in run.json["cases"][0]["confusion"] if r == p) == SERIES[..., 0].size
    told = segeval("score", "expected.nii", name, "--geometry", "ignore")
    assert told.code == 3
    assert "--volume" in told.err


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_scaled_series_gives_scaled_values(ending: str, tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(SERIES, np.eye(4))
    image.header.set_slope_inter(2, 1)
    nibabel.save(image, tmp_path / f"x{ending}")
    with open_volume(tmp_path / f"x{ending}", ReadOptions()) as volume:
        picked = one_volume(volume, 3)
        np.testing.assert_array_equal(gather(picked.source, 0), SERIES[..., 3] * 2.0 + 1)
        assert picked.kind is None
        assert picked.finish() == []


# Streams: verified to their ends, and never held


@pytest.mark.parametrize("index", range(COUNT))
def test_a_damaged_volume_behind_or_before_the_one_that_is_picked_is_noticed(index: int, segeval: Any) -> None:
    content = bytearray(Path("s.nii.gz").read_bytes())
    content[-6] ^= 1  # of the checksum
    Path("damaged.nii.gz").write_bytes(content)
    run = segeval("score", "damaged.nii.gz", "one.nii.gz", "--volume", index)
    assert run.code == 3
    assert "gzip" in run.err
    plain = Path("s.nii").read_bytes()
    Path("cut.nii.gz").write_bytes(gzip.compress(plain[:-7]))
    Path("cut.nii").write_bytes(plain[:-7])
    for name in ("cut.nii.gz", "cut.nii"):
        assert "of 240 bytes" in segeval("score", name, "one.nii.gz", "--volume", index).err


@pytest.mark.parametrize("name", ["s.nii.gz", "s.nii"])
def test_the_hash_is_of_the_whole_file(name: str, segeval: Any) -> None:
    run = segeval("score", name, "one.nii.gz", "--volume", 1, "--hash", "--format", "json")
    expected = hashlib.sha256(Path(name).read_bytes()).hexdigest()
    assert run.json["cases"][0]["sha256"]["prediction"] == expected


@pytest.mark.parametrize("name", ["long.nii.gz", "long.nii"])
@pytest.mark.parametrize("index", [11])
def test_a_volume_of_a_long_series_is_streamed(name: str, index: int, nifti: Nifti, tmp_path: Path) -> None:
    """24 volumes of 8 MiB: what is decoded ahead of several channels is 16 MiB, and nothing else grows."""
    one = np.zeros((128, 256, 256), np.uint8)
    one[30:60, 40:90, 100:] = 2
    path = tmp_path / name
    header = nibabel.Nifti1Image(one, np.eye(4)).header.copy()
    header.set_data_shape((*one.shape, 24))
    header.set_data_offset(352)
    with gzip.open(path, "wb", compresslevel=1) if name.endswith(".gz") else path.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        for k in range(24):
            file.write((one if k == index else np.roll(one, 5)).tobytes("F"))
    reference = nifti("r.nii.gz", one)
    read: list[int] = []
    tracemalloc.start()
    try:
        case = score_files(Input(path), Input(reference), Settings(volume=index, geometry="ignore"), read.append)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    rows = {row.label: row.values for row in case.result.rows}
    assert (rows[2]["tp"], rows[2]["fp"], rows[2]["fn"]) == (30 * 50 * 156, 0, 0)
    assert peak < 32 << 20  # of 192
    if name.endswith(".nii"):
        assert sum(read) < 12 << 20  # the other volumes are not even read


def test_what_one_volume_is_may_still_be_refused(nifti: Nifti) -> None:
    with pytest.raises(GeometryError, match="lie on different grids"):
        evaluate("s.nii", nifti("small.nii", SERIES[:-1, ..., 0]), volume=1)

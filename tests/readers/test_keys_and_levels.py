"""``--key`` and ``--level``: arrays that NumPy, h5py and zarr wrote, one of them chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr
from formats import assert_refused
from pyramids import pyramid

from segeval import evaluate
from segeval.errors import UnreadableFile, UsageError
from segeval.readers import ReadOptions, open_volume
from segeval.settings import settings_of
from segeval.volumes.volume import gather

Run = Callable[..., Any]
Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(8)
TRUTH: Array = RNG.integers(0, 3, (8, 12, 10)).astype(np.uint8)  # (z, y, x)
GUESS: Array = np.where(RNG.random(TRUTH.shape) < 0.2, 0, TRUTH)
ARRAYS = {"guess": GUESS, "truth": TRUTH}


def dice(label: int, guess: Array = GUESS, truth: Array = TRUTH) -> float:
    a, b = guess == label, truth == label
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def npz(path: Path) -> Path:
    np.savez_compressed(path, **ARRAYS)  # type: ignore[arg-type]
    return path


def hdf5(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in ARRAYS.items():
            file.create_dataset(name, data=array)
    return path


def zarr_of(path: Path) -> Path:
    group = zarr.open_group(str(path), mode="w")
    for name, array in ARRAYS.items():
        group.create_array(name, shape=array.shape, dtype=array.dtype)[...] = array
    return path


WRITERS = {"x.npz": npz, "x.h5": hdf5, "x.zarr": zarr_of}


@pytest.mark.parametrize("name", WRITERS)
def test_a_key_names_the_array_of_each_side(name: str, tmp_path: Path, segeval: Run) -> None:
    path = WRITERS[name](tmp_path / name)
    run = segeval("score", path, path, "--key", "guess,truth", "--format", "json", "--provenance", tmp_path / "n.json")
    for label in (1, 2):
        assert run.row(label)["dice"] == pytest.approx(dice(label))
    assert "|key:guess,truth|" in run.json["signature"]
    assert not any("same file" in remark for remark in run.remarks)
    headers = [file["header"] for file in json.loads((tmp_path / "n.json").read_text())["files"]]
    assert all(header["shape"] == [10, 12, 8] for header in headers if header is not None)
    assert segeval("score", path, path, "--key", "guess", "--format", "json").row(1)["dice"] == 1
    report = evaluate(path, path, key=("guess", "truth"))
    assert report.to_json() + "\n" == run.out
    assert_refused(segeval("score", path, path, "--key", "guess,other"), path, "guess, ", "'other' is not among")
    assert_refused(segeval("score", path, path), path, "guess, ", "--key")
    found = segeval("inspect", path, "--key", "truth", "--format", "json").json
    assert {one["label"]: one["voxels"] for one in found["labels"]} == {n: (n == TRUTH).sum() for n in (1, 2)}
    for option, choice, advice in (("--key", "guess,truth", "--key guess or"), ("--level", "1,0", "--level 1 or")):
        run = segeval("inspect", path, option, choice)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
        assert f"{option} {choice}: is for a prediction and a reference, and one file is inspected" in run.err
        assert advice in run.err


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["u1", ">i2", "<i8", "f4", "?"])
@pytest.mark.parametrize("axes", [2, 3, 4])
def test_an_array_of_an_npz_is_what_numpy_reads(order: Any, dtype: str, axes: int, tmp_path: Path) -> None:
    array = np.asarray(RNG.integers(0, 2, (2, 3, 4, 5)[:axes]).astype(dtype), order=order)
    np.savez(tmp_path / "x.npz", a=array, b=array[:1])
    with np.load(tmp_path / "x.npz") as archive:
        expected = archive["a"] if axes == 4 else archive["a"][None]
    with open_volume(tmp_path / "x.npz", ReadOptions(key="a")) as volume:
        found = np.stack([gather(volume.source, channel) for channel in range(volume.source.channels)])
        assert volume.finish() == []
    np.testing.assert_array_equal(found, expected.transpose(0, *range(expected.ndim - 1, 0, -1)))
    integers = np.dtype(dtype).kind in "iub"
    assert volume.kind == ("probabilities" if axes == 4 else "labels" if integers else None)


def test_the_only_array_of_an_npz_needs_no_key(tmp_path: Path, segeval: Run) -> None:
    np.savez(tmp_path / "p.npz", GUESS)
    np.savez(tmp_path / "r.npz", TRUTH)
    run = segeval("score", tmp_path / "p.npz", tmp_path / "r.npz", "--format", "json")
    assert run.row(2)["dice"] == pytest.approx(dice(2))
    assert "key" not in run.json["settings"]
    one = segeval("score", tmp_path / "p.npz", tmp_path / "r.npz", "--key", "arr_0", "--format", "json")
    assert one.row(2) == run.row(2)


def test_nnunets_probabilities_come_first(tmp_path: Path, segeval: Run) -> None:
    soft = np.eye(3, dtype=np.float32)[GUESS].transpose(3, 0, 1, 2)
    np.savez(tmp_path / "p.npz", seg=TRUTH, probabilities=soft)
    np.savez(tmp_path / "r.npz", seg=TRUTH)
    pair = ("score", tmp_path / "p.npz", tmp_path / "r.npz", "--labels", "1,2", "--format", "json")
    assert segeval(*pair).row(1)["dice"] == pytest.approx(dice(1))
    assert segeval(*pair, "--key", "seg").row(1)["dice"] == 1
    assert segeval(*pair, "--key", "probabilities,seg").row(1)["dice"] == pytest.approx(dice(1))


def test_what_a_member_of_an_npz_cannot_be_is_refused(tmp_path: Path, segeval: Run) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, text=np.array(["a"]), line=np.arange(3), deep=np.zeros((1, 1, 1, 2, 2)), point=np.array(3))
    for key, words in (
        ("text", "not numbers"),
        ("line", "(z, y, x), (y, x)"),
        ("deep", "1×1×1×2×2"),
        ("point", "of a number"),
    ):
        assert_refused(segeval("score", path, path, "--key", key), path, words)
    np.savez(path)
    assert_refused(segeval("score", path, path), path, "no array")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_level_is_read_on_its_own_grid(number: int, tmp_path: Path, segeval: Run) -> None:
    step = 2**number
    guess, truth = pyramid(tmp_path / "p.zarr", GUESS), pyramid(tmp_path / "r.zarr", TRUTH)
    run = segeval("score", guess, truth, "--level", number, "--format", "json")
    for label in (1, 2):
        expected = dice(label, GUESS[:, ::step, ::step], TRUTH[:, ::step, ::step])
        assert run.row(label)["dice"] == pytest.approx(expected)
    assert f"|level:{number}|" in run.json["signature"]
    found = segeval("inspect", guess, "--level", number, "--format", "json").json
    assert found["spacing_mm"] == pytest.approx([0.5 * step, 0.5 * step, 2.0])
    assert found["shape"] == [-(-10 // step), -(-12 // step), 8]
    by_path = segeval("score", guess / f"s{number}", truth / f"s{number}", "--format", "json")
    assert by_path.row(1) == run.row(1)


def test_levels_of_each_side_and_of_an_image_by_key(tmp_path: Path, segeval: Run) -> None:
    guess, truth = pyramid(tmp_path / "p.zarr", GUESS), pyramid(tmp_path / "r.zarr", TRUTH)
    pyramid(guess / "labels" / "cells", TRUTH)
    run = segeval("score", guess, truth, "--level", "0,1", "--geometry", "resample", "--format", "json")
    assert (run.code, run.json["settings"]["level"]) == (0, [0, 1])
    assert_refused(segeval("score", guess, truth, "--level", "0,1"), guess, "grid")
    named = segeval("score", guess / "labels" / "cells", truth, "--level", "1", "--format", "json")
    assert named.row(1)["dice"] == 1
    by_key = segeval("score", guess, guess, "--key", "labels/cells,labels/cells", "--level", "1,1", "--format", "json")
    assert by_key.row(1)["dice"] == 1
    same = segeval("score", guess, guess, "--level", "0,1", "--geometry", "ignore")
    assert "same file" not in same.err


def test_levels_that_there_are_not_are_refused(tmp_path: Path, segeval: Run) -> None:
    path, plain = pyramid(tmp_path / "x.zarr", TRUTH), zarr_of(tmp_path / "y.zarr")
    for words, files, level in (
        ("has levels 0 to 2 (s0, s1, s2)", (path, path), "3"),
        ("names level 1 itself", (path / "s1", path), "0"),
        ("has one level, number 0", (plain / "truth", plain / "truth"), "1"),
    ):
        run = segeval("score", *files, "--level", level)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
        assert words in run.err
    assert segeval("score", path / "s1", path, "--level", "1").code == 0
    assert_refused(segeval("score", plain, plain), plain, "guess, truth", "--key")


def test_what_picks_nothing_is_refused(nifti: Callable[..., Path], segeval: Run) -> None:
    one = nifti("x.nii", TRUTH)
    for asked, words in ((("--key", "a"), "hold no arrays by name"), (("--level", "1"), "have no levels")):
        run = segeval("score", one, one, *asked)
        assert (run.code, run.err.count("\n")) == (2, 1)
        assert words in run.err
    assert segeval("score", one, one, "--level", "0").code == 0


@pytest.mark.parametrize("key", ["", ",", "a,", "a,b,c", "a\nb", "a|b", 3, ("a", 2), ["a", "b", "c"]])
def test_what_is_no_key_is_refused(key: Any) -> None:
    with pytest.raises(UsageError, match="--key"):
        settings_of({"key": key})


def test_a_wrong_level_is_refused() -> None:
    for level in ("-1", "a", "1,2,3", (1, -1)):
        with pytest.raises(UsageError, match=r"--level .* write which level to score"):
            settings_of({"level": level})


def test_a_batch_takes_a_key(tmp_path: Path, segeval: Run) -> None:
    for side in "pr":
        (tmp_path / side).mkdir()
        for case in "ab":
            npz(tmp_path / side / f"{case}.npz")
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--key", "guess,truth", "--workers", "2", "--format", "json")
    assert run.code == 0, run.err
    assert [case["rows"][0]["dice"] for case in run.json["cases"]] == pytest.approx([dice(1)] * 2)


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path / "x.npz")
    content = bytearray(path.read_bytes())
    content[200] ^= 16
    path.write_bytes(content)

    def read() -> None:
        with open_volume(path, ReadOptions(key="guess")) as volume:
            gather(volume.source, 0)
            volume.finish()

    with pytest.raises(UnreadableFile, match=r"damaged|cannot be read"):
        read()

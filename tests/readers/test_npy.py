"""NumPy's arrays: the voxels that NumPy loads, and what is no array of numbers."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats import assert_refused
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segeval import evaluate
from segeval.readers import ReadOptions, open_volume
from segeval.volumes.volume import gather

Segeval = Callable[..., Any]
Array = np.ndarray[Any, Any]

LABELS = np.random.default_rng(6).choice([0, 1, 2, 300], (3, 4, 5)).astype(np.int16)  # (z, y, x)
CERTAIN = np.moveaxis(np.eye(3, dtype=np.float32)[np.minimum(LABELS, 2)], -1, 0) * 0.7 + 0.1


def saved(array: Array) -> bytes:
    target = io.BytesIO()
    np.save(target, array, allow_pickle=True)
    return target.getvalue()


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, ">i2", "<u4", np.int64, np.float32, ">f8", np.bool_]),
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=6),
        elements={"min_value": 0, "max_value": 1},
    ),
    st.booleans(),
)
def test_any_array_is_read_as_numpy_reads_it(
    tmp_path_factory: pytest.TempPathFactory, array: Array, turned: bool
) -> None:
    path = tmp_path_factory.mktemp("npy") / "x.npy"
    path.write_bytes(saved(np.asfortranarray(array) if turned else np.ascontiguousarray(array)))
    with open_volume(path, ReadOptions()) as volume:
        assert volume.shape == array.shape[::-1]
        assert np.array_equal(gather(volume.source, 0).transpose(), array)
        assert volume.finish() == []


def test_what_python_2_wrote_is_read(tmp_path: Path) -> None:
    path, content = tmp_path / "x.npy", saved(LABELS)
    path.write_bytes(content.replace(b"(3, 4, 5), }   ", b"(3L, 4L, 5L), }"))
    assert path.read_bytes() != content
    with open_volume(path, ReadOptions()) as volume:
        assert np.array_equal(gather(volume.source, 0).transpose(), LABELS)


def test_the_axes_are_those_of_sitk_and_of_npz(nifti: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(saved(LABELS))
    reference = nifti("r.nii.gz", LABELS.transpose())
    report = evaluate(path, reference)
    (case,) = report.document()["cases"]
    assert {row["dice"] for row in case["rows"] if isinstance(row["label"], int)} == {1.0}
    assert any("carries no geometry" in remark for remark in case["remarks"])


@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_distances_and_volumes_are_of_the_grid_that_is_assumed(
    side: str, segeval: Segeval, nifti: Callable[..., Path], tmp_path: Path
) -> None:
    """Two voxels of 2 × 3 × 4 mm, one voxel apart along x; a reference without a grid had distances in voxels."""
    apart = np.zeros((2, 6, 1, 1), np.uint8)
    apart[0, 1], apart[1, 2] = 1, 1
    array, grid = (apart[0], apart[1]) if side == "prediction" else (apart[1], apart[0])
    np.save(tmp_path / "x.npy", array.transpose())
    volume = nifti("v.nii", grid, np.diag([2, 3, 4, 1]))
    files = (tmp_path / "x.npy", volume) if side == "prediction" else (volume, tmp_path / "x.npy")
    run = segeval("score", *files, "--metrics", "hd,ref_volume_ml", "--format", "json")
    row = run.row(1)
    assert (row["hd"], row["ref_volume_ml"]) == (2.0, pytest.approx(0.024))
    assert run.remarks == [f"{tmp_path / 'x.npy'}: carries no geometry; the other volume's grid is assumed"]


def test_four_axes_are_classes_first(segeval: Segeval, nifti: Callable[..., Path], tmp_path: Path) -> None:
    path, wrong = tmp_path / "x.npy", tmp_path / "w.npy"
    path.write_bytes(saved(CERTAIN))
    reference = nifti("r.nii.gz", np.minimum(LABELS, 2).transpose().astype(np.uint8))
    run = segeval("score", path, reference, "--format", "json")
    assert {run.row(label)["dice"] for label in (1, 2)} == {1.0}
    wrong.write_bytes(saved(np.asfortranarray(CERTAIN)))
    assert_refused(segeval("score", wrong, reference), wrong, "ascontiguousarray")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (saved(LABELS)[:-1], "the data end after 119 of 120 bytes"),
        (saved(LABELS)[:60], "cannot be read"),
        (saved(np.array([{"a": 1}], dtype=object)), "never loaded"),
        (saved(np.array(["a"])), "not numbers"),
        (saved(LABELS.astype(complex)), "not numbers"),
        (saved(LABELS[0, 0]), "has the shape 5"),
        (saved(LABELS[:0]), "has the shape 0"),
        (saved(LABELS.reshape(1, 1, 3, 4, 5)), "has the shape 1"),
        (saved(np.zeros((2, 2), [("a", "u1")])), "not numbers"),
        (saved(LABELS).replace(b"(3, 4, 5)", b"(3,-4,-5)"), "has the shape 3×-4×-5"),
        (saved(LABELS).replace(b"(3, 4, 5)", b"(3, 4, 9)"), "the data end after"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"nothing at all", "x.npy"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(segeval: Segeval, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    assert_refused(segeval("score", path, path), path, words)

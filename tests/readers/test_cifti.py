"""CIFTI-2 dense labels, written by nibabel: names, grayordinates that differ, and what cannot be known of them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from formats import assert_refused
from nibabel import cifti2

from segeval.readers import ReadOptions, open_volume
from segeval.volumes.volume import gather

Segeval = Callable[..., Any]
Array = np.ndarray[Any, Any]

NAMES = {0: "???", 1: "V1", 2: "A & <B>", 7: "MT"}
VERTICES = np.arange(40) % 5 != 0  # a medial wall is left out
VOXELS = np.random.default_rng(1).random((4, 5, 6)) < 0.3
LABELS = np.random.default_rng(2).choice([0, 1, 2, 7], int(VERTICES.sum() + VOXELS.sum())).astype(np.int32)


def brain(vertices: Array = VERTICES) -> Any:
    """A surface, and voxels of the thalamus."""
    return cifti2.BrainModelAxis.from_mask(vertices, name="CortexLeft") + cifti2.BrainModelAxis.from_mask(
        VOXELS, name="thalamus_left", affine=np.eye(4)
    )


def dlabel(
    path: Path, labels: Array = LABELS, names: dict[int, str] = NAMES, models: Any = None, maps: int = 1
) -> Path:
    table = {value: (name, (1.0, 0.0, 0.5, 1.0)) for value, name in names.items()}
    axes = cifti2.LabelAxis([f"map {n}" for n in range(maps)], [table] * maps), models or brain()
    image = cifti2.Cifti2Image(np.stack([labels] * maps), cifti2.Cifti2Header.from_axes(axes))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_LABELS")
    image.to_filename(plain := path.with_name(path.name.removesuffix(".gz")))
    if plain != path:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


@pytest.mark.parametrize("name", ["x.dlabel.nii", "x.dlabel.nii.gz"])
@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.uint8])
def test_a_label_for_each_grayordinate(tmp_path: Path, name: str, dtype: Any) -> None:
    path = dlabel(tmp_path / name, LABELS.astype(dtype))
    plain = nibabel.load(path.with_name("x.dlabel.nii"))
    assert np.array_equal(np.asanyarray(plain.dataobj)[0], LABELS)
    with open_volume(path, ReadOptions()) as volume:
        assert (volume.kind, volume.geometry, volume.names) == ("labels", None, NAMES)
        assert np.array_equal(gather(volume.source, 0).ravel(), LABELS)
        assert volume.finish() == []
        assert volume.grayordinates is not None
        assert "CORTEX_LEFT" in volume.grayordinates
        assert "THALAMUS_LEFT" in volume.grayordinates


def test_labels_are_told_apart_by_the_names_in_the_tables(segeval: Segeval, tmp_path: Path) -> None:
    reference = dlabel(tmp_path / "r.dlabel.nii")
    renumbered = np.array([0, 7, 1, 0, 0, 0, 0, 2], np.int32)[LABELS]
    prediction = dlabel(tmp_path / "p.dlabel.nii", renumbered, {0: "unknown", 7: "v1", 1: "a & <b>", 2: "mt"})
    run = segeval("score", prediction, reference, "--format", "json")
    assert run.code == 0, run.err
    found = {row["label"]: row for row in run.json["cases"][0]["rows"] if isinstance(row["label"], int)}
    assert {label: (row["name"], row["tp"], row["fp"], row["fn"]) for label, row in found.items()} == {
        label: (NAMES[label], np.count_nonzero(label == LABELS), 0, 0) for label in (1, 2, 7)
    }
    assert found[1]["ref_volume_ml"] is None
    assert any("told apart by name" in remark for remark in run.remarks)


def test_other_grayordinates_are_another_grid(segeval: Segeval, tmp_path: Path) -> None:
    reference = dlabel(tmp_path / "r.dlabel.nii")
    other = VERTICES[::-1].copy()
    assert other.sum() == VERTICES.sum()
    prediction = dlabel(tmp_path / "p.dlabel.nii", models=brain(other))
    assert_refused(segeval("score", prediction, reference), prediction, "other grayordinates", "CORTEX_LEFT #")
    run = segeval("score", prediction, reference, "--geometry", "ignore", "--format", "json")
    assert run.row(1)["dice"] == 1
    fewer = dlabel(tmp_path / "f.dlabel.nii", LABELS[: VOXELS.sum()], models=brain()[int(VERTICES.sum()) :])
    assert_refused(segeval("score", fewer, reference), fewer, "other grayordinates")


@pytest.mark.parametrize("metrics", ["hd95", "instances", "profile", "betti0_error"])
def test_what_asks_for_neighbours_is_refused(segeval: Segeval, tmp_path: Path, metrics: str) -> None:
    path = dlabel(tmp_path / "x.dlabel.nii")
    run = segeval("score", path, path, "--metrics", metrics)
    assert_refused(run, path, "grayordinates lie in no grid")


def test_several_maps_and_other_kinds_are_named(segeval: Segeval, tmp_path: Path) -> None:
    several = dlabel(tmp_path / "x.dlabel.nii", maps=3)
    assert_refused(segeval("inspect", several), several, "holds 3 maps of labels")
    axes = cifti2.ScalarAxis(["thickness"]), brain()
    image = cifti2.Cifti2Image(LABELS[np.newaxis].astype(np.float32), cifti2.Cifti2Header.from_axes(axes))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SCALARS")
    image.to_filename(tmp_path / "x.dscalar.nii")
    assert_refused(segeval("inspect", tmp_path / "x.dscalar.nii"), tmp_path / "x.dscalar.nii", "intent 3006")
    real = Path(nibabel.__file__).parent / "tests" / "data" / "row_major.dconn.nii"
    assert_refused(segeval("inspect", real), real, "intent 3001")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'IndexCount="32"', b'IndexCount="31"', "describes"),
        (b'IndexCount="32"', b'IndexCount="x2"', "cannot be used"),
        (b"</BrainModel>", b"</BrainMod3l>", "cannot be used (mismatched tag"),
        (b'<CIFTI Version="2.0">', b"<!DOCTYPE a [ ]><CIF>", "cannot be used"),
    ],
)
def test_damaged_xml_is_refused(segeval: Segeval, tmp_path: Path, old: bytes, new: bytes, words: str) -> None:
    path = dlabel(tmp_path / "x.dlabel.nii")
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    assert_refused(segeval("inspect", path), path, words)


def test_a_table_that_cannot_be_read_is_a_remark(segeval: Segeval, tmp_path: Path) -> None:
    path = dlabel(tmp_path / "x.dlabel.nii")
    path.write_bytes(path.read_bytes().replace(b'Key="1"', b'Key="?"'))
    run = segeval("inspect", path, "--format", "json")
    assert any("table of label names cannot be read" in remark for remark in run.json["remarks"])
    assert {one["label"]: one["voxels"] for one in run.json["labels"]} == {
        label: np.count_nonzero(label == LABELS) for label in (1, 2, 7)
    }


@pytest.mark.parametrize("name", ["x.dlabel.nii", "x.dlabel.nii.gz", "x.nii"])
def test_inspect_says_what_it_is_whatever_it_is_called(name: str, segeval: Callable[..., Any], tmp_path: Path) -> None:
    path = dlabel(tmp_path / "x.dlabel.nii", LABELS)
    if name.endswith(".gz"):
        path = dlabel(tmp_path / name, LABELS)
    found = segeval("inspect", path.rename(tmp_path / name), "--format", "json").json
    assert found["format"] == "CIFTI-2, dense labels"

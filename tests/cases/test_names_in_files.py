"""Names that files carry: on the rows, wherever they come from, and two numberings told apart by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from slicers import ORIGIN, SPACING, Array, Segment, seg_nrrd

from segeval.errors import LabelError
from segeval.volumes.renumbered import Renumbered
from segeval.volumes.volume import ArraySource, gather

Segeval = Callable[..., Any]

ORGANS = np.random.default_rng(3).choice([0, 1, 2, 3], (6, 5, 4)).astype(np.uint16)


def written(path: Path, array: Array, names: dict[int, str]) -> Path:
    segments: list[Segment] = [(0, value, name) for value, name in names.items()]
    path.write_bytes(seg_nrrd(array, segments))
    return path


def rows(run: Any) -> dict[tuple[int, str | None], tuple[int, int, int]]:
    assert run.code == 0, run.err
    return {
        (row["label"], row["name"]): (row["tp"], row["pred_voxels"], row["ref_voxels"])
        for row in run.json["cases"][0]["rows"]
        if isinstance(row["label"], int)
    }


def size(value: int) -> int:
    return int(np.count_nonzero(value == ORGANS))


def test_other_numbers_for_the_same_names_are_the_references(segeval: Segeval, tmp_path: Path) -> None:
    reference = written(tmp_path / "r.seg.nrrd", ORGANS, {1: "liver", 2: "spleen", 3: "left kidney"})
    swapped = np.array([0, 7, 1, 2], np.uint16)[ORGANS]
    prediction = written(tmp_path / "p.seg.nrrd", swapped, {7: "Liver", 1: "spleen", 2: "Left_Kidney"})
    run = segeval("score", prediction, reference, "--format", "json")
    assert rows(run) == {
        (1, "liver"): (size(1),) * 3, (2, "spleen"): (size(2),) * 3, (3, "left kidney"): (size(3),) * 3
    }  # fmt: skip
    assert any("told apart by name" in remark and "Liver 7 is 1" in remark for remark in run.remarks)


def test_a_number_with_another_name_is_another_label(segeval: Segeval, tmp_path: Path) -> None:
    reference = written(tmp_path / "r.seg.nrrd", ORGANS, {1: "liver", 2: "spleen", 3: "kidney"})
    prediction = written(tmp_path / "p.seg.nrrd", ORGANS, {1: "liver", 2: "spleen", 3: "heart"})
    assert rows(segeval("score", prediction, reference, "--format", "json")) == {
        (1, "liver"): (size(1),) * 3, (2, "spleen"): (size(2),) * 3,
        (3, "kidney"): (0, 0, size(3)), (4, "heart"): (0, size(3), 0),
    }  # fmt: skip


def test_a_label_file_wins(segeval: Segeval, tmp_path: Path) -> None:
    reference = written(tmp_path / "r.seg.nrrd", ORGANS, {1: "liver", 2: "spleen", 3: "kidney"})
    listed = tmp_path / "labels.json"
    listed.write_text(json.dumps({"a": 1, "b": 2, "c": 3}))
    run = segeval("score", reference, reference, "--labels", listed, "--format", "json")
    assert list(rows(run)) == [(1, "a"), (2, "b"), (3, "c")]
    listed.write_text(json.dumps({"spleen": 1, "liver": 2, "kidney": 3}))
    assert rows(segeval("score", reference, reference, "--labels", listed, "--format", "json")) == {
        (1, "spleen"): (size(2),) * 3, (2, "liver"): (size(1),) * 3, (3, "kidney"): (size(3),) * 3
    }  # fmt: skip


def test_listed_values_and_regions_keep_their_say(segeval: Segeval, tmp_path: Path) -> None:
    reference = written(tmp_path / "r.seg.nrrd", ORGANS, {1: "liver", 2: "spleen", 3: "kidney"})
    run = segeval("score", reference, reference, "--labels", "1,2", "--region", "kidney=2+3", "--format", "json")
    assert rows(run) == {(1, "liver"): (size(1),) * 3, (2, "spleen"): (size(2),) * 3}
    assert run.row("kidney")["tp"] == size(2) + size(3)


def test_names_of_one_side_name_the_rows(segeval: Segeval, tmp_path: Path) -> None:
    named = written(tmp_path / "r.seg.nrrd", ORGANS, {1: "liver", 2: "spleen", 3: "kidney"})
    with_axes = nibabel.Nifti1Image(ORGANS, np.diag([-0.8, -1.5, 3.0, 1.0]) + np.array([[0, 0, 0, -10], [0, 0, 0, 20], [0, 0, 0, 5], [0] * 4]))  # fmt: skip  # noqa: E501
    plain = tmp_path / "p.nii.gz"
    nibabel.save(with_axes, plain)
    run = segeval("score", plain, named, "--format", "json")
    assert list(rows(run)) == [(1, "liver"), (2, "spleen"), (3, "kidney")]
    assert any(str(named) in remark and "names are those in the file" in remark for remark in run.remarks)


def test_overlapping_segments_keep_their_voxels_under_other_numbers(segeval: Segeval, tmp_path: Path) -> None:
    layers = np.stack([ORGANS, np.roll(ORGANS, 1, axis=0)])
    names = ["a", "b", "c", "d", "e", "f"]
    order: list[Segment] = [(layer, value, names[3 * layer + value - 1]) for layer in (0, 1) for value in (1, 2, 3)]
    reference, prediction = tmp_path / "r.seg.nrrd", tmp_path / "p.seg.nrrd"
    reference.write_bytes(seg_nrrd(layers, order))
    prediction.write_bytes(seg_nrrd(layers, order[::-1]))
    found = rows(segeval("score", prediction, reference, "--format", "json"))
    assert found == {
        (number + 1, name): (int(np.count_nonzero(layers[number // 3] == number % 3 + 1)),) * 3
        for number, name in enumerate(names)
    }


def test_a_number_without_a_name_that_means_another_label_is_refused() -> None:
    source = ArraySource(np.array([[0, 1, 5]], np.uint8)[..., np.newaxis, np.newaxis])
    renumbered = Renumbered(source, {1: 2}, frozenset({5}), lambda _: None, "p.nii")
    with pytest.raises(LabelError, match="label 5 without a name"):
        gather(renumbered, 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_renumbering_is_numpys(dtype: Any) -> None:
    array = np.random.default_rng(1).choice([0, 1, 2, 7, 70], (5, 4, 3)).astype(dtype)
    array[0, 0, 0] = 100 if dtype is not np.float32 else 0.5
    big = array.copy()
    if dtype is np.int64:
        big[0, 0, 1] = 10**12
    numbers = {1: 2, 2: 1, 7: 300, 10**12: 4}
    found = gather(Renumbered(ArraySource(big[np.newaxis]), numbers, frozenset(), lambda _: None, "x"), 0)
    expected = np.select([big == old for old in numbers], list(numbers.values()), big.astype(np.float64))
    assert np.array_equal(found, expected)


def test_a_batch_does_not_add_what_has_two_names(segeval: Segeval, tmp_path: Path) -> None:
    for case, names in (
        ("a", {1: "liver", 2: "spleen"}),
        ("b", {1: "Liver", 2: "spleen"}),
        ("c", {1: "spleen", 2: "liver"}),
    ):
        for side in ("p", "r"):
            (tmp_path / side).mkdir(exist_ok=True)
            written(tmp_path / side / f"{case}.seg.nrrd", ORGANS % 3, names)
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--format", "json", "--workers", "1")
    status = {case["case"]: (case["status"], case.get("reason")) for case in run.json["cases"]}
    assert {case: words for case, (words, _) in status.items()} == {"a": "ok", "b": "ok", "c": "error"}
    assert "label 1 is 'spleen' here and 'liver' in a" in status["c"][1]
    listed = tmp_path / "labels.json"
    listed.write_text(json.dumps({"liver": 1, "spleen": 2}))
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--labels", listed, "--format", "json", "--workers", "1")
    assert {case["status"] for case in run.json["cases"]} == {"ok"}


@pytest.mark.parametrize("cropped", ["prediction", "reference"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_crop_is_told_apart_by_name_too(segeval: Segeval, tmp_path: Path, cropped: str, layers: int) -> None:
    inner = np.zeros_like(ORGANS)
    inner[1:4, 2:5, 1:3] = ORGANS[1:4, 2:5, 1:3]
    small = ORGANS[1:4, 2:5, 1:3]
    swapped = np.array([0, 2, 1, 3], np.uint16)[small if cropped == "prediction" else inner]
    array = np.stack([swapped, np.where(swapped == 1, 1, 0)]) if layers == 2 else swapped
    segments: list[Segment] = [(0, 1, "spleen"), (0, 2, "liver"), (0, 3, "kidney")]
    origin = np.array(ORIGIN) + np.array(SPACING) * (1, 2, 1)
    places = {"prediction": ORIGIN, "reference": ORIGIN, cropped: origin.tolist()}
    path = tmp_path / "p.seg.nrrd"
    path.write_bytes(seg_nrrd(array, segments + [(1, 1, "all of it")] * (layers - 1), origin=places["prediction"]))
    reference = tmp_path / "r.seg.nrrd"
    named: list[Segment] = [(0, 1, "liver"), (0, 2, "spleen"), (0, 3, "kidney")]
    reference.write_bytes(seg_nrrd(inner if cropped == "prediction" else small, named, origin=places["reference"]))
    found = rows(segeval("score", path, reference, "--format", "json"))
    for label, name in ((1, "liver"), (2, "spleen"), (3, "kidney")):
        assert found[label, name] == (np.count_nonzero(small == label),) * 3
    if layers == 2:
        assert found[4, "all of it"] == (0, np.count_nonzero(small == 2), 0)


def test_labels_of_one_name_are_told_apart_by_number(segeval: Segeval, tmp_path: Path) -> None:
    reference = written(tmp_path / "r.seg.nrrd", ORGANS, {1: "lesion", 2: "Lesion", 3: "liver"})
    prediction = written(tmp_path / "p.seg.nrrd", ORGANS, {1: "lesion", 2: "lesion", 3: "liver"})
    run = segeval("score", prediction, reference, "--format", "json")
    assert rows(run) == {(1, "lesion"): (size(1),) * 3, (2, "Lesion"): (size(2),) * 3, (3, "liver"): (size(3),) * 3}
    assert not any("renumbered" in remark or "several labels" in remark for remark in run.remarks)
    moved = np.array([0, 5, 6, 3], np.uint16)[ORGANS]
    prediction = written(tmp_path / "p.seg.nrrd", moved, {5: "lesion", 6: "lesion", 3: "liver"})
    run = segeval("score", prediction, reference, "--format", "json")
    assert rows(run)[3, "liver"] == (size(3),) * 3
    assert rows(run)[5, "lesion"] == (0, size(1), 0)
    assert any("several labels are called lesion, so that their names do not say which" in one for one in run.remarks)


def test_objects_of_categories_of_one_name_are_rows_of_their_own(segeval: Segeval, tmp_path: Path) -> None:
    square = [[2, 2, 12, 2, 12, 12, 2, 12]]
    categories = [{"id": 1, "name": "cells"}, {"id": 4, "name": "cells"}]
    objects = [
        {"id": n, "image_id": 1, "category_id": n, "segmentation": square, "area": 100, "iscrowd": 0} for n in (1, 4)
    ]
    path = tmp_path / "truth.json"
    images = [{"id": 1, "file_name": "a.png", "width": 20, "height": 20}]
    path.write_text(json.dumps({"images": images, "categories": categories, "annotations": objects[:1]}))
    run = segeval("score", path, path, "--instances", "--metrics", "pq", "--format", "json")
    assert run.code == 0, run.err
    first = run.json["cases"][0]["rows"][0]
    assert (first["label"], first["pq"]) == ("cells 1", 1.0)
    plain = segeval("score", path, path, "--metrics", "dice", "--format", "json")
    assert plain.json["cases"][0]["rows"][0]["dice"] == 1.0

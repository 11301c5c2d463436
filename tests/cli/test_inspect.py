"""`segeval inspect` says what is known of files, and `segeval formats` what can be read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats import assert_refused

from segeval.outputs.inspection import columns
from segeval.readers import ALL_ENDINGS
from segeval.readers.catalogue import CATALOGUE, format_of

Segeval = Callable[..., Any]
Nifti = Callable[..., Path]

LABELS = np.random.default_rng(8).choice([0, 1, 4], (5, 4, 3)).astype(np.uint8)
AFFINE = np.diag([0.8, 1.5, 3.0, 1.0])

SPINE = [2, 3, 4, 5, 6, 7, 8, 26, *range(102, 109), *range(202, 209)]
OVERLAPS = {"GREEN": 9602, "ORANGE": 11888, "PURPLE": 10743, "LIGHT_BLUE": 6693, "DARK_BLUE": 4713}
REAL: dict[str, tuple[list[int], dict[str | int, int]]] = {
    "dicom_seg/dcmqi_23x38x3.dcm": ([23, 38, 3], {"Liver": 322}),
    "dicom_seg/dcmqi_23x38x3.nrrd": ([23, 38, 3], {1: 322}),
    "dicom_seg/dcmqi_partial_overlaps.dcm": ([512, 512, 3], {**OVERLAPS}),
    "dicom_seg/dcmqi_partial_overlaps-1.nrrd": ([512, 512, 3], {1: 9602, 4: 6693, 5: 4713}),
    "dicom_seg/dcmqi_partial_overlaps-2.nrrd": ([512, 512, 3], {2: 11888}),
    "dicom_seg/dcmqi_partial_overlaps-3.nrrd": ([512, 512, 3], {3: 10743}),
    "dicom_seg/dcmqi_sparse_labelmap.dcm": ([24, 38, 3], {"Liver": 630}),
    "dicom_seg/dcmqi_sparse_labelmap.nrrd": ([24, 38, 3], {1: 630}),
    "dicom_seg/highdicom_seg_image_ct_binary.dcm": ([16, 16, 3], {"first segment": 638}),
    "dicom_seg/highdicom_seg_image_ct_binary_overlap.dcm": ([16, 16, 165], {"first segment": 64, "second segment": 16}),
    "dicom_seg/highdicom_seg_image_ct_binary_single_frame.dcm": ([128, 128, 1], {"first segment": 1832}),
    "dicom_seg/highdicom_seg_image_cr_binary.dcm": ([16, 16, 1], {"first segment": 151}),
    "rtstruct/rt.dcm": ([512, 512, 2], {"ROI-1": 1443}),
    "evaluatesegmentation_20_perc.nii.gz": ([20, 20, 20], {}),
    "slicer/Segmentation.seg.nrrd": (
        [128, 128, 34],
        {
            "ribs": 8487, "cervical vertebral column": 1216, "thoracic vertebral column": 2712,
            "lumbar vertebral column": 3259, "right lung": 34450, "left lung": 33700, "tissue": 154589,
        },
    ),
}  # fmt: skip


def inspected(segeval: Segeval, path: Path) -> Any:
    run = segeval("inspect", path, "--format", "json")
    assert run.code == 0, run.err
    return run.json


@pytest.mark.parametrize("name", REAL)
def test_real_files_hold_what_was_counted_in_them(segeval: Segeval, real_data: Path, name: str) -> None:
    shape, counts = REAL[name]
    found = inspected(segeval, real_data / name)
    assert found["shape"] == shape
    assert found["kind"] == "labels"
    if counts:
        assert {one["name"] or one["label"]: one["voxels"] for one in found["labels"]} == counts
    else:
        assert [one["voxels"] for one in found["labels"]] == [4376]


def test_the_spine_is_as_it_was_described(segeval: Segeval, real_data: Path) -> None:
    for name, voxels in (("prediction", 377366), ("reference", 377593)):
        found = inspected(segeval, real_data / f"spine_{name}.nii.gz")
        assert found["shape"] == [512, 512, 17]
        assert np.allclose(found["spacing_mm"], [0.586, 0.586, 3.3], atol=5e-4)
        assert found["axes"] == "PIR"
        assert [one["label"] for one in found["labels"]] == SPINE
        assert sum(one["voxels"] for one in found["labels"]) == voxels


def test_fractions_have_a_range(segeval: Segeval, real_data: Path) -> None:
    for name, count, most in (("true_fractional", 661, 128 / 255), ("binary_fractional", 638, 1.0)):
        (one,) = inspected(segeval, real_data / "dicom_seg" / f"highdicom_seg_image_ct_{name}.dcm")["channels"]
        assert (one["name"], one["positive"], one["low"]) == ("first segment", count, 0)
        assert one["high"] == pytest.approx(most)


def test_a_map_stored_in_bytes_is_guessed_at(segeval: Segeval, real_data: Path) -> None:
    found = inspected(segeval, real_data / "evaluatesegmentation_prob_map.nii.gz")
    assert "--scale 255" in found["remarks"][0]
    assert found["labels"][-1]["label"] == 255


def test_the_page(segeval: Segeval, nifti: Nifti) -> None:
    run = segeval("inspect", nifti("x.nii.gz", LABELS, AFFINE))
    assert run.code == 0
    lines = {line[:11].strip(): line[13:] for line in run.out.splitlines()[:7]}
    assert lines["format"] == "NIfTI-1, NIfTI-2, Analyze, by segeval, streamed"
    assert (lines["kind"], lines["shape"], lines["spacing"]) == ("label map (uint8)", "5×4×3", "0.8×1.5×3 mm")
    assert lines["orientation"] == "RAS"
    one, four = np.count_nonzero(LABELS == 1), np.count_nonzero(LABELS == 4)
    assert run.out.splitlines()[-3:] == ["label  voxels", f"    1      {one}", f"    4      {four}"]


def test_floats_are_what_their_values_say(segeval: Segeval, nifti: Nifti) -> None:
    labels = inspected(segeval, nifti("l.nii", LABELS.astype(np.float32)))
    assert (labels["kind"], [one["label"] for one in labels["labels"]]) == ("labels", [1, 4])
    values = np.linspace(-0.25, 0.75, 60, dtype=np.float32).reshape(5, 4, 3)
    values[0, 0, 1] = np.nan
    (one,) = inspected(segeval, nifti("p.nii", values))["channels"]
    assert (one["low"], one["high"], one["positive"]) == (-0.25, 0.75, np.count_nonzero(values > 0))
    (nothing,) = inspected(segeval, nifti("n.nii", np.full((2, 2, 2), np.nan, np.float32)))["channels"]
    assert (nothing["low"], nothing["high"]) == (None, None)
    softmax = inspected(segeval, nifti("s.nii.gz", np.stack([values * 0 + 0.25, values * 0 + 0.75], axis=-1)))
    assert [one["high"] for one in softmax["channels"]] == [0.25, 0.75]


def test_a_folder_of_masks_names_its_classes(segeval: Segeval, nifti: Nifti, tmp_path: Path) -> None:
    nifti("m/liver.nii.gz", (LABELS > 0).astype(np.uint8))
    nifti("m/spleen.nii.gz", (LABELS == 4).astype(np.uint8))
    found = inspected(segeval, tmp_path / "m")
    assert {one["name"]: one["voxels"] for one in found["labels"]} == {
        "liver": np.count_nonzero(LABELS), "spleen": np.count_nonzero(LABELS == 4)
    }  # fmt: skip


def test_what_cannot_be_read_is_refused_as_in_scoring(segeval: Segeval, nifti: Nifti, tmp_path: Path) -> None:
    path = nifti("x.nii.gz", LABELS)
    path.write_bytes(path.read_bytes()[:-9])
    assert_refused(segeval("inspect", path), path)
    assert_refused(segeval("inspect", tmp_path / "none.nii"), tmp_path / "none.nii", "no such file")


def test_the_catalogue_names_every_ending_that_is_read() -> None:
    listed = [ending for one in CATALOGUE for ending in one.endings]
    assert sorted(listed) == sorted(
        [*ALL_ENDINGS, ".dlabel.nii", ".dlabel.nii.gz"]
    )  # CIFTI is a NIfTI by its ending alone
    assert format_of("a.dlabel.nii").title == "CIFTI-2, dense labels"
    assert format_of("a.SEG.NRRD").title == "3D Slicer segmentation"
    assert format_of("a.nrrd").title == "NRRD"


def test_formats_lists_what_is_missing(segeval: Segeval, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "missing" not in segeval("formats").out
    for module in ("pydicom", "h5py", "s3fs"):
        monkeypatch.setitem(sys.modules, module, None)
    assert [line for line in segeval("formats").out.splitlines() if "missing" in line] == [
        "MINC (MINC 2 by h5py): missing for MINC 2; pip install h5py",
        "HDF5 dataset: missing; pip install 'segeval-cli[arrays]'",
        "DICOM SEG, RTSTRUCT: missing; pip install 'segeval-cli[dicom]'",
        "s3:// URL of NIfTI, .npy, HDF5, Zarr: missing; pip install 'segeval-cli[remote]'",
    ]
    missing = [one["title"].split()[0] for one in segeval("formats", "-f", "json").json if one["missing"]]
    assert missing == ["MINC", "HDF5", "DICOM", "s3://"]
    for module in ("pycocotools", "faster_coco_eval"):  # either will do
        assert not any("COCO" in line for line in segeval("formats").out.splitlines() if "missing" in line)
        monkeypatch.setitem(sys.modules, module, None)
    assert "COCO: missing for polygons; pip install 'segeval-cli[coco]'" in segeval("formats").out


@pytest.mark.parametrize(("width", "lines_of_nifti"), [(60, 3), (80, 3), (130, 1), (200, 1)])
def test_formats_fit_the_page(
    width: int, lines_of_nifti: int, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = segeval("formats").out.splitlines()
    assert max(map(len, lines)) <= width
    heads, rule, *rows = lines
    places = [heads.index(head) for head in ("format", "endings", "read by", "voxels")]
    assert [place for place, marks in enumerate(zip(f" {rule}", rule, strict=False)) if marks == (" ", "─")] == places
    starts = [number for number, row in enumerate(rows) if row[places[2]] != " "]
    assert starts[1] - starts[0] == lines_of_nifti
    nifti = " ".join(row[places[1] : places[2]].strip() for row in rows[: starts[1]])
    assert nifti == ".nii.gz .nii .hdr.gz .hdr .img.gz .img"
    assert "".join(rows).count("CIFTI-2") == 1


def test_names_from_outside_are_one_line(segeval: Segeval, tmp_path: Path) -> None:
    from slicers import seg_nrrd

    path = tmp_path / "x.seg.nrrd"
    path.write_bytes(seg_nrrd(LABELS.astype(np.uint16), [(0, 1, "a\x1b[31mb"), (0, 4, "c\\nd")]))
    out = segeval("inspect", path).out
    assert "\x1b" not in out
    assert "c d" in out
    assert json.dumps("c d") in segeval("inspect", path, "-f", "json").out


def test_columns_stay_below_each_other_where_letters_are_wide() -> None:
    """Each of 肝臓 takes two places of a terminal, and the accent of é, here a sign of its own, none."""
    lines = columns(("label", "name", "voxels"), [("1", "肝臓", "10"), ("2", "re\u0301nal", "7")], right=(0, 2))
    assert lines == ["label  name   voxels", "    1  肝臓       10", "    2  re\u0301nal       7"]

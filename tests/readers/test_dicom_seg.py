"""DICOM SEG: the voxels of every segment, whatever the order of the frames, and what cannot be read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from dicoms import UPRIGHT, affine_of, close_database, dicom_seg, series, turned, with_frames_shuffled
from formats import assert_refused
from reading import named_masks

from segeval import evaluate
from segeval.errors import UnreadableFile
from segeval.readers import ReadOptions, open_volume
from segeval.volumes.volume import gather

Segeval = Callable[..., Any]

SHAPE = (7, 6, 5)
MASKS = np.random.default_rng(7).random((*SHAPE, 2)) < 0.4
MASKS[:, :, 0] = False  # frames that are left out
MASKS[:, :, 3, 1] = False
NAMES = ["liver", "spleen"]
SEG = Path("dicom_seg")
COUNTED = {
    "dcmqi_23x38x3": {"Liver": 322},
    "dcmqi_partial_overlaps": {"GREEN": 9602, "ORANGE": 11888, "PURPLE": 10743, "LIGHT_BLUE": 6693, "DARK_BLUE": 4713},
    "dcmqi_sparse_labelmap": {"Liver": 630},
    "highdicom_seg_image_ct_binary": {"first segment": 638},
    "highdicom_seg_image_ct_binary_overlap": {"first segment": 64, "second segment": 16},
    "highdicom_seg_image_ct_binary_single_frame": {"first segment": 1832},
    "highdicom_seg_image_cr_binary": {"first segment": 151},
}


def rows(run: Any) -> dict[str, dict[str, Any]]:
    assert run.code == 0, run.err
    return {row["name"]: row for row in run.json["cases"][0]["rows"] if isinstance(row["label"], int)}


@pytest.mark.parametrize("name", COUNTED)
def test_real_files_have_the_voxels_that_were_counted(name: str, real_data: Path) -> None:
    with open_volume(real_data / SEG / f"{name}.dcm", ReadOptions()) as volume:
        assert {name: int(np.count_nonzero(mask)) for name, mask in named_masks(volume).items()} == COUNTED[name]
        assert all("no segment" not in remark for remark in volume.finish())


@pytest.mark.parametrize(
    ("name", "partner", "labels"),
    [
        ("dcmqi_23x38x3", "dcmqi_23x38x3", {1: 322}),
        ("dcmqi_partial_overlaps", "dcmqi_partial_overlaps-1", {1: 9602, 4: 6693, 5: 4713}),
        ("dcmqi_partial_overlaps", "dcmqi_partial_overlaps-2", {2: 11888}),
        ("dcmqi_partial_overlaps", "dcmqi_partial_overlaps-3", {3: 10743}),
        ("dcmqi_sparse_labelmap", "dcmqi_sparse_labelmap", {1: 630}),
    ],
)
def test_a_seg_is_the_nrrd_that_it_was_made_from(
    segeval: Segeval, real_data: Path, name: str, partner: str, labels: dict[int, int]
) -> None:
    files = real_data / SEG / f"{name}.dcm", real_data / SEG / f"{partner}.nrrd"
    for pair in (files, files[::-1]):
        run = segeval("score", *pair, "--format", "json")
        for label, count in labels.items():
            row = run.row(label)
            assert (row["dice"], row["tp"], row["pred_voxels"], row["ref_voxels"]) == (1.0, count, count, count)


def test_real_fractions_are_probabilities(segeval: Segeval, real_data: Path) -> None:
    binary, fractional, true = (
        real_data / SEG / f"highdicom_seg_image_ct_{name}.dcm"
        for name in ("binary", "binary_fractional", "true_fractional")
    )
    run = segeval("score", fractional, binary, "--format", "json")
    assert rows(run)["first segment"]["tp"] == 638
    assert "kind:probabilities" in run.json["signature"]
    run = segeval("score", true, binary, "--threshold", "0.00001", "--format", "json")
    assert rows(run)["first segment"]["pred_voxels"] == 661


@pytest.mark.parametrize("name", [name for name in COUNTED if "cr" not in name])
def test_the_grid_is_what_highdicom_says(name: str, real_data: Path) -> None:
    import highdicom as hd

    path = real_data / SEG / f"{name}.dcm"
    with open_volume(path, ReadOptions()) as volume:
        seg = hd.seg.segread(path)
        theirs = seg.get_volume(segment_numbers=[1], combine_segments=False)
        close_database(seg)
        assert volume.geometry is not None
        first, last = (0, 0, 0), tuple(n - 1 for n in theirs.spatial_shape)
        corners = np.array([theirs.map_indices_to_reference(np.array([index]))[0] for index in (first, last)]) * (
            -1,
            -1,
            1,
        )
        ours = volume.geometry.to_mm(np.array([(0, 0, 0), [n - 1 for n in volume.shape]]))
        assert sorted(theirs.spatial_shape) == sorted(volume.shape)
        low, high = np.sort(corners, axis=0), np.sort(ours, axis=0)
        assert np.allclose(low, high, rtol=0, atol=1e-3)


@pytest.mark.parametrize("degrees", [0, 20, 200])
@pytest.mark.parametrize("options", [{}, {"omit_empty_frames": False}, {"transfer_syntax_uid": "1.2.840.10008.1.2.1"}])
def test_overlapping_segments_of_an_oblique_series(tmp_path: Path, degrees: float, options: dict[str, Any]) -> None:
    axes = turned(degrees)
    path = dicom_seg(tmp_path / "x.dcm", MASKS, NAMES, axes=axes, **options)
    random = np.random.default_rng(3)
    with_frames_shuffled(path, random.permutation(int(pydicom.dcmread(path).NumberOfFrames)).tolist())
    reference = tmp_path / "r.nii.gz"
    for number, name in enumerate(NAMES):
        nibabel.save(
            nibabel.Nifti1Image(MASKS[..., number].astype(np.uint8) * (number + 1), affine_of(axes)), reference
        )
        (case,) = evaluate(path, reference).document()["cases"]
        (row,) = [row for row in case["rows"] if row["name"] == name]
        count = np.count_nonzero(MASKS[..., number])
        assert (row["tp"], row["fp"], row["fn"], row["tn"]) == (count, 0, 0, MASKS[..., 0].size - count)
    overlapping = np.count_nonzero(MASKS.all(axis=-1))
    assert any(f"{overlapping} voxels lie in several segments" in remark for remark in case["remarks"])


@pytest.mark.parametrize("thickness", [1.0, 3.0, None])
def test_planes_are_where_the_frames_are_and_not_where_a_thickness_says(
    segeval: Segeval, tmp_path: Path, thickness: float | None
) -> None:
    masks = MASKS.copy()
    masks[:, :, [0, 2, 4]] = False

    def change(dataset: Any) -> None:
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.pop("SpacingBetweenSlices", None)
        measures.SliceThickness = thickness

    path = edited(dicom_seg(tmp_path / "x.dcm", masks, NAMES), change)
    labels = np.where(masks[..., 1], 2, masks[..., 0]).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, affine_of()), tmp_path / "r.nii")
    found = rows(segeval("score", path, tmp_path / "r.nii", "--format", "json"))
    for number, name in enumerate(NAMES):
        assert found[name]["tp"] == np.count_nonzero(masks[..., number] & (labels == number + 1))
        assert found[name]["pred_voxels"] == np.count_nonzero(masks[..., number])


def test_a_deflated_segmentation(tmp_path: Path) -> None:
    path = dicom_seg(tmp_path / "x.dcm", MASKS, NAMES)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    dataset.save_as(path)
    with open_volume(path, ReadOptions()) as volume:
        assert {name: int(np.count_nonzero(mask)) for name, mask in named_masks(volume).items()} == {
            name: np.count_nonzero(MASKS[..., number]) for number, name in enumerate(NAMES)
        }


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"])
@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_native_and_run_length_encoded_frames(tmp_path: Path, kind: str, syntax: str) -> None:
    if kind == "LABELMAP":
        labels = np.where(MASKS[..., 1], 2, MASKS[..., 0]).astype(np.uint8)
        path = dicom_seg(tmp_path / "x.dcm", labels, NAMES, kind, transfer_syntax_uid=syntax)
        with open_volume(path, ReadOptions()) as volume:
            assert volume.kind == "labels"
            found = gather(volume.source, 0)
        expected = labels[..., labels.any(axis=(0, 1))]
        assert np.array_equal(found[..., found.any(axis=(0, 1))], expected)
        return
    values = np.where(MASKS[..., 0], np.linspace(0.1, 1, MASKS[..., 0].size).reshape(SHAPE), 0)[..., np.newaxis]
    path = dicom_seg(
        tmp_path / "x.dcm", values, NAMES[:1], kind, transfer_syntax_uid=syntax, omit_empty_frames=False,
        fractional_type="OCCUPANCY",
    )  # fmt: skip
    with open_volume(path, ReadOptions()) as volume:
        assert volume.kind == "probabilities"
        assert "occupancies" in volume.remarks[0]
        assert np.abs(gather(volume.source, 0) - values[..., 0]).max() <= 0.5 / 255 + 1e-6


def test_fractions_of_several_segments_are_separate_maps(segeval: Segeval, tmp_path: Path) -> None:
    values = np.where(MASKS, 1.0, 0.0)
    path = dicom_seg(tmp_path / "x.dcm", values, NAMES, "FRACTIONAL")
    reference = tmp_path / "r.nii.gz"
    labels = np.where(MASKS[..., 1], 2, MASKS[..., 0]).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, affine_of()), reference)
    assert "--channels independent" in segeval("score", path, reference).err
    found = rows(segeval("score", path, reference, "--channels", "independent", "--format", "json"))
    for number, name in enumerate(NAMES):
        assert found[name]["tp"] == np.count_nonzero(MASKS[..., number] & (labels == number + 1))
        assert found[name]["pred_voxels"] == np.count_nonzero(MASKS[..., number])


def test_two_segmentations_without_the_same_frames(segeval: Segeval, tmp_path: Path) -> None:
    first, second = MASKS.copy(), MASKS.copy()
    first[:, :, 3:], second[:, :, :2] = False, False
    paths = dicom_seg(tmp_path / "p.dcm", first, NAMES), dicom_seg(tmp_path / "r.dcm", second, NAMES)
    found = rows(segeval("score", *paths, "--format", "json"))
    for number, name in enumerate(NAMES):
        assert found[name]["tp"] == np.count_nonzero((first & second)[..., number])
        assert found[name]["pred_voxels"] == np.count_nonzero(first[..., number])
        assert found[name]["ref_voxels"] == np.count_nonzero(second[..., number])


def test_frames_between_the_planes_of_the_other_volume_are_refused(segeval: Segeval, tmp_path: Path) -> None:
    path = dicom_seg(tmp_path / "x.dcm", MASKS, NAMES)
    affine = affine_of()
    affine[2, 3] += 1
    nibabel.save(nibabel.Nifti1Image(np.zeros(SHAPE, np.uint8), affine), tmp_path / "r.nii")
    run = segeval("score", path, tmp_path / "r.nii")
    assert_refused(run, path, "mm off them")
    affine[2, 3] += 5
    nibabel.save(nibabel.Nifti1Image(np.zeros(SHAPE, np.uint8), affine), tmp_path / "r.nii")
    assert_refused(segeval("score", path, tmp_path / "r.nii"), path, "beyond them")


def test_without_pydicom_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dicom_seg(tmp_path / "x.dcm", MASKS, NAMES)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(UnreadableFile, match=r"segeval-cli\[dicom\]"):
        open_volume(path, ReadOptions())


def test_other_kinds_of_dicom_are_named(segeval: Segeval, tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    (one,) = series((4, 3, 1), UPRIGHT)
    one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = (
        one.SOPClassUID,
        one.SOPInstanceUID,
    )
    one.save_as(path, enforce_file_format=True)
    assert_refused(segeval("score", path, path), path, "CT Image Storage")


def edited(path: Path, change: Callable[[Any], object]) -> Path:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)
    return path


def _drop(keyword: str) -> Callable[[Any], object]:
    return lambda dataset: delattr(dataset, keyword)


def _set(keyword: str, value: object) -> Callable[[Any], object]:
    return lambda dataset: setattr(dataset, keyword, value)


def _position(*values: float) -> Callable[[Any], object]:
    def change(dataset: Any) -> None:
        dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = list(values)

    return change


def _segment(number: int, frame: int = 0) -> Callable[[Any], object]:
    def change(dataset: Any) -> None:
        group = dataset.PerFrameFunctionalGroupsSequence[frame].SegmentIdentificationSequence[0]
        group.ReferencedSegmentNumber = number

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop("SegmentationType"), "SegmentationType"),
        (_drop("SegmentSequence"), "pydicom cannot read it"),
        (_drop("PixelData"), "0 bytes of pixels"),
        (_set("NumberOfFrames", 3), "describes"),
        (_set("Rows", 0), "Rows"),
        (_set("Rows", 5000), "bytes of pixels where"),
        (_set("BitsAllocated", 16), "16 bits"),
        (_set("DimensionOrganizationType", "TILED_FULL"), "tiles"),
        (_set("PixelData", b"\0\1"), "2 bytes of pixels"),
        (_segment(9), "segment 9"),
        (_position(10.0, -20.0, 1e9), "no grid"),
        (_position(11.0, -20.0, 8.0), "one above the other"),
        (_position(10.0, -20.0, float("nan")), "position"),
    ],
)
def test_what_no_segmentation_says_is_refused(
    segeval: Segeval, tmp_path: Path, change: Callable[[Any], object], words: str
) -> None:
    path = edited(dicom_seg(tmp_path / "x.dcm", MASKS, NAMES), change)
    assert_refused(segeval("score", path, path), path, words)


def test_two_frames_of_one_segment_at_one_place_are_refused(segeval: Segeval, tmp_path: Path) -> None:
    path = dicom_seg(tmp_path / "x.dcm", MASKS[..., :1], NAMES[:1])

    def change(dataset: Any) -> None:
        groups = dataset.PerFrameFunctionalGroupsSequence
        groups[1].PlanePositionSequence = groups[0].PlanePositionSequence

    assert_refused(segeval("score", edited(path, change), path), path, "two of its 4 frames")

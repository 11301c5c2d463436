"""DICOM RTSTRUCT: voxels of contours on any grid, and what cannot be read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from dicoms import BETWEEN, SPACING, UPRIGHT, affine_of, dicom_seg, series, turned
from formats import assert_refused
from pydicom.data import get_testdata_file
from rtstructs import SHAPE, Contour, Roi, by_scikit_image, closed, in_mm, on_grid, rectangle, rtstruct, saved

Segeval = Callable[..., Any]
Array = np.ndarray[Any, Any]

HOLE = [closed(rectangle(2, 3, 12, 13), 1), closed(rectangle(5, 5, 8, 9), 1)]


def written(path: Path, array: Array, affine: Array | None = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, affine_of() if affine is None else affine), path)
    return path


def rows(run: Any) -> dict[str, tuple[int, int, int]]:
    assert run.code == 0, run.err
    found = [row for row in run.json["cases"][0]["rows"] if isinstance(row["label"], int)]
    return {row["name"]: (row["tp"], row["pred_voxels"], row["ref_voxels"]) for row in found}


def star(seed: int, plane: float, axes: Array = UPRIGHT) -> Contour:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 40))
    radii = random.uniform(3, 7, 40)
    return closed(np.column_stack([10 + radii * np.cos(angles), 8 + radii * np.sin(angles)]), plane, axes)


def test_the_real_file_over_its_series(segeval: Segeval, real_data: Path) -> None:
    """Counted by scikit-image: a square of 49 by 49 voxels and a hole of 958, both in the first of two slices."""
    path = real_data / "rtstruct" / "rt.dcm"
    run = segeval("inspect", path, "--format", "json")
    assert run.code == 0, run.err
    assert run.json["shape"] == [512, 512, 2]
    assert run.json["axes"] == "LPS"
    assert np.allclose(run.json["spacing_mm"], [0.488281, 0.488281, 5])
    assert run.json["labels"] == [{"label": 1, "name": "ROI-1", "colour": "#a2885f", "voxels": 1443}]
    affine = np.diag([-0.488281, -0.488281, 5, 1])
    affine[:3, 3] = 125, 125, 60
    ours, theirs = on_grid(path, (512, 512, 2), affine)[0]["ROI-1"], by_scikit_image(path, (512, 512, 2), affine)
    assert np.array_equal(ours, theirs["ROI-1"])
    assert ours[:, :, 0].sum() == 49 * 49 - 958


def test_a_planning_systems_file_on_a_grid_that_it_never_saw(segeval: Segeval, tmp_path: Path) -> None:
    """pydicom's own test file: a box of 400 by 300 mm in three planes, and two points."""
    path = tmp_path / "x.dcm"
    dataset = pydicom.dcmread(str(get_testdata_file("rtstruct.dcm")), force=True)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    affine = np.diag([10.0, 10.0, 10.0, 1.0])
    affine[:3, 3] = -245, -195, -210  # centres at -245, -235, …
    masks, remarks = on_grid(path, (50, 40, 6), affine)
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"patient": 40 * 30 * 3}
    assert any("Isocenter 1 (1 POINT), Isocenter 2 (1 POINT)" in remark for remark in remarks)
    reference = written(tmp_path / "r.nii.gz", masks["patient"].astype(np.uint8), affine)
    assert segeval("score", path, reference, "--format", "json").row(1)["dice"] == 1
    assert_refused(segeval("inspect", path), path, "the images that it was drawn on are neither in its folder")


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
@pytest.mark.parametrize("implicit", [True, False])
def test_holes_are_contours_within_contours(tmp_path: Path, kind: str, implicit: bool) -> None:
    contours = [(kind, points) for _, points in HOLE]
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(4, "ring", contours)], implicit=implicit))
    expected = np.zeros(SHAPE, np.bool_)
    expected[2:12, 3:13, 1] = True
    expected[5:8, 5:9, 1] = False
    assert np.array_equal(masks["ring"], expected)
    assert remarks == []


def test_a_contour_may_end_with_its_first_point(tmp_path: Path) -> None:
    box = rectangle(2, 3, 12, 13)
    masks, _ = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", [closed([*box, box[0]], 2)])]))
    assert masks["x"].sum() == 100


@pytest.mark.parametrize("degrees", [0, 20, 200])
def test_contours_of_an_oblique_series_as_scikit_image_has_them(
    segeval: Segeval, tmp_path: Path, degrees: float
) -> None:
    axes = turned(degrees)
    rois: list[Roi] = [
        (3, "liver", [star(n, n, axes) for n in range(5)]), (7, "spleen", [star(9 + n, n, axes) for n in (1, 2)])
    ]  # fmt: skip
    images = series(SHAPE, axes)
    path = rtstruct(tmp_path / "x.dcm", rois, images)
    expected = by_scikit_image(path, SHAPE, affine_of(axes))
    masks, remarks = on_grid(path, affine=affine_of(axes))
    for name, mask in expected.items():
        assert mask.any()
        assert np.array_equal(masks[name], mask)
    overlapping = int((expected["liver"] & expected["spleen"]).sum())
    assert any(f"{overlapping} voxels lie in several structures" in remark for remark in remarks)
    for number, name in ((3, "liver"), (7, "spleen")):
        reference = written(tmp_path / "r.nii.gz", expected[name].astype(np.uint8) * number, affine_of(axes))
        for pair in ((path, reference), (reference, path)):
            run = segeval("score", *pair, "--format", "json")
            assert rows(run)[name] == (int(expected[name].sum()),) * 3
    saved(images, tmp_path / "series")  # a folder beside the file's own
    (tmp_path / "structures").mkdir()
    moved = shutil.move(path, tmp_path / "structures" / "x.dcm")
    found = segeval("inspect", moved, "--format", "json").json
    assert {one["name"]: one["voxels"] for one in found["labels"]} == {n: int(m.sum()) for n, m in expected.items()}


@pytest.mark.parametrize("degrees", [0, 20])
def test_plastimatch_has_the_same_voxels(tmp_path: Path, degrees: float) -> None:
    """Counted in what `plastimatch convert --xor-contours` 1.10.0 made of the same file over the same series."""
    axes, shape = turned(degrees), (60, 50, 12)
    liver = []
    for plane in range(12):
        random = np.random.default_rng(plane)
        angles = np.sort(random.uniform(0, 2 * np.pi, 60))
        radii = random.uniform(8, 22, 60)
        points = np.column_stack([30 + radii * np.cos(angles), 25 + radii * np.sin(angles)])
        liver.append(closed(points, plane, axes))
    boxes = rectangle(5.3, 6.2, 40.7, 35.9), rectangle(10.4, 12.1, 20.3, 22.2)
    ring = [closed(box, plane, axes) for plane in range(3, 9) for box in boxes]
    masks, _ = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "liver", liver), (2, "ring", ring)]), shape, affine_of(axes))
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"liver": 8635, "ring": 5490}


def test_neighbours_share_no_voxel_and_leave_none_out(tmp_path: Path) -> None:
    """Edges run through voxel centres: each centre belongs to one of the two, the one at larger columns or rows."""
    left, right = closed([(1, 1), (9, 1), (4, 9), (1, 9)], 0), closed([(9, 1), (14, 1), (14, 9), (4, 9)], 0)
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "left", [left]), (2, "right", [right])]))
    assert remarks == []
    assert int(masks["left"].sum() + masks["right"].sum()) == 13 * 8
    assert masks["right"][9, 1, 0]
    assert not masks["left"][9, 1, 0]
    assert np.array_equal(masks["left"] | masks["right"], np.pad(np.ones((13, 8, 1), bool), ((1, 6), (1, 7), (0, 4))))


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 2, 0), (0, 2, 1)])
def test_the_grids_planes_may_lie_across_any_of_its_axes(
    segeval: Segeval, tmp_path: Path, order: Sequence[int]
) -> None:
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", [star(n, n) for n in range(5)])])
    expected = by_scikit_image(path, SHAPE, affine_of())["x"]
    affine = affine_of()
    affine[:3, :3] = affine[:3, list(order)]
    masks, _ = on_grid(path, [SHAPE[axis] for axis in order], affine)
    assert np.array_equal(masks["x"], expected.transpose(order))
    reference = written(tmp_path / "r.nii.gz", expected.transpose(order).astype(np.uint8), affine)
    for options in ((), ("--geometry", "ignore"), ("--geometry", "resample")):
        run = segeval("score", path, reference, "--format", "json", *options)
        assert rows(run)["x"] == (int(expected.sum()),) * 3


def test_two_structure_sets_take_the_grid_of_their_images(segeval: Segeval, tmp_path: Path) -> None:
    images = series(SHAPE)
    first, second = [(1, "x", [star(n, n) for n in (1, 2)])], [(5, "X", [star(n + 1, n) for n in (1, 2)])]
    prediction, reference = rtstruct(tmp_path / "p.dcm", first, images), rtstruct(tmp_path / "r.dcm", second, images)
    assert_refused(segeval("score", prediction, reference), prediction, "neither in its folder")
    saved(images, tmp_path)
    ours, theirs = (by_scikit_image(path, SHAPE, affine_of()) for path in (prediction, reference))
    run = segeval("score", prediction, reference, "--format", "json")
    assert rows(run) == {"X": (int((ours["x"] & theirs["X"]).sum()), int(ours["x"].sum()), int(theirs["X"].sum()))}
    assert run.row(5)["tn"] == np.prod(SHAPE) - (ours["x"] | theirs["X"]).sum()


def test_images_that_lie_elsewhere_are_named(segeval: Segeval, tmp_path: Path) -> None:
    images = series(SHAPE)
    path = rtstruct(saved([], tmp_path / "study" / "rt") / "x.dcm", [(1, "x", HOLE)], images)
    saved(images, tmp_path / "scans" / "patient" / "ct")
    saved(series((4, 4, 2)), tmp_path / "scans" / "other")
    assert_refused(segeval("inspect", path), path, "name their folder with --drawn-on")
    for folder in (tmp_path / "scans", tmp_path / "scans" / "patient" / "ct"):
        found = segeval("inspect", path, "--drawn-on", folder, "--format", "json").json
        assert (found["shape"], found["labels"][0]["voxels"]) == (list(SHAPE), 88)
        run = segeval("score", path, path, "--drawn-on", folder, "--format", "json")
        assert (rows(run), run.json["settings"]["drawn_on"]) == ({"x": (88, 88, 88)}, str(folder))
    assert_refused(
        segeval("inspect", path, "--drawn-on", tmp_path / "scans" / "other"), path, "was drawn on are not in"
    )
    assert "there is no such folder" in segeval("inspect", path, "--drawn-on", tmp_path / "none").err
    volume = written(tmp_path / "v.nii.gz", np.ones(SHAPE, np.uint8))
    run = segeval("score", volume, volume, "--drawn-on", tmp_path / "scans", "--format", "json")
    assert any("are no structure sets; --drawn-on changes nothing" in remark for remark in run.remarks)
    run = segeval("score", path, path, "--drawn-on", tmp_path / "scans", "-o", tmp_path / "r.html")
    assert (run.code, "<svg" in (tmp_path / "r.html").read_text("utf-8")) == (0, True), run.err


def test_against_a_segmentation_that_leaves_frames_out(segeval: Segeval, tmp_path: Path) -> None:
    masks = np.zeros((*SHAPE, 1), np.bool_)
    masks[4:10, 5:9, 2:4, 0] = True
    seg = dicom_seg(tmp_path / "s.dcm", masks, ["liver"])
    images = series(SHAPE)
    boxes = [closed(rectangle(4, 5, 10, 9), plane) for plane in range(1, 4)]
    path = rtstruct(tmp_path / "x.dcm", [(2, "Liver", boxes)], images)
    assert_refused(segeval("score", path, seg), path, "1 of 3 contours lie beyond the planes")
    saved(images, tmp_path / "ct")
    path = Path(shutil.move(path, (tmp_path / "ct") / "x.dcm"))
    assert rows(segeval("score", path, seg, "--format", "json")) == {"liver": (48, 72, 48)}
    assert rows(segeval("score", seg, path, "--format", "json")) == {"Liver": (48, 48, 72)}


def test_without_a_prediction_the_images_give_the_grid(segeval: Segeval, tmp_path: Path) -> None:
    images = series(SHAPE)
    saved(images, tmp_path / "ct")
    (tmp_path / "r").mkdir()
    (tmp_path / "p").mkdir()
    rtstruct(tmp_path / "r" / "a.dcm", [(1, "x", HOLE)], images)
    rtstruct(tmp_path / "r" / "b.dcm", [(1, "x", HOLE)], images)
    rtstruct(tmp_path / "p" / "a.dcm", [(1, "x", HOLE)], images)
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--missing", "worst", "--format", "json", "--workers", "1")
    found = {case["case"]: case["rows"][0] for case in run.json["cases"]}
    assert (found["a"]["tp"], found["b"]["tp"], found["b"]["fn"]) == (88, 0, 88)


def test_as_a_mask(segeval: Segeval, tmp_path: Path) -> None:
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", HOLE)])
    volume = written(tmp_path / "v.nii.gz", np.ones(SHAPE, np.uint8))
    assert segeval("score", volume, volume, "--mask", path, "--format", "json").row(1)["tp"] == 88


def test_planes_between_are_the_nearest_ones(tmp_path: Path) -> None:
    boxes = [closed(rectangle(2, 3, 12, 13), plane) for plane in (0.4, 1.4, 2.4)]
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", boxes)]))
    assert masks["x"].any(axis=(0, 1)).tolist() == [True, True, True, False, False]
    assert remarks == [
        f"{tmp_path / 'x.dcm'}: contours lie up to 1.2 mm off the grid's planes, and count in the nearest"
    ]
    half = [closed(rectangle(2, 3, 12, 13), plane) for plane in (-0.5, 0.5 - 1e-9, 1.5, 2.5 + 1e-9)]
    masks, _ = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", half)]))  # half-way is the next plane, but for decimals
    assert masks["x"].any(axis=(0, 1)).tolist() == [True, True, True, True, False]


def test_a_finer_grid_leaves_gaps_and_says_so(tmp_path: Path) -> None:
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", [closed(rectangle(2, 3, 12, 13), plane) for plane in range(5)])])
    fine = affine_of() @ np.diag([1, 1, 1 / 3, 1])
    masks, remarks = on_grid(path, (20, 16, 13), fine)
    assert masks["x"].any(axis=(0, 1)).tolist() == ([True, False, False] * 5)[:13]
    assert len(remarks) == 1
    assert "contours lie several planes of the grid apart, and nothing between them: x (3)" in remarks[0]


def test_what_the_grid_cuts_off_is_named(tmp_path: Path) -> None:
    edge, beyond = closed(rectangle(-0.9, 3, 20, 16), 0), closed(rectangle(15, 3, 20.5, 6), 0)
    masks, remarks = on_grid(rtstruct(tmp_path / "x.dcm", [(1, "x", [edge]), (2, "y", [beyond])]))
    assert (masks["x"].sum(), masks["y"].sum()) == (20 * 13, 5 * 3)
    assert any(remark.endswith("the grid ends before contours do, and cuts off y") for remark in remarks)


@pytest.mark.parametrize(
    ("contours", "words"),
    [
        ([closed(rectangle(2, 3, 9, 9), 0), closed(rectangle(2, 3, 9, 9), 5.6)],
         ["1 of 2 contours lie beyond the planes", "'x' 4.8 mm"]),
        ([closed(rectangle(2, 3, 9, 9), -0.6)], ["'x' 1.8 mm"]),
        ([closed(rectangle(2, 3, 9, 9), 1e6)], ["beyond the planes"]),
        ([closed(rectangle(22, 3, 29, 9), 0)], ["1 of 1 contours lie beside"]),
        ([closed(rectangle(2, 3, 1e6, 9), 0)], ["beside"]),
        ([closed(rectangle(2, 3, 9, 9), 2), closed(rectangle(2, 3, 9, 9), 2.3)], ["0.9 mm apart", "planes lie 3 mm"]),
        ([("CLOSED_PLANAR", in_mm([(2, 3), (9, 3), (9, 9)], 2) + np.eye(3) * (0, 0, 4))],
         ["not parallel", "spans 4 mm"]),
    ],
)  # fmt: skip
def test_contours_in_no_plane_of_the_grid_are_refused(
    segeval: Segeval, tmp_path: Path, contours: list[Contour], words: list[str]
) -> None:
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", contours)])
    reference = written(tmp_path / "r.nii.gz", np.ones(SHAPE, np.uint8))
    assert_refused(segeval("score", path, reference), path, *words)


def test_a_volume_without_a_place_in_space_has_none_for_contours(segeval: Segeval, tmp_path: Path) -> None:
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", HOLE)])
    np.save(tmp_path / "r.npy", np.ones(SHAPE[::-1], np.uint8))
    assert_refused(segeval("score", path, tmp_path / "r.npy"), path, "holds contours and no grid")
    header = nibabel.Nifti1Header()
    image = nibabel.Nifti1Image(np.ones(SHAPE, np.uint8), None, header)
    image.header.set_zooms((*SPACING[::-1], BETWEEN))
    nibabel.save(image, tmp_path / "r.nii")
    assert_refused(segeval("score", path, tmp_path / "r.nii"), path, "states no place in space")


def test_a_resampled_prediction_meets_contours_on_their_own_grid(segeval: Segeval, tmp_path: Path) -> None:
    images = series(SHAPE)
    saved(images, tmp_path)
    path = rtstruct(
        tmp_path / "x.dcm", [(1, "x", [closed(rectangle(4, 4, 12, 12), plane) for plane in range(5)])], images
    )
    coarse = affine_of() @ np.diag([2, 2, 2, 1])
    coarse[:3, 3] = (affine_of() @ [0.5, 0.5, 0.5, 1])[:3]
    labels = np.zeros((10, 8, 3), np.uint8)
    labels[2:6, 2:6] = 1
    prediction = written(tmp_path / "p.nii.gz", labels, coarse)
    assert_refused(segeval("score", prediction, path), path, "would lie in one plane")
    run = segeval("score", prediction, path, "--geometry", "resample", "--format", "json")
    assert rows(run)["x"] == (320, 320, 320)


def test_points_and_lines_have_no_area_and_an_empty_roi_is_absent(segeval: Segeval, tmp_path: Path) -> None:
    rois: list[Roi] = [
        (1, "x", HOLE), (2, "isocentre", [closed([(3, 3)], 1, kind="POINT")]),
        (3, "wire", [closed(rectangle(3, 3, 5, 5), 1, kind=kind) for kind in ("OPEN_PLANAR", "OPEN_NONPLANAR")]),
        (4, "nothing", []), (0, "first", [closed(rectangle(2, 3, 4, 5), 0)]),
        (5, "line", [closed([(1, 1), (4, 4)], 2)]),
    ]  # fmt: skip
    path = rtstruct(tmp_path / "x.dcm", rois)
    run = segeval("score", path, written(tmp_path / "r.nii.gz", np.ones(SHAPE, np.uint8)), "--format", "json")
    assert {name: pred for name, (_, pred, _) in rows(run).items()} == {"x": 88, "first": 4}
    assert run.row(6)["name"] == "first"
    assert any("first is ROI 0" in remark and "it is label 6" in remark for remark in run.remarks)
    (left_out,) = [remark for remark in run.remarks if "left out" in remark]
    assert left_out.endswith(
        "isocentre (1 POINT), wire (1 OPEN_NONPLANAR), wire (1 OPEN_PLANAR), "
        "line (1 CLOSED_PLANAR of less than 3 points)"
    )


def edited(path: Path, change: Callable[[Any], object]) -> Path:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)
    return path


def _contour(keyword: str, value: object) -> Callable[[Any], object]:
    return lambda dataset: setattr(dataset.ROIContourSequence[0].ContourSequence[1], keyword, value)


def _twice(keyword: str) -> Callable[[Any], object]:
    return lambda dataset: setattr(dataset, keyword, [dataset[keyword].value[0]] * 2)


def _other_frame(dataset: Any) -> None:
    dataset.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.2.3"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dataset: delattr(dataset, "StructureSetROISequence"), ["pydicom cannot read it"]),
        (lambda dataset: setattr(dataset, "StructureSetROISequence", []), ["describes no ROI"]),
        (_twice("StructureSetROISequence"), ["describes ROI 1 twice"]),
        (_twice("ROIContourSequence"), ["contours of ROI 1 twice"]),
        (lambda dataset: setattr(dataset.ROIContourSequence[0], "ReferencedROINumber", 9), ["ROI 9", "not described"]),
        (lambda dataset: delattr(dataset.ROIContourSequence[0], "ReferencedROINumber"), ["pydicom cannot read it"]),
        (lambda dataset: setattr(dataset.StructureSetROISequence[0], "ROINumber", -1), ["-1, which is no label"]),
        (_contour("ContourData", [1, 2, 3, 4]), ["contour 2 of ROI 1 (x) holds 4 coordinates where 4 points"]),
        (_contour("NumberOfContourPoints", 5), ["12 coordinates where 5 points"]),
        (_contour("ContourGeometricType", "CLOSED_CURVE"), ["'CLOSED_CURVE', which is unknown"]),
        (_contour("ContourData", [1e13] * 12), ["beyond 1e+12 mm"]),
        (_other_frame, ["2 frames of reference"]),
    ],
)  # fmt: skip
def test_what_no_structure_set_says_is_refused(
    segeval: Segeval, tmp_path: Path, change: Callable[[Any], object], words: list[str]
) -> None:
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", HOLE), (2, "y", HOLE)])
    reference = written(tmp_path / "r.nii.gz", np.ones(SHAPE, np.uint8))
    assert_refused(segeval("score", edited(path, change), reference), path, *words)


@pytest.mark.parametrize("number", [b"nan ", b"inf ", b"1_0 ", b"1e99", b"7 77", b"0x10", b"1,5 ", b"--2 "])
def test_coordinates_that_are_no_numbers_are_refused(segeval: Segeval, tmp_path: Path, number: bytes) -> None:
    points = in_mm(rectangle(2, 3, 9, 9), 1)
    points[0, 0] = 77777777  # which no number that pydicom draws at random holds
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", [("CLOSED_PLANAR", points)])])
    content = path.read_bytes()
    assert content.count(b"77777777") == 1
    path.write_bytes(content.replace(b"77777777", number.ljust(8)))
    reference = written(tmp_path / "r.nii.gz", np.ones(SHAPE, np.uint8))
    assert_refused(
        segeval("score", path, reference), path, "contour 1 of ROI 1 (x) has coordinates that are no numbers"
    )


def test_without_references_the_frame_of_reference_tells_the_images(segeval: Segeval, tmp_path: Path) -> None:
    images, others = series(SHAPE), series((4, 4, 2))
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", HOLE)], images)
    edited(path, lambda dataset: delattr(dataset, "ReferencedFrameOfReferenceSequence"))
    saved(images, tmp_path / "ct")
    saved(others, tmp_path / "other")
    (tmp_path / "rt").mkdir()
    path = Path(shutil.move(path, tmp_path / "rt" / "x.dcm"))
    assert segeval("inspect", path, "--format", "json").json["shape"] == list(SHAPE)
    for one in others:
        one.FrameOfReferenceUID = images[0].FrameOfReferenceUID
    saved(others, tmp_path / "other")
    assert_refused(segeval("inspect", path), path, "one of 2 series of images beside it")


def test_images_that_cannot_be_a_grid_are_named(segeval: Segeval, tmp_path: Path) -> None:
    images = series(SHAPE)
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", HOLE)], images)
    images[2].PixelSpacing = [9, 9]
    saved(images, tmp_path)
    assert_refused(segeval("inspect", path), path, "turned, sized or spaced differently")
    images[2].PixelSpacing = list(SPACING)
    del images[3]  # one that is missing is a gap
    shutil.rmtree(tmp_path)
    saved(images, tmp_path)
    rtstruct(path, [(1, "x", HOLE)], images)
    assert segeval("inspect", path, "--format", "json").json["shape"] == list(SHAPE)


def test_many_points_are_read_and_filled(tmp_path: Path) -> None:
    turns = np.linspace(0, 2 * np.pi, 120_000, endpoint=False)
    circle = closed(np.column_stack([9.9 + 5 * np.cos(turns), 7.9 + 5 * np.sin(turns)]), 2)
    path = rtstruct(tmp_path / "x.dcm", [(1, "x", [circle])], implicit=False)  # longer than a DS may be: stored as UN
    x, y = np.ogrid[: SHAPE[0], : SHAPE[1]]
    expected = np.hypot(x - 9.9, y - 7.9) < 5
    assert np.array_equal(on_grid(path)[0]["x"][:, :, 2], expected)

"""The layouts of Cityscapes, VOC, ADE20K, the Cell Tracking Challenge, 3D Slicer's scenes and DICOM studies."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from dicoms import affine_of, dicom_seg, series
from PIL import Image
from rtstructs import closed, rectangle, rtstruct, saved
from trees import Tree, nothing_left, shown

from segeval.errors import PairingError
from segeval.pairing import pair_folders

Segeval = Callable[..., Any]

# Cityscapes

FRAMES = ("frankfurt_000000_000294", "frankfurt_000001_064925", "lindau_000000_000019")


def gt_fine(tree: Tree, *more: str) -> Path:
    kinds = ("_gtFine_color.png", "_gtFine_instanceIds.png", "_gtFine_labelIds.png", "_gtFine_labelTrainIds.png")
    files = [f"val/{frame.partition('_')[0]}/{frame}{kind}" for frame in FRAMES for kind in kinds]
    return tree("gtFine", *files, *(f"val/lindau/{FRAMES[2]}_gtFine_polygons.json",), *more)


@pytest.mark.parametrize("tail", ["", "_leftImg8bit", "_pred", "_gtFine_labelIds"])
@pytest.mark.parametrize("folder", ["", "val/city/"])
def test_cityscapes_results_begin_with_city_sequence_and_frame(tree: Tree, tail: str, folder: str) -> None:
    references = gt_fine(tree)
    predictions = tree("p", *(f"{folder}{frame}{tail}.png" for frame in FRAMES))
    pairing = pair_folders(predictions, references)
    assert pairing.layout == "cityscapes"
    assert nothing_left(pairing)
    assert shown(pairing, predictions, references) == {
        frame: (f"{folder}{frame}{tail}.png", f"val/{frame.partition('_')[0]}/{frame}_gtFine_labelIds.png")
        for frame in FRAMES
    }


def test_a_second_annotation_is_paired_by_its_label_ids(tree: Tree) -> None:
    references = gt_fine(tree)
    files = [f"{frame}_gtFine_{kind}.png" for frame in FRAMES for kind in ("labelIds", "color", "instanceIds")]
    pairing = pair_folders(tree("second", *files), references, layout="cityscapes")
    assert nothing_left(pairing)
    assert all(pair.prediction and pair.prediction.name.endswith("labelIds.png") for pair in pairing.pairs)


def test_two_results_of_a_frame_are_duplicates_as_in_the_official_script(tree: Tree) -> None:
    predictions = tree("p", *(f"{frame}.png" for frame in FRAMES), f"{FRAMES[0]}_color.png")
    pairing = pair_folders(predictions, gt_fine(tree), layout="cityscapes")
    assert [sentence.partition(":")[0] for sentence in pairing.duplicates] == [FRAMES[0]]
    assert [pair.case for pair in pairing.pairs] == list(FRAMES[1:])


# Pascal VOC

PICTURES = ("2007_000033", "2007_000042", "2011_003276")


@pytest.mark.parametrize("folder", ["results/VOC2012/Segmentation/comp5_val_cls/", "SegmentationClass/", ""])
def test_voc_results_pair_with_the_class_masks_of_the_development_kit(tree: Tree, folder: str) -> None:
    kit = [f"VOC2012/{kind}/{name}.png" for kind in ("SegmentationClass", "SegmentationObject") for name in PICTURES]
    references = tree("VOCdevkit", *kit, "VOC2012/JPEGImages/2007_000033.jpg")
    predictions = tree("p", *(f"{folder}{name}.png" for name in PICTURES))
    pairing = pair_folders(predictions, references)
    assert pairing.layout == "voc"
    assert nothing_left(pairing)
    assert shown(pairing, predictions, references) == {
        name: (f"{folder}{name}.png", f"VOC2012/SegmentationClass/{name}.png") for name in PICTURES
    }


def test_the_folder_of_class_masks_itself_needs_no_layout(tree: Tree) -> None:
    references = tree("VOC2012/SegmentationClass", *(f"{name}.png" for name in PICTURES))
    flat = tree("flat", *(f"{name}.png" for name in PICTURES))
    assert pair_folders(flat, references).layout == "name"
    deep = tree("deep", *(f"Segmentation/comp6_test_cls/{name}.png" for name in PICTURES))
    pairing = pair_folders(deep, references)
    assert (pairing.layout, len(pairing.pairs), nothing_left(pairing)) == ("voc", 3, True)


# ADE20K


def test_ade20k_of_the_challenge(tree: Tree) -> None:
    names = ("ADE_val_00000001", "ADE_val_00000002")
    folders = ("annotations/validation", "annotations_instance/validation", "annotations_detectron2/validation")
    references = tree("ADEChallengeData2016", *(f"{folder}/{name}.png" for folder in folders for name in names))
    predictions = tree("p", *(f"{name}.png" for name in names))
    pairing = pair_folders(predictions, references)
    assert (pairing.layout, nothing_left(pairing)) == ("ade20k", True)
    assert shown(pairing, predictions, references) == {
        name: (f"{name}.png", f"annotations/validation/{name}.png") for name in names
    }


def test_ade20k_as_it_was_published(tree: Tree) -> None:
    folder = "images/ADE/validation/urban/street"
    files = [
        f"{folder}/ADE_val_00000001{tail}" for tail in (".jpg", "_seg.png", "_parts_1.png", "_parts_2.png", ".json")
    ]
    references = tree("ADE20K", *files, f"{folder}/ADE_val_00000001/instance_000_ADE_val_00000001.png")
    predictions = tree("p", "ADE_val_00000001_pred.png")
    pairing = pair_folders(predictions, references)
    assert (pairing.layout, nothing_left(pairing)) == ("ade20k", True)
    assert shown(pairing, predictions, references) == {
        "ADE_val_00000001": ("ADE_val_00000001_pred.png", f"{folder}/ADE_val_00000001_seg.png")
    }


# Cell Tracking Challenge


@pytest.fixture
def cells(tree: Tree) -> Path:
    """A data set of two sequences with their results; of the first, some frames were segmented by hand."""
    return tree(
        "Fluo-N2DH-SIM+",
        *(f"01/t{frame:03}.tif" for frame in range(4)),
        *(f"01_RES/mask{frame:03}.tif" for frame in range(4)),
        "01_RES/res_track.txt",
        *(f"01_GT/SEG/man_seg{frame:03}.tif" for frame in (0, 2)),
        *(f"01_GT/TRA/man_track{frame:03}.tif" for frame in range(4)),
        *(f"01_ST/SEG/man_seg{frame:03}.tif" for frame in range(4)),
        "02/t0000.tif",
        "02_RES/mask0000.tif",
        "02_GT/SEG/man_seg0000.tif",
    )


def test_cell_tracking_results_pair_with_whole_cells(cells: Path) -> None:
    pairing = pair_folders(cells, cells, layout="celltracking")
    assert shown(pairing, cells, cells) == {
        "01_t000": ("01_RES/mask000.tif", "01_GT/SEG/man_seg000.tif"),
        "01_t002": ("01_RES/mask002.tif", "01_GT/SEG/man_seg002.tif"),
        "02_t000": ("02_RES/mask0000.tif", "02_GT/SEG/man_seg0000.tif"),
    }
    assert not (pairing.missing or pairing.duplicates or pairing.ambiguous)
    assert [case for case, _ in pairing.extra] == ["01_t001", "01_t003"]


def test_cell_tracking_folders_may_be_given_themselves(cells: Path) -> None:
    expected = {f"01_t{frame:03}": (f"mask{frame:03}.tif", f"man_seg{frame:03}.tif") for frame in (0, 2)}
    for references, prefix in ((cells / "01_GT" / "SEG", ""), (cells / "01_GT", "SEG/")):
        pairing = pair_folders(cells / "01_RES", references)
        assert pairing.layout == "celltracking"
        assert shown(pairing, cells / "01_RES", references) == {
            case: (p, prefix + r) for case, (p, r) in expected.items()
        }


def test_without_whole_cells_silver_truth_and_then_markers_are_taken(tree: Tree) -> None:
    results = tree("d", "01_RES/mask000.tif", "01_RES/mask001.tif") / "01_RES"
    truths = tree(
        "silver", *(f"01_ST/SEG/man_seg00{n}.tif" for n in (0, 1)), *(f"01_GT/TRA/man_track00{n}.tif" for n in (0, 1))
    )
    assert all("01_ST" in str(pair.reference) for pair in pair_folders(results, truths).pairs)
    markers = tree("markers", *(f"01_GT/TRA/man_track00{n}.tif" for n in (0, 1)))
    pairing = pair_folders(results, markers)
    assert (len(pairing.pairs), nothing_left(pairing)) == (2, True)


def test_slices_of_volumes_are_named_and_not_compared_with_them(tree: Tree) -> None:
    root = tree("d", "01_RES/mask000.tif", "01_GT/SEG/man_seg_000_005.tif", "01_GT/SEG/man_seg_000_007.tif")
    pairing = pair_folders(root, root, layout="celltracking")
    assert not pairing.pairs
    assert "annotates one slice of a volume, as 2 files here do" in pairing.ambiguous[0]
    with pytest.raises(PairingError, match="take the slices out of the results"):
        pairing.require_complete(allow_missing=True)


def test_a_cell_tracking_folder_is_scored(segeval: Segeval, tmp_path: Path) -> None:
    labels = np.arange(48, dtype=np.uint16).reshape(6, 8) % 3
    for file in ("01_RES/mask000.tif", "01_GT/SEG/man_seg000.tif"):
        (tmp_path / file).parent.mkdir(parents=True)
        Image.fromarray(labels).save(tmp_path / file)
    run = segeval("batch", tmp_path, tmp_path, "--pairing", "celltracking", "--format", "json", "--workers", "1")
    assert run.code == 0, run.err
    (case,) = run.json["cases"]
    assert (case["case"], case["rows"][0]["tp"]) == ("01_t000", 16)


# 3D Slicer's scenes


def test_a_scene_folder_holds_one_segmentation_whatever_lies_beside_it(tree: Tree) -> None:
    beside = ("2026-11-27-Scene.mrml", "2 CT Thorax.nrrd", "Model.vtk", "Table_1.tsv", "Lung.nrrd")
    predictions = tree("p", *(f"{case}/{file}" for case in ("P1", "P2") for file in (*beside, "Segmentation.seg.nrrd")))
    references = tree("r", *(f"{case}/{file}" for case in ("P1", "P2") for file in (*beside, "Seg_1.seg.nrrd")))
    pairing = pair_folders(predictions, references)
    assert (pairing.layout, nothing_left(pairing)) == ("slicer", True)
    assert shown(pairing, predictions, references) == {
        case: (f"{case}/Segmentation.seg.nrrd", f"{case}/Seg_1.seg.nrrd") for case in ("P1", "P2")
    }
    flat = tree("flat", "P1.nii.gz", "P2.nii.gz")
    for pair in (pair_folders(flat, references), pair_folders(references, flat)):
        assert (pair.layout, len(pair.pairs), nothing_left(pair)) == ("slicer", 2, True)


def test_several_segmentations_of_a_scene_are_told_apart_by_name(tree: Tree) -> None:
    files = ("P1/liver.seg.nrrd", "P1/lungs.seg.nrrd", "P2/liver.seg.nrrd", "P2/CT.nrrd")
    predictions, references = tree("p", *files), tree("r", *files)
    pairing = pair_folders(predictions, references, layout="slicer")
    assert shown(pairing, predictions, references) == {
        "P1/liver": ("P1/liver.seg.nrrd",) * 2, "P1/lungs": ("P1/lungs.seg.nrrd",) * 2,
        "P2": ("P2/liver.seg.nrrd",) * 2,
    }  # fmt: skip


# DICOM studies

SHAPE = (8, 7, 3)
BOX = [closed(rectangle(2, 1, 6, 5), plane) for plane in range(3)]


def with_study(path: Path, study: str, **values: str) -> Path:
    dataset = pydicom.dcmread(path)
    dataset.StudyInstanceUID = study
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def studies(folder: Path, names: dict[str, str]) -> Path:
    """A structure set and, beside it, the images that it was drawn on, of each study; names: of its folders."""
    for study, name in names.items():
        images = series(SHAPE)
        for one in images:
            one.StudyInstanceUID = study
        saved(images, folder / name / "ct")
        (folder / name / "rt").mkdir()
        rtstruct(folder / name / "rt" / "1-1.dcm", [(1, "liver", BOX)], images)
    return folder


def test_dicom_folders_pair_by_study_and_are_scored(segeval: Segeval, tmp_path: Path) -> None:
    references = studies(tmp_path / "r", {"1.2.3.4": "patient A", "1.2.3.5": "patient B"})
    masks = np.zeros((*SHAPE, 1), np.bool_)
    masks[2:6, 1:5] = True
    masks[:, :, 0] = False
    predictions = tmp_path / "p"
    predictions.mkdir()
    for name, study in (("x", "1.2.3.4"), ("y", "1.2.3.5")):
        with_study(dicom_seg(predictions / f"{name}.dcm", masks, ["Liver"]), study)
    pairing = pair_folders(predictions, references)
    assert (pairing.layout, nothing_left(pairing)) == ("dicom", True)
    assert shown(pairing, predictions, references) == {
        "1.2.3.4": ("x.dcm", "patient A/rt/1-1.dcm"), "1.2.3.5": ("y.dcm", "patient B/rt/1-1.dcm")
    }  # fmt: skip
    run = segeval("batch", predictions, references, "--format", "json", "--workers", "1")
    assert run.code == 0, run.err
    for case in run.json["cases"]:
        assert (case["rows"][0]["tp"], case["rows"][0]["fn"], case["rows"][0]["tn"]) == (32, 16, 120)


def test_a_volume_called_after_its_study_pairs_too(tmp_path: Path) -> None:
    references = studies(tmp_path / "r", {"1.2.3.4": "a", "1.2.3.5": "b"})
    predictions = tmp_path / "p"
    predictions.mkdir()
    for study in ("1.2.3.4", "1.2.3.5"):
        nibabel.save(nibabel.Nifti1Image(np.ones(SHAPE, np.uint8), affine_of()), predictions / f"{study}.nii.gz")
    pairing = pair_folders(predictions, references)
    assert (pairing.layout, len(pairing.pairs), nothing_left(pairing)) == ("dicom", 2, True)


def test_several_of_a_study_are_told_apart_by_the_series_that_they_refer_to(tmp_path: Path) -> None:
    folders = tmp_path / "p", tmp_path / "r"
    early, late = series(SHAPE), series(SHAPE)
    for folder in folders:
        folder.mkdir()
        for name, images in (("one", early), ("two", late)):
            file = rtstruct(folder / f"{folder.name}-{name}.dcm", [(1, "liver", BOX)], images)
            with_study(file, "1.2.3.4")
    pairing = pair_folders(*folders)
    assert (pairing.layout, nothing_left(pairing)) == ("dicom", True)
    assert shown(pairing, *folders) == {
        f"1.2.3.4/{images[0].SeriesInstanceUID}": (f"p-{name}.dcm", f"r-{name}.dcm")
        for name, images in (("one", early), ("two", late))
    }
    with_study(rtstruct(folders[1] / "again.dcm", [(1, "liver", BOX)], early), "1.2.3.4")
    (sentence,) = pair_folders(*folders, layout="dicom").duplicates
    assert "the references hold again.dcm and r-one.dcm" in sentence


def test_damaged_dicom_and_images_are_no_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    references = studies(tmp_path / "r", {"1.2.3.4": "a", "1.2.3.5": "b"})
    (references / "a" / "rt" / "cut.dcm").write_bytes((references / "a" / "rt" / "1-1.dcm").read_bytes()[:180])
    (references / "a" / "rt" / "none.dcm").write_text("nothing")
    predictions = studies(tmp_path / "p", {"1.2.3.4": "c", "1.2.3.5": "d"})
    pairing = pair_folders(predictions, references)
    assert (pairing.layout, len(pairing.pairs), nothing_left(pairing)) == ("dicom", 2, True)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(PairingError, match=r"segeval-cli\[dicom\]"):
        pair_folders(predictions, references, layout="dicom").require_complete(allow_missing=True)


def test_dicom_of_equal_names_pairs_by_name_as_ever(segeval: Segeval, tmp_path: Path) -> None:
    for side in ("p", "r"):
        (tmp_path / side).mkdir()
        for name in ("a", "b"):
            rtstruct(tmp_path / side / f"{name}.dcm", [(1, "liver", BOX)])
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--dry-run")
    assert run.code == 0, run.err
    assert "layout      name" in run.out

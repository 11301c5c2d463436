"""What a picture is made of: probability maps, folders of masks, scans on other grids; and files that are gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from niftis import written
from svgs import layer, scan_of

from segeval.cases.case import score_files
from segeval.pictures.drawing import pictures_of
from segeval.pictures.figures import standing_alone, write_figure
from segeval.readers import Input
from segeval.results.pictures import LabelPictures
from segeval.results.report import CaseResult
from segeval.settings import settings_of
from segeval.settings.reading import settings_of_document

SAMPLE = Path(__file__).parents[2] / "sample_data"
REFERENCE = SAMPLE / "reference.nii.gz"


def shown(
    prediction: Path | None, reference: Path, wanted: list[Any], image: Path | None = None, **options: Any
) -> list[LabelPictures]:
    settings = settings_of({"metrics": "dice", **options})
    case = score_files(prediction and Input(prediction), Input(reference), settings).result
    return pictures_of(case, wanted, settings, image)


def drawn(pictures: list[LabelPictures]) -> list[Any]:
    return [
        [view.place, *(layer(view.svg, name)[0].get("d") for name in ("reference", "prediction", "false-positive"))]
        for each in pictures
        for view in each.slices
    ]


def test_a_probability_map_is_shown_by_its_hard_decision(tmp_path: Path) -> None:
    image = nibabel.load(SAMPLE / "prediction_softmax.nii.gz")
    array = np.asarray(image.dataobj)
    hard = written(tmp_path / "hard.nii.gz", array.argmax(axis=-1).astype(np.uint8), image.affine)
    labels = [1, 4, "two"]
    softly = shown(SAMPLE / "prediction_softmax.nii.gz", REFERENCE, labels, regions={"two": [2, 3]})
    assert drawn(softly) == drawn(shown(hard, REFERENCE, labels, regions={"two": [2, 3]}))
    assert len(drawn(softly)) == 9
    single = written(tmp_path / "single.nii.gz", array[..., 4], image.affine)
    above = written(tmp_path / "above.nii.gz", np.where(array[..., 4] >= 0.3, 4, 0).astype(np.uint8), image.affine)
    four = written(
        tmp_path / "four.nii.gz",
        np.where(np.asarray(nibabel.load(REFERENCE).dataobj) == 4, 4, 0).astype(np.uint8),
        image.affine,
    )
    assert drawn(shown(single, four, [4], threshold=0.3)) == drawn(shown(above, four, [4]))


def test_independent_channels_are_shown_target_by_target(tmp_path: Path) -> None:
    """As label maps of each target alone are; channels of one target overlap."""
    image = nibabel.load(SAMPLE / "prediction_softmax.nii.gz")
    above = np.asarray(image.dataobj) >= 0.2
    regions = {"two": [2, 3]}
    softly = shown(
        SAMPLE / "prediction_softmax.nii.gz",
        REFERENCE,
        [1, "two"],
        channels="independent",
        threshold=0.2,
        regions=regions,
    )
    reference = np.asarray(nibabel.load(REFERENCE).dataobj)
    hard = []
    for values in ([1], [2, 3]):
        mask = written(tmp_path / "mask.nii.gz", above[..., values].any(axis=-1).astype(np.uint8), image.affine)
        truth = written(tmp_path / "truth.nii.gz", np.isin(reference, values).astype(np.uint8), image.affine)
        hard += drawn(shown(mask, truth, [1]))
    assert drawn(softly) == hard
    assert [each.remarks for each in softly] == [(), ()]


def test_folders_of_overlapping_masks(tmp_path: Path) -> None:
    """A voxel of two masks belongs to both."""
    a, b = np.zeros((2, 12, 10, 8), np.uint8)
    a[2:8, 2:8, 2:6] = 1
    b[5:10, 3:9, 2:6] = 1
    for side in "pr":
        (tmp_path / side).mkdir()
        written(tmp_path / side / "a.nii.gz", a, np.eye(4))
        written(tmp_path / side / "b.nii.gz", b, np.eye(4))
    wrong = b.copy()
    wrong[5:7, 4, 3] = 0
    written(tmp_path / "p" / "b.nii.gz", wrong, np.eye(4))
    first, second = shown(tmp_path / "p", tmp_path / "r", [1, 2])
    assert (first.name, second.name) == ("a", "b")
    assert "36 voxels in the reference, 36 in the prediction, 0 false positive" in first.slices[0].description
    assert second.slices[0].place.startswith("slice 4 of 8")
    assert (
        "30 voxels in the reference, 28 in the prediction, 0 false positive, 2 false neg"
        in second.slices[0].description
    )


def test_ignored_voxels_are_no_error(tmp_path: Path) -> None:
    reference = np.zeros((8, 8, 8), np.uint8)
    reference[2:5, 2:5, 2:5] = 1
    reference[5, 2:5, 2:5] = 255
    prediction = np.where(reference, 1, 0).astype(np.uint8)
    prediction[3, 3, 6] = 1
    paths = [written(tmp_path / f"{n}.nii", a, np.eye(4)) for n, a in (("p", prediction), ("r", reference))]
    (found,) = shown(*paths, [1], ignore_label=255)
    assert found.slices[0].place.startswith("slice 7 of 8")
    assert "1 false positive, 0 false negative" in found.slices[1].description
    assert sum(found.profiles[0].false_positive) == 1


def test_an_empty_prediction() -> None:
    (found,) = shown(None, REFERENCE, [2])
    assert all("0 in the prediction, 0 false positive" in view.description for view in found.slices)
    assert len(found.slices) == 3


def test_a_scan_on_another_grid(tmp_path: Path) -> None:
    """Strictly it is not drawn, and a remark says why; resampled it is: every voxel by its place in space."""
    image = nibabel.load(REFERENCE)
    affine = image.affine.copy()
    affine[:3, :3] *= 2
    shape = [n // 2 for n in image.shape]
    places = np.indices(shape)[2].astype(np.float32)  # grows along the third axis
    scan = written(tmp_path / "scan.nii.gz", places, affine)
    (strict,) = shown(SAMPLE / "prediction.nii.gz", REFERENCE, [1], scan)
    assert "the scan is not drawn" in strict.remarks[0]
    assert "different grids" in strict.remarks[0]
    assert layer(strict.slices[0].svg, "image") is None
    (resampled,) = shown(SAMPLE / "prediction.nii.gz", REFERENCE, [1], scan, geometry="resample")
    assert not any("not drawn" in remark for remark in resampled.remarks)
    _, coronal, _ = resampled.slices
    grey = scan_of(coronal.svg).astype(int)
    assert (np.abs(np.diff(grey.mean(axis=1))) > 0).sum() > 10
    (gone,) = shown(SAMPLE / "prediction.nii.gz", REFERENCE, [1], tmp_path / "none.nii.gz")
    assert len(gone.slices) == 3
    assert "the scan is not drawn" in gone.remarks[0]


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("damage", ["gone", "changed", "cut"])
def test_files_that_are_not_as_they_were_cost_the_picture(tmp_path: Path, damage: str, hashed: bool) -> None:
    mine = tmp_path / "p.nii.gz"
    shutil.copyfile(SAMPLE / "prediction.nii.gz", mine)
    settings = settings_of({"metrics": "dice", "hash": hashed})
    case = score_files(Input(mine), Input(REFERENCE), settings).result
    if damage == "gone":
        mine.unlink()
    elif damage == "cut":
        mine.write_bytes(mine.read_bytes()[:-100])
    else:
        image = nibabel.load(SAMPLE / "prediction.nii.gz")
        array = np.asarray(image.dataobj).copy()
        array[0, 0, 0] = 4
        written(mine, array, image.affine)
    first, second = pictures_of(case, [1, 2], settings)
    assert first.slices == second.slices == ()
    assert first.remarks[0].startswith("no picture: ")
    assert (first.label, second.label) == (1, 2)


def test_labels_that_are_nowhere_say_so() -> None:
    nowhere, unknown = shown(SAMPLE / "prediction.nii.gz", REFERENCE, [9, 77], labels=[1, 9])
    assert nowhere.remarks == ("no picture: the label is in neither volume",)
    assert unknown.remarks == ("no picture: the case has no such label",)


def test_a_name_is_text() -> None:
    evil = '<script>"&\u202e\x00'
    (found,) = shown(SAMPLE / "prediction.nii.gz", REFERENCE, [1], labels={evil: 1})
    for view in found.slices:
        assert "<script" not in view.svg
        assert layer(view.svg, "reference") is not None  # well-formed
        assert "\x00" not in view.svg


def test_figures(tmp_path: Path) -> None:
    """A file stands alone; the PNG has the colours, the PDF is one."""
    vl_convert = pytest.importorskip("vl_convert")
    assert vl_convert is not None
    from PIL import Image

    (found,) = shown(SAMPLE / "prediction.nii.gz", REFERENCE, [5])
    svg = found.slices[0].svg
    for ending in ("svg", "png", "pdf"):
        write_figure(svg, tmp_path / f"figure.{ending}")
    alone = (tmp_path / "figure.svg").read_text()
    assert "var(" not in alone
    assert "currentColor" not in alone
    assert standing_alone(svg) + "\n" == alone
    pixels = np.asarray(Image.open(tmp_path / "figure.png").convert("RGB")).reshape(-1, 3)
    assert tuple(pixels[0]) == (255, 255, 255)
    missed = np.rint(0.6 * np.array([255, 255, 255]) + 0.4 * np.array([0x00, 0x72, 0xB2]))
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), missed):
        assert (np.abs(pixels - np.asarray(colour)).max(axis=1) <= 2).any()
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("regions_only", [False, True])
def test_channels_that_a_label_file_names_are_known_from_the_stored_report(tmp_path: Path, regions_only: bool) -> None:
    """Three channels of the labels 0, 2 and 5; or two of the regions of an nnU-Net file."""
    image = nibabel.load(SAMPLE / "prediction_softmax.nii.gz")
    array = np.asarray(image.dataobj)[..., [0, 2, 5]]
    file = tmp_path / "dataset.json"
    if regions_only:
        array = array[..., 1:]
        file.write_text(
            json.dumps({"labels": {"background": 0, "both": [2, 5], "five": [5]}, "regions_class_order": [2, 5]})
        )
    else:
        array[..., 0] = 1 - array[..., 1:].sum(axis=-1)
        file.write_text(json.dumps({"liver": 2, "tumour": 5}))
    settings = settings_of({"metrics": "dice", "labels": str(file), "threshold": 0.3})
    case = score_files(Input(written(tmp_path / "p.nii.gz", array, image.affine)), Input(REFERENCE), settings).result
    labels = ["both", "five"] if regions_only else [2, 5]
    read = CaseResult.from_document(case.document())
    found = pictures_of(read, labels, settings_of_document(settings.document()))
    assert [len(each.slices) for each in found] == [3, 3]
    assert found == pictures_of(case, labels, settings)

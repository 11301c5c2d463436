"""Planted errors are found where they were planted, on the side where the affine puts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from niftis import written
from numpy.typing import NDArray
from svgs import box_of, layer, marks, scan_of

from segeval.cases.case import score_files
from segeval.pictures.drawing import pictures_of
from segeval.pictures.scans import range_of
from segeval.readers import Input
from segeval.results.pictures import LAYERS, LabelPictures
from segeval.results.report import CaseResult
from segeval.settings import settings_of
from segeval.settings.reading import settings_of_document

SHAPE, SPACING = (40, 32, 24), (0.8, 1.5, 3.0)
LABEL = (slice(14, 26), slice(10, 20), slice(8, 16))  # in RAS
# 3 × 2 × 4 voxels that only the prediction has: to the patient's right of the label, in front, and low in it
PLANTED = (slice(26, 29), slice(17, 19), slice(9, 13))
# one voxel that only the reference has: at the patient's left, at the back, on top
MISSED = (slice(14, 15), slice(10, 11), slice(15, 16))


def volumes() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Prediction, reference and scan, stored as RAS; the scan is brighter to the left, in front and on top."""
    reference = np.zeros(SHAPE, np.uint8)
    reference[LABEL] = 3
    prediction = reference.copy()
    prediction[PLANTED], prediction[MISSED] = 3, 0
    x, y, z = np.indices(SHAPE)
    return prediction, reference, (300 - 3 * x + 2 * y + 2 * z).astype(np.int16)


def affine_turned(degrees: float) -> NDArray[np.float64]:
    angle = np.deg2rad(degrees)
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine: NDArray[np.float64] = turned @ np.diag([*SPACING, 1])
    affine[:3, 3] = (-10, 20, 30)
    return affine


def stored(folder: Path, code: str, turn: float = 0.0, names: tuple[str, ...] = ("p", "r", "scan")) -> list[Path]:
    """The volumes on one grid in space, their axes stored in another order or direction."""
    paths = []
    for name, array in zip(names, volumes(), strict=True):
        image = nibabel.Nifti1Image(array, affine_turned(turn))
        other = image.as_reoriented(ornt_transform(io_orientation(image.affine), axcodes2ornt(code)))
        paths.append(written(folder / f"{name}.nii.gz", np.asarray(other.dataobj), other.affine))
    return paths


def scored(prediction: Path | None, reference: Path, **options: Any) -> tuple[CaseResult, Any]:
    settings = settings_of({"metrics": "dice", **options})
    return score_files(Input(prediction), Input(reference), settings).result, settings


def shown(
    prediction: Path, reference: Path, label: Any = 3, image: Path | None = None, **options: Any
) -> LabelPictures:
    case, settings = scored(prediction, reference, **options)
    (found,) = pictures_of(case, [label], settings, image)
    return found


@pytest.mark.parametrize("turn", [0.0, 25.0])
@pytest.mark.parametrize("code", ["RAS", "LPS", "LAI", "PIR", "SAL", "IRP"])
def test_a_planted_error_is_shown_on_its_slice_and_side(tmp_path: Path, code: str, turn: float) -> None:
    prediction, reference, scan = stored(tmp_path, code, turn)
    found = shown(prediction, reference, image=scan)
    assert found.remarks == ()
    assert [view.plane for view in found.slices] == ["axial", "coronal", "sagittal"]
    axial, coronal, sagittal = found.slices
    # the first stored slice with 2 × 3, 4 × 3 and 4 × 2 planted voxels, or the last where the axis is stored backwards
    for view, ends, n, span in (
        (axial, "SI", 24, PLANTED[2]),
        (coronal, "AP", 32, PLANTED[1]),
        (sagittal, "RL", 40, PLANTED[0]),
    ):
        first = span.start if ends[0] in code else n - span.stop
        assert view.place.startswith(f"slice {first + 1} of {n}, ")
        axis = "RAS".index(ends[0] if ends[0] in "RAS" else ends[1])
        index = np.array([(n - 1) / 2 for n in SHAPE])
        index[axis] = span.start if ends[0] in code else span.stop - 1
        centre = affine_turned(turn)[axis] @ [*index, 1]
        assert view.place.endswith(f", {round(centre, 1) + 0.0:.1f} mm")
    assert "6 false positive, 0 false negative" in axial.description
    assert "12 false positive, 0 false negative" in coronal.description
    assert "8 false positive, 0 false negative" in sagittal.description
    # in mm, from the upper left corner of the reference: the patient's right is on the left, his front and head on top
    for view, size, offset in (
        (axial, (3 * 0.8, 2 * 1.5), (-3 * 0.8, 1 * 1.5)),
        (coronal, (3 * 0.8, 4 * 3.0), (-3 * 0.8, 3 * 3.0)),
        (sagittal, (2 * 1.5, 4 * 3.0), None),
    ):
        left, top, right, bottom = box_of(view.svg, "false-positive")
        assert (right - left, bottom - top) == pytest.approx(size, abs=0.02)
        if offset is not None:
            reference_left, reference_top, *_ = box_of(view.svg, "reference")
            assert (left - reference_left, top - reference_top) == pytest.approx(offset, abs=0.02)


@pytest.mark.parametrize("code", ["RAS", "PIR", "LPS", "SAL"])
def test_the_scan_and_the_letters_lie_the_same_way(tmp_path: Path, code: str) -> None:
    """The scan is brightest at the patient's left, in front and at the head."""
    prediction, reference, scan = stored(tmp_path, code)
    for view, sides in zip(shown(prediction, reference, image=scan).slices, ("RLAP", "RLSI", "APSI"), strict=True):
        grey = scan_of(view.svg).astype(int)
        bright, dark = (0, -1) if sides.startswith("A") else (-1, 0)
        assert (grey[:, bright] > grey[:, dark]).mean() > 0.9
        assert grey[0].sum() > grey[-1].sum()
        (left, x_left, _), (right, x_right, _), (top, _, y_top), (bottom, _, y_bottom), (bar, *_) = marks(view.svg)
        assert left + right + top + bottom == sides
        assert x_left < x_right
        assert y_top < y_bottom
        assert bar.endswith(" mm")


def test_storage_changes_nothing_that_is_drawn(tmp_path: Path) -> None:
    """nibabel's own turning to RAS is the oracle of every path."""
    drawn = []
    for code in ("RAS", "LPI", "IRP"):
        folder = tmp_path / code
        folder.mkdir()
        # without the runs of equal slices, of which the first stored one is shown
        prediction, reference, _ = stored(folder, code)
        image = nibabel.load(prediction)
        array = np.asarray(nibabel.as_closest_canonical(image).dataobj).copy()
        array[26, 18, 12] = array[27, 18, 12] = array[26, 19, 12] = array[26, 18, 13] = 3
        array[26:29, 12, 12] = array[26, 10:12, 12] = array[26, 18, 13:20] = 3
        back = nibabel.Nifti1Image(array, affine_turned(0))
        other = back.as_reoriented(ornt_transform(io_orientation(back.affine), axcodes2ornt(code)))
        written(prediction, np.asarray(other.dataobj), other.affine)
        views = shown(prediction, reference).slices
        drawn.append(
            [
                layer(view.svg, name)[0].get("d")
                for view in views
                for name in ("reference", "prediction", "false-positive")
            ]
        )
    assert drawn[0] == drawn[1] == drawn[2]


def test_profiles_and_their_sentences(tmp_path: Path) -> None:
    """24 planted voxels in axial slices 9 to 12, and one missed in 15: 6 of 25 a slice."""
    prediction, reference, _ = stored(tmp_path, "RAS")
    axial, coronal, sagittal = shown(prediction, reference).profiles
    assert axial.sentence == "slices 10–13 of 24 hold 96 % of the error"
    assert coronal.sentence == "slices 18–19 of 32 hold 96 % of the error"
    assert sagittal.sentence == "slices 27–29 of 40 hold 96 % of the error"
    assert {place: n for place, n in enumerate(axial.false_positive) if n} == {9: 6, 10: 6, 11: 6, 12: 6}
    assert {place: n for place, n in enumerate(axial.false_negative) if n} == {15: 1}
    assert len(axial.false_positive) == len(axial.false_negative) == 24


def test_layers_are_groups_from_back_to_front(tmp_path: Path) -> None:
    prediction, reference, scan = stored(tmp_path, "RAS")
    svg = shown(prediction, reference, image=scan).slices[0].svg
    places = [svg.find(f'<g class="layer-{name}"') for name in LAYERS if name != "distance"]
    assert -1 not in places
    assert places == sorted(places)
    assert "stroke-dasharray" in svg[places[4] : places[5]]
    assert "stroke-dasharray" not in svg[places[3] : places[4]]
    assert "style" not in svg  # a page's policy may forbid it
    assert len(svg) < 30_000


def test_a_label_without_errors_is_shown_where_most_of_it_is(tmp_path: Path) -> None:
    _, array, _ = volumes()
    array[20, 15, 20] = 3
    array[14, 10, 12] = 3
    array[15:20, 9, 12] = 3  # most of it in slice 12
    paths = [written(tmp_path / f"{name}.nii.gz", array, affine_turned(0)) for name in "pr"]
    found = shown(*paths)
    assert found.slices[0].place.startswith("slice 13 of 24")
    assert {each.sentence for each in found.profiles} == {"no error"}
    assert layer(found.slices[0].svg, "false-positive")[0].get("d") == ""


def test_a_picture_of_two_axes(tmp_path: Path) -> None:
    """A PNG is shown as it lies: the planted error in its lower right."""
    from PIL import Image

    reference = np.zeros((60, 80), np.uint8)  # rows, columns
    reference[20:40, 10:30] = 255
    prediction = reference.copy()
    prediction[40:44, 50:57] = 255
    for name, array in (("p", prediction), ("r", reference)):
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    (view,) = shown(tmp_path / "p.png", tmp_path / "r.png", 255).slices
    assert (view.plane, view.place) == ("picture", "80 × 60 pixels")
    left, top, right, bottom = box_of(view.svg, "false-positive")
    reference_left, reference_top, *_ = box_of(view.svg, "reference")
    assert (left - reference_left, top - reference_top, right - left, bottom - top) == (40, 20, 7, 4)
    assert [text for text, *_ in marks(view.svg)] != []


@pytest.mark.parametrize("kept", [0.0, 2.0, None])
def test_the_range_of_grey(kept: float | None) -> None:
    values = np.arange(101.0)
    if kept is None:
        assert range_of((40, 400), [values]) == (-160, 240)
    else:
        assert range_of(None, [values + kept, np.array([np.nan])]) == (1 + kept, 99 + kept)


def test_settings_of_a_stored_report_do_as_well(tmp_path: Path) -> None:
    prediction, reference, _ = stored(tmp_path, "RAS")
    case, settings = scored(prediction, reference, labels={"liver": 3}, regions={"any": "*"}, ignore_label=9)
    again = settings_of_document(settings.document())
    read = CaseResult.from_document(case.document())
    assert pictures_of(read, [3, "any"], again) == pictures_of(case, [3, "any"], settings)
    assert pictures_of(read, [3], again)[0].name == "liver"

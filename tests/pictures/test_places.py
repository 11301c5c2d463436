"""Which slices are shown, and the words for where the errors are."""

from __future__ import annotations

import re

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segeval.pictures.places import error_profile, place_of, worst_slice
from segeval.pictures.planes import views_of
from segeval.tallies.profiles import AxisProfile, TargetProfile
from segeval.volumes.geometry import Geometry

SIDES = ("LR", "PA", "IS")
CODES = ("RAS", "LPS", "LAI", "PIR", "SAL", "ASR", "IRP")


def affine_of(code: str, spacing: tuple[float, ...] = (0.8, 1.5, 3.0), turn: float = 0.0) -> np.ndarray:
    """Of stored axes that point to these sides, turned by degrees around the third axis of RAS."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for stored, letter in enumerate(code):
        anatomical = next(axis for axis, ends in enumerate(SIDES) if letter in ends)
        affine[anatomical, stored] = spacing[stored] * (1 if letter in "RAS" else -1)
    angle = np.deg2rad(turn)
    turned = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine[:3, :3] = turned @ affine[:3, :3]
    affine[:3, 3] = (-20, 30, 7)
    return affine


@pytest.mark.parametrize("turn", [0.0, 25.0, -40.0])
@pytest.mark.parametrize("code", CODES)
def test_planes_lie_across_the_closest_axes(code: str, turn: float) -> None:
    affine = affine_of(code, turn=turn)
    assert "".join(nibabel.aff2axcodes(affine)) == code
    views = views_of(Geometry((4, 5, 6), affine, oriented=True), (4, 5, 6))
    assert [view.plane for view in views] == ["axial", "coronal", "sagittal"]
    assert [view.marks for view in views] == ["RLAP", "RLSI", "APSI"]
    for view, ends in zip(views, ("IS", "PA", "LR"), strict=True):
        assert code[view.across] in ends
        left, right, top, bottom = view.marks
        assert code[view.columns] in (left, right)
        assert code[view.rows] in (top, bottom)
        # an axis that points to the left side of the picture is shown from its end
        assert view.flipped == (code[view.columns] == left, code[view.rows] == top)
        assert view.pixel_mm == pytest.approx(((0.8, 1.5, 3.0)[view.columns], (0.8, 1.5, 3.0)[view.rows]))


def test_a_volume_of_one_slice_is_shown_across_it() -> None:
    views = views_of(Geometry((4, 1, 6), affine_of("RAS"), oriented=True), (4, 1, 6))
    assert [view.plane for view in views] == ["coronal"]
    assert views_of(None, (4, 5)) == views_of(Geometry((4, 5), np.eye(4), oriented=False), (4, 5))
    assert [(view.plane, view.across, view.flipped, view.marks) for view in views_of(None, (4, 5))] == [
        ("picture", 2, (False, False), "")
    ]
    assert [view.plane for view in views_of(None, (4, 5, 6))] == ["picture"] * 3
    assert views_of(None, (4, 5, 6, 2)) == views_of(None, (4,)) == views_of(None, (1, 1, 4)) == ()


def profile(*fp: list[int]) -> TargetProfile:
    zeros = [np.zeros(len(each), np.int64) for each in fp]
    return TargetProfile(
        1, tuple(AxisProfile(tp=z, fp=np.array(each), fn=z) for z, each in zip(zeros, fp, strict=True))
    )


def test_the_worst_slice_is_the_first_with_most_errors() -> None:
    views = views_of(Geometry((3, 3, 3), affine_of("RAS"), oriented=True), (3, 3, 3))
    assert [worst_slice(profile([0, 2, 0], [1, 0, 1], [0, 0, 2]), view) for view in views] == [2, 0, 1]
    assert [worst_slice(profile([0, 0, 0], [0, 0, 0], [0, 0, 0]), view) for view in views] == [None] * 3


def test_a_place_in_words() -> None:
    """Slice 5 of 6 along an axis that points down, 3 mm apart: 7 − 4 · 3 mm."""
    shape = (4, 5, 6)
    geometry = Geometry(shape, affine_of("RAI"), oriented=True)
    axial, coronal, _ = views_of(geometry, shape)
    assert place_of(4, axial, shape, geometry) == "slice 5 of 6, -5.0 mm"
    assert place_of(0, coronal, shape, geometry) == "slice 1 of 5, 30.0 mm"
    (picture,) = views_of(None, (4, 5))
    assert place_of(0, picture, (4, 5), None) == "4 × 5 pixels"
    assert place_of(2, views_of(None, shape)[0], shape, None) == "slice 3 of 4"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12))
def test_the_sentence_names_the_fewest_slices(errors: list[int]) -> None:
    (view,) = views_of(None, (2, 2))
    axis = AxisProfile(tp=np.zeros(len(errors), np.int64), fp=np.array(errors), fn=np.zeros(len(errors), np.int64))
    sentence = error_profile(axis, view).sentence
    if not sum(errors):
        assert sentence == "no error"
        return
    windows = [
        (stop - start, start, stop)
        for start in range(len(errors))
        for stop in range(start + 1, len(errors) + 1)
        if sum(errors[start:stop]) * 5 >= sum(errors) * 4
    ]
    length, start, stop = min(windows)
    numbers = list(map(int, re.findall(r"\d+", sentence)))
    share = 100 * sum(errors[start:stop]) // sum(errors)
    assert numbers == ([stop, len(errors), share] if length == 1 else [start + 1, stop, len(errors), share])

"""Where the largest distance lies: by hand, and as long as the Hausdorff distance of the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segeval
from segeval.pictures.drawing import pictures_of
from segeval.pictures.rereading import count
from segeval.settings import settings_of

SAMPLE = Path(__file__).parents[2] / "sample_data"
PAIR = (SAMPLE / "prediction.nii.gz", SAMPLE / "reference.nii.gz")


def test_every_label_of_the_sample_data_is_as_far_as_the_hausdorff_distance() -> None:
    asked = {"metrics": "hd", "regions": {"both": "1+5"}}
    (case,) = segeval.evaluate(*PAIR, metrics="hd", regions={"both": "1+5"}).cases
    labels = [row.label for row in case.rows if row.label not in ("mean", "all")]
    found = count(case, settings_of(asked), labels).farthest
    expected = {row.label: row.values["hd"] for row in case.rows if row.label in labels}
    assert {label: place.distance_mm for label, place in found.items()} == pytest.approx(expected, rel=1e-12)
    for place in found.values():
        ends = np.array([place.start, place.end]) * (3.0, 3.0, 4.0)
        assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(place.distance_mm)


@pytest.fixture
def pair(nifti: Callable[..., Path]) -> tuple[Path, Path]:
    """Voxels of 1, 2 and 4 mm; a block, and an outlier of the prediction four voxels along y, in the same slice."""
    reference = np.zeros((20, 20, 12), np.uint8)
    reference[6:10, 6:10, 4:8] = 1
    prediction = reference.copy()
    prediction[7, 13, 5] = 1
    affine = np.diag([1.0, 2.0, 4.0, 1.0])
    return nifti("p.nii", prediction, affine), nifti("r.nii", reference, affine)


def marks(svg: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([^"]*)" cy="([^"]*)"', svg)]


def group(svg: str) -> str:
    (found,) = re.findall(r'<g class="layer-distance".*?</g>', svg)
    return str(found)


def test_by_hand(pair: tuple[Path, Path]) -> None:
    """From the outlier at y = 13 to the block's face at y = 9: four voxels of 2 mm."""
    settings = settings_of({"metrics": "dice,hd"})
    report = segeval.evaluate(*pair, metrics="dice,hd")
    place = count(report.cases[0], settings, [1]).farthest[1]
    assert (place.start, place.end, place.distance_mm) == ((7, 13, 5), (7, 9, 5), 8.0)
    (pictures,) = pictures_of(report.cases[0], [1], settings)
    axial, coronal, sagittal = pictures.slices
    assert axial.description.endswith("; the largest distance between the boundaries is 8.0 mm")
    (x, y), (to_x, to_y) = marks(axial.svg)  # the front is up: the outlier above the block
    assert (x, to_y - y) == (to_x, pytest.approx(8.0, abs=1e-3))
    assert "stroke-dasharray" not in group(axial.svg)
    # The coronal slice is that of the outlier, y = 13: both ends fall on one place, one of them beside the slice.
    assert marks(coronal.svg)[0] == marks(coronal.svg)[1]
    assert "stroke-dasharray" in group(coronal.svg)
    (x, y), (to_x, to_y) = marks(sagittal.svg)  # the front is on the left
    assert (to_x - x, y) == (pytest.approx(8.0, abs=1e-3), to_y)


@pytest.mark.parametrize("metrics", ["dice", "dice,instances"])
def test_where_no_distance_was_measured_none_is_marked(metrics: str, pair: tuple[Path, Path]) -> None:
    report = segeval.evaluate(*pair, metrics=metrics)
    (pictures,) = pictures_of(report.cases[0], [1], settings_of({"metrics": metrics}))
    assert not any("layer-distance" in view.svg for view in pictures.slices)


def test_a_label_that_one_volume_lacks_has_no_place(nifti: Callable[..., Path]) -> None:
    some = np.zeros((8, 8, 8), np.uint8)
    some[2:5, 2:5, 2:5] = 1
    files: Any = nifti("p.nii", np.zeros_like(some)), nifti("r.nii", some)
    for pair in (files, (files[1], files[1])):  # and boundaries that agree have none
        report = segeval.evaluate(*pair, metrics="hd")
        assert count(report.cases[0], settings_of({"metrics": "hd"}), [1]).farthest == {}

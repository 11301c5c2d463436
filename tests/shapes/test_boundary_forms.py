"""What counts as a boundary: neighbours across corners, and none where the image ends; by hand and against SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from masks import mask_pairs
from scipy.ndimage import binary_erosion, generate_binary_structure
from scipy.spatial import KDTree

from segeval import evaluate_arrays

Array = np.ndarray[Any, Any]
PAIRS = mask_pairs(st.integers(2, 7), [0.2, 0.5, 0.9, 0.98], st.sampled_from([0.5, 1.0, 3.0]))
WAYS = [("volume", "mask"), ("edges", "background"), ("edges", "mask"), ("corners", "background"), ("corners", "mask")]
RANKS = {"volume": 1, "edges": 2, "corners": 3}
FORMS = st.sampled_from(WAYS)


def found(prediction: Array, reference: Array, spacing: tuple[float, ...], metrics: str, **more: Any) -> dict[str, Any]:
    report = evaluate_arrays(
        prediction.astype(np.uint8), reference.astype(np.uint8), metrics=metrics, spacing=spacing, **more
    )
    return dict(report.cases[0].rows[0].values)


def by_erosion(masks: tuple[Array, Array], spacing: tuple[float, ...], form: tuple[str, str]) -> list[Array]:
    """The distances of both boundaries, which an erosion takes away."""
    neighbours = generate_binary_structure(masks[0].ndim, min(masks[0].ndim, RANKS[form[0]]))
    points = [
        np.argwhere(mask & ~binary_erosion(mask, neighbours, border_value=form[1] == "mask")) * spacing
        for mask in (mask.astype(bool) for mask in masks)
    ]
    return [KDTree(other).query(own)[0] if len(other) else np.empty(0) for own, other in (points, points[::-1])]


def test_by_hand() -> None:
    """A square of 3 by 3 voxels, one of whose corners is missed, at the side of an image; voxels of 1 by 2 mm.

    At corners the middle voxel is boundary in the prediction, as its corner neighbour is missed; and the row at the
    image's side is none where the mask goes on beyond it.
    """
    reference, prediction = np.zeros((4, 5)), np.zeros((4, 5))
    reference[0:3, 1:4] = prediction[0:3, 1:4] = 1
    prediction[2, 3] = 0
    metrics = "assd,assd:boundary=corners,assd:outside=mask,assd:boundary=corners:outside=mask"
    values = found(prediction, reference, (1, 2), metrics)
    assert values == {
        # the reference's ring of 8 and the prediction's 7 of it: its lost corner is 1 mm from the voxel above
        "assd": pytest.approx(1 / 15),
        # and the prediction's middle is 1 mm from the ring
        "assd:boundary=corners": pytest.approx(2 / 16),
        # without the middle of the first row
        "assd:outside=mask": pytest.approx(1 / 13),
        "assd:boundary=corners:outside=mask": pytest.approx(2 / 14),
    }


@pytest.mark.parametrize(
    ("lacked", "edges", "corners"),
    [((1, 1, 2), 2 / 52, 2 / 52), ((1, 1, 1), 1 / 51, 2 / 52), ((1, 2, 2), 2 / 52, 2 / 52)],
)
def test_a_cube_by_hand(lacked: tuple[int, int, int], edges: float, corners: float) -> None:
    """Of a cube of 27 voxels of 1 mm the middle of an edge, a vertex, the middle of a face are missed: 26 elements and
    25, or 26 where the cube's middle has what is missed for a neighbour, and is 1 mm from the others."""
    reference, prediction = np.zeros((5, 5, 5)), np.zeros((5, 5, 5))
    reference[1:4, 1:4, 1:4] = prediction[1:4, 1:4, 1:4] = 1
    prediction[lacked] = 0
    values = found(prediction, reference, (1, 1, 1), "assd:boundary=edges,assd:boundary=corners")
    assert list(values.values()) == [pytest.approx(edges), pytest.approx(corners)]


@given(PAIRS, FORMS, st.sampled_from([np.ascontiguousarray, np.asfortranarray]))
def test_scipys_erosion_agrees(
    pair: tuple[Array, Array, tuple[float, ...]], form: tuple[str, str], order: Callable[[Array], Array]
) -> None:
    prediction, reference, spacing = order(pair[0]), order(pair[1]), pair[2]
    there, back = by_erosion((prediction, reference), spacing, form)
    assume(there.size and back.size)
    ways = f":boundary={form[0]}:outside={form[1]}"
    values = list(found(prediction, reference, spacing, f"hd95{ways},assd{ways}").values())
    assert values == [
        pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), abs=1e-9),
        pytest.approx(np.concatenate((there, back)).mean(), abs=1e-9),
    ]


@pytest.mark.parametrize("form", WAYS)
def test_labels_of_a_large_volume_that_reach_its_border(form: tuple[str, str]) -> None:
    """Past the small boxes that are measured another way: in blocks, whose margins lie beyond the image."""
    rng = np.random.default_rng(5)
    grid = np.indices((60, 50, 40))
    reference = np.zeros((60, 50, 40), np.uint8)
    for label, middle in enumerate(([0, 0, 20], [59, 25, 39], [30, 49, 0], [30, 20, 20]), start=1):
        reference[((grid - np.reshape(middle, (3, 1, 1, 1))) ** 2).sum(axis=0) < 144] = label
    prediction = np.roll(reference, tuple(rng.integers(1, 3, 3)), axis=(0, 1, 2))
    ways = f":boundary={form[0]}:outside={form[1]}"
    report = evaluate_arrays(prediction, reference, metrics=f"assd{ways}", labels="1,2,3,4", spacing=(1, 1, 2.5))
    for row in report.cases[0].rows[:4]:
        there, back = by_erosion((prediction == row.label, reference == row.label), (1, 1, 2.5), form)
        assert next(iter(row.values.values())) == pytest.approx(np.concatenate((there, back)).mean(), abs=1e-9)


def test_a_mask_that_fills_the_image_has_no_boundary_there() -> None:
    """As if it were absent: undefined in both, missed in one."""
    full, half = np.ones((4, 5)), np.zeros((4, 5))
    half[1] = 1
    assert np.isnan(found(full, full, (1, 2), "hd:outside=mask")["hd:outside=mask"])
    assert found(full, half, (1, 2), "hd:outside=mask")["hd:outside=mask"] == pytest.approx(np.hypot(3, 8))


def test_surfels_are_no_voxels(segeval: Callable[..., Any], nifti: Callable[..., Any]) -> None:
    file = nifti("a.nii", np.ones((3, 3, 3), np.uint8))
    for way in ("boundary=edges", "boundary=corners", "outside=mask"):
        run = segeval("score", file, file, "--metrics", f"nsd:surfel:{way}")
        assert (run.code, run.err.count("\n")) == (2, 1)
        assert f"surfel and {way} are two kinds of boundary" in run.err


def test_what_a_voxel_measures() -> None:
    """A voxel moved by one along the first axis, of 2, 3, 5 mm; and what one volume lacks, in 4 by 5 by 6 voxels."""
    prediction, reference = np.zeros((4, 5, 6)), np.zeros((4, 5, 6))
    prediction[1, 2, 3] = reference[2, 2, 3] = 1
    moved = {"stored": 2.0, "voxels": 1.0, "reversed": 5.0}
    lacked = {"stored": (8, 15, 30), "voxels": (4, 5, 6), "reversed": (20, 15, 12)}
    for way, mm in moved.items():
        more = {"distance_spacing": way, "missed": "box"}
        values = found(prediction, reference, (2, 3, 5), "hd,nsd:surfel:tau=1,pred_volume_ml", **more)
        assert values["hd"] == mm
        assert values["pred_volume_ml"] == pytest.approx(0.03)
        nothing = found(np.zeros((4, 5, 6)), reference, (2, 3, 5), "hd", **more)
        assert nothing["hd"] == pytest.approx(np.linalg.norm(lacked[way]))

"""Topology: by hand, against SciPy's components and scikit-image's Euler number, and what holds for every pair."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from masks import mask_pairs
from scipy import ndimage
from skimage.measure import euler_number
from skimage.morphology import skeletonize

from segeval import evaluate_arrays
from segeval.quantities import select
from segeval.quantities.topology import cldice
from segeval.tallies.topology import MaskTopology, TargetTopology, Topology

Array = np.ndarray[Any, Any]
Run = Callable[..., Any]
NAMES = [selection.key for selection in select("topology")]
PAIRS = mask_pairs(st.integers(2, 8), [0.1, 0.4, 0.7, 0.95], st.just(1.0))
ERRORS = ["betti0_error", "betti1_error", "betti2_error", "euler_error"]


def found(prediction: Array, reference: Array, label: int | str = 1, **options: Any) -> dict[str, Any]:
    report = evaluate_arrays(prediction.astype(np.uint8), reference.astype(np.uint8), metrics="topology", **options)
    (row,) = (row for row in report.cases[0].rows if row.label == label)
    return dict(row.values)


def hollow_cube() -> Array:
    """26 voxels: one component, no tunnel, one cavity, χ = 2."""
    mask = np.zeros((6, 7, 8), bool)
    mask[1:4, 2:5, 3:6] = True
    mask[2, 3, 4] = False
    return mask


def ring() -> Array:
    """Its middle slice's 8 voxels: one component, one tunnel, χ = 0."""
    mask = hollow_cube()
    mask[1] = mask[3] = False
    return mask


def test_lines_by_hand() -> None:
    """A line is its own skeleton. The prediction's five voxels and the reference's eight share three."""
    prediction, reference = np.zeros((5, 14, 5)), np.zeros((5, 14, 5))
    prediction[2, 1:6, 2], reference[2, 3:11, 2] = 1, 1
    values = found(prediction, reference)
    assert values["topology_precision"] == pytest.approx(3 / 5)
    assert values["topology_sensitivity"] == pytest.approx(3 / 8)
    assert values["cldice"] == pytest.approx(6 / 13)
    assert [values[name] for name in ERRORS] == [0, 0, 0, 0]
    flat = found(prediction[2], reference[2])
    assert flat == values


def test_a_thicker_prediction_costs_no_centreline() -> None:
    """Of a bar of 3×3 voxels around the reference's line: its skeleton lies on the line, which lies in the bar."""
    prediction, reference = np.zeros((7, 20, 7)), np.zeros((7, 20, 7))
    prediction[2:5, 2:18, 2:5], reference[3, 2:18, 3] = 1, 1
    values = found(prediction, reference)
    assert (values["topology_precision"], values["topology_sensitivity"], values["cldice"]) == (1, 1, 1)


def test_tunnels_and_cavities_by_hand() -> None:
    values = found(ring(), hollow_cube())
    assert [values[name] for name in ERRORS] == [0, 1, 1, 2]
    assert all(isinstance(values[name], int) for name in ERRORS)
    two = hollow_cube()
    two[5, 6, 7] = True  # another component at the border
    values = found(two, ring())
    assert [values[name] for name in ERRORS] == [1, 1, 1, 3]


def test_corners_connect_the_foreground_and_not_the_background() -> None:
    """Two voxels that share a corner are one component; a hole with a diagonal way out is closed."""
    corner, apart = np.zeros((4, 4, 4), bool), np.zeros((4, 4, 4), bool)
    corner[0, 0, 0] = corner[1, 1, 1] = apart[0, 0, 0] = apart[2, 2, 2] = True
    assert found(corner, apart)["betti0_error"] == 1
    diamond, full = np.zeros((5, 5), bool), np.zeros((5, 5), bool)
    diamond[1, 2] = diamond[2, 1] = diamond[2, 3] = diamond[3, 2] = True  # four voxels around a hole
    full[1:4, 1:4] = True
    assert [found(diamond, full)[name] for name in ERRORS] == [0, 1, 0, 1]


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 7)])
def test_empty_masks(shape: tuple[int, ...]) -> None:
    some, nothing = np.zeros(shape), np.zeros(shape)
    some[1:3, 1:4], nothing[0] = 1, 2
    missed, invented, both = (
        found(*pair, labels=[1, 2]) for pair in ((nothing, some), (some, nothing), (nothing, nothing))
    )
    for values in (missed, invented):
        assert values["cldice"] == 0
        assert [values[name] for name in ERRORS] == [1, 0, 0, 1]
    assert math.isnan(missed["topology_precision"])
    assert missed["topology_sensitivity"] == 0
    assert invented["topology_precision"] == 0
    assert math.isnan(invented["topology_sensitivity"])
    assert math.isnan(both["cldice"])
    assert [both[name] for name in ERRORS] == [0, 0, 0, 0]


def test_a_block_that_is_thinned_to_nothing_is_its_own_skeleton() -> None:
    """Else its perfect prediction would have no value, and neither would a complete miss, which a mean must show."""
    block = np.zeros((4, 4, 4), bool)
    block[1:3, 1:3, 1:3] = True
    assert found(block, block)["cldice"] == 1
    assert found(block, np.roll(block, 2, axis=0))["cldice"] == 0


def betti(mask: Array) -> tuple[int, int, int]:
    """SciPy's components and scikit-image's Euler number."""
    padded = np.pad(mask, 1)
    full, faces = np.ones((3,) * mask.ndim), None
    bodies = ndimage.label(padded, full)[1]
    cavities = ndimage.label(~padded, faces)[1] - 1
    if mask.ndim == 2:
        return bodies, cavities, 0  # what a face-connected background encloses in a plane is a hole
    return bodies, bodies + cavities - int(euler_number(padded, connectivity=3)), cavities


@given(PAIRS)
def test_the_libraries_agree(pair: tuple[Array, Array, Any]) -> None:
    prediction, reference, _ = pair
    values = found(prediction, reference)
    differences = [abs(p - r) for p, r in zip(betti(prediction), betti(reference), strict=True)]
    assert [values[name] for name in ERRORS[:3]] == differences
    euler = [int(euler_number(np.pad(mask, 1), connectivity=mask.ndim)) for mask in (prediction, reference)]
    assert values["euler_error"] == abs(euler[0] - euler[1])
    thin = [skeletonize(mask) for mask in (prediction, reference)]
    if all(skeleton.any() for skeleton in thin):
        precision, sensitivity = reference[thin[0]].mean(), prediction[thin[1]].mean()
        assert values["topology_precision"] == pytest.approx(precision)
        assert values["topology_sensitivity"] == pytest.approx(sensitivity)
        both = precision + sensitivity
        assert values["cldice"] == pytest.approx(2 * precision * sensitivity / both if both else 0.0)


@given(PAIRS)
def test_laws(pair: tuple[Array, Array, Any]) -> None:
    """Exchanging the volumes exchanges the shares; the reference itself is perfect; a margin changes nothing."""
    prediction, reference, _ = pair
    values, turned = found(prediction, reference), found(reference, prediction)
    assert turned["topology_precision"] == values["topology_sensitivity"]
    assert turned["cldice"] == pytest.approx(values["cldice"])
    assert [turned[name] for name in ERRORS] == [values[name] for name in ERRORS]
    assert 0 <= values["cldice"] <= 1
    assert found(np.pad(prediction, 2), np.pad(reference, 2)) == values
    same = found(reference, reference)
    assert [same[name] for name in NAMES] == [1, 1, 1, 0, 0, 0, 0]
    mirrored = found(prediction[::-1], reference[::-1])
    assert [mirrored[name] for name in ERRORS] == [values[name] for name in ERRORS]


def test_labels_regions_and_ignored_voxels() -> None:
    """A region's hole is no hole where another of its labels fills it; ignored voxels are background on both sides."""
    reference, prediction = hollow_cube().astype(np.uint8), hollow_cube().astype(np.uint8)
    reference[2, 3, 4] = 2
    of_label = found(prediction, reference)
    assert [of_label[name] for name in ERRORS] == [0, 0, 0, 0]
    region = found(prediction, reference, "both", regions=["both=1+2"])
    assert [region[name] for name in ERRORS] == [0, 0, 1, 1]
    reference[0, 0, 0] = 9
    prediction[0, 0, 0] = 1
    assert found(prediction, reference)["betti0_error"] == 1
    assert found(prediction, reference, ignore_label=9)["betti0_error"] == 0


def test_cldice_of_nothing_in_common_is_0() -> None:
    apart = TargetTopology(MaskTopology(5, 3, 0, (1, 0, 0)), MaskTopology(5, 3, 0, (1, 0, 0)))
    np.testing.assert_equal(cldice(Topology((apart, TargetTopology()))), [0.0, math.nan])


def test_a_gate_can_be_of_centrelines(segeval: Run, nifti: Run, tmp_path: Path) -> None:
    for folder in ("p", "r"):
        (tmp_path / folder).mkdir()
        nifti(f"{folder}/a.nii", hollow_cube().astype(np.uint8))
    arguments = ("check", tmp_path / "p", tmp_path / "r", "--metrics", "topology")
    assert segeval(*arguments, "--require", "mean(cldice) >= 0.8").code == 0
    assert segeval(*arguments, "--require", "mean(betti2_error) > 0").code == 1


def test_without_the_library_a_line_names_the_extra(segeval: Run, nifti: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    files = nifti("p.nii", ring().astype(np.uint8)), nifti("r.nii", hollow_cube().astype(np.uint8))
    monkeypatch.setitem(sys.modules, "skimage", None)
    run = segeval("score", *files, "--metrics", "cldice")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert "pip install 'segeval-cli[topology]'" in run.err
    assert segeval("score", *files, "--metrics", "betti0_error,euler_error").code == 0


def test_thinning_with_the_axes_in_reverse_order() -> None:
    """As scikit-image thins the transposed masks, which leaves other voxels."""
    rng = np.random.default_rng(3)
    prediction, reference = (ndimage.binary_dilation(rng.random((14, 12, 10)) > 0.985, iterations=2) for _ in range(2))
    thin = [
        skeletonize(np.pad(np.ascontiguousarray(mask.T), 1))[1:-1, 1:-1, 1:-1].T for mask in (prediction, reference)
    ]
    shares = (thin[0] & reference).sum() / thin[0].sum(), (thin[1] & prediction).sum() / thin[1].sum()
    metrics = "cldice,cldice:axes=reversed,topology_precision:axes=reversed,topology_sensitivity:axes=reversed"
    report = evaluate_arrays(prediction.astype(np.uint8), reference.astype(np.uint8), metrics=metrics)
    as_stored, *turned = report.cases[0].rows[0].values.values()
    assert turned == pytest.approx([2 * shares[0] * shares[1] / sum(shares), *shares])
    assert turned[0] != as_stored

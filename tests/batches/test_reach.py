"""Surface distances up to a limit: box by box what they are in the whole, and undefined where the limit hides them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyramids import with_blocks

from segeval import evaluate, evaluate_arrays
from segeval.errors import UsageError
from segeval.volumes import tiles

Run = Callable[..., Any]
METRICS = "hd,hd95,hd95:pooled=yes,assd,masd,rmsd,bavd,nsd"


def stored(path: Path, array: np.ndarray[Any, Any], chunks: tuple[int, ...], spacing: tuple[float, ...]) -> Path:
    """As OME-Zarr: slowest axis first, like the array; a spacing in mm of each axis."""
    group = zarr.create_group(str(path))
    group.create_array("0", shape=array.shape, chunks=chunks, dtype=array.dtype)[:] = array
    axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"[-array.ndim :]]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": list(spacing)}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [level]}]}
    return path


@pytest.fixture
def small_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "PART_VOXELS", 300)
    monkeypatch.setattr(tiles, "_BOX_VOXELS", 80)


def values_of(report: Any) -> list[dict[str, float]]:
    return [dict(row.values) for row in report.cases[0].rows]


@pytest.mark.usefixtures("small_boxes")
@settings(
    max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(2, 12)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.5, 1.0, 2.5])] * 3),
    most=st.sampled_from([1.0, 2.2, 4.0, 50.0]),
    options=st.fixed_dictionaries(
        {}, optional={"ignore_label": st.just(2), "background": st.just(True), "regions": st.just({"any": "*"})}
    ),
)
def test_any_cut_gives_what_the_whole_gives(
    seed: int,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    most: float,
    options: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.choice(3, size=[-(-n // 4) for n in shape])
    reference = np.kron(coarse, np.ones((4, 4, 4), int))[tuple(map(slice, shape))].astype(np.uint8)
    prediction = np.where(rng.random(shape) < 0.1, rng.integers(0, 3, shape), np.roll(reference, 1, 0)).astype(np.uint8)
    folder = tmp_path_factory.mktemp("cut")
    chunks = tuple(int(rng.integers(1, n + 1)) for n in shape)
    files = [stored(folder / f"{n}.zarr", m, chunks, spacing) for n, m in (("p", prediction), ("r", reference))]
    asked = {"metrics": METRICS, "max_distance": most, **options}
    found = evaluate(*files, **asked)
    turned = spacing[::-1]
    limited = evaluate_arrays(prediction.T, reference.T, spacing=turned, **asked)
    whole = evaluate_arrays(prediction.T, reference.T, spacing=turned, **{**asked, "max_distance": None})
    assert "nsd" in values_of(whole)[0]
    for mine, theirs, free in zip(values_of(found), values_of(limited), values_of(whole), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-12, nan_ok=True)
        assert mine.get("nsd", 0) == pytest.approx(free.get("nsd", 0), rel=1e-12, nan_ok=True)
    labels = [n for n, row in enumerate(found.cases[0].rows) if row.label != "mean"]  # which leaves the undefined out
    for mine, free in [(values_of(found)[n], values_of(whole)[n]) for n in labels]:
        for name, value in mine.items():
            assert math.isnan(value) or value == pytest.approx(free[name], rel=1e-12)
    far = [remark for remark in limited.cases[0].remarks if "farther than --max-distance" in remark]
    assert [remark for remark in found.cases[0].remarks if "farther than" in remark] == far


@pytest.mark.usefixtures("small_boxes")
def test_by_hand(tmp_path: Path) -> None:
    """A line of 21 voxels, 1 mm each, and the same 2 mm aside; one voxel of the prediction lies 9 mm aside."""
    reference, prediction = np.zeros((2, 12, 24, 25), np.uint8)
    reference[5, 3, 1:22] = 1
    prediction[5, 5, 1:22] = 1
    prediction[5, 12, 1] = 1
    files = [stored(tmp_path / f"{n}.zarr", m, (4, 5, 6), (1, 1, 1)) for n, m in (("p", prediction), ("r", reference))]
    asked: dict[str, Any] = {"metrics": "hd,hd:p=90,hd95,assd,nsd,nsd:tau=2"}
    row = evaluate(*files, max_distance=9.0, **asked).cases[0].rows[0].values
    assert row["hd"] == 9
    assert row["assd"] == pytest.approx((21 * 2 + 9 + 21 * 2) / 43)
    report = evaluate(*files, max_distance=4.0, **asked)
    row = report.cases[0].rows[0].values
    assert (row["hd:p=90"], row["hd95"]) == (2, 2)
    assert math.isnan(row["hd"])
    assert math.isnan(row["assd"])
    assert (row["nsd"], row["nsd:tau=2"]) == (0, 42 / 43)
    (remark,) = (each for each in report.cases[0].remarks if "farther than" in each)
    assert remark.startswith(
        "1 of 43 boundary elements are farther than --max-distance 4 mm: what depends on how far is"
    )
    assert "max_distance:4" in report.signature
    assert report.settings["max_distance"] == 4.0
    row = evaluate(*files, max_distance=1.5, metrics="hd95,nsd").cases[0].rows[0].values
    assert math.isnan(row["hd95"])
    assert row["nsd"] == 0


def test_either_boundary_may_be_the_far_one() -> None:
    """The row by hand of docs/surface_distances.md: 0 from one boundary, 0, 2 and 8 mm from the other."""
    one, three = np.zeros((2, 10, 1), np.uint8)
    one[2] = three[[2, 3, 6]] = 1
    for pair in ((one, three), (three, one)):
        report = evaluate_arrays(*pair, spacing=(2, 1), metrics="hd,hd95,hd:p=50", max_distance=4)
        row = report.cases[0].rows[0].values
        assert math.isnan(row["hd"])
        assert math.isnan(row["hd95"])
        assert row["hd:p=50"] == 2


def test_what_is_beyond_reach_is_refused(tmp_path: Path, segeval: Run) -> None:
    files = [stored(tmp_path / f"{n}.zarr", np.ones((6, 6, 6), np.uint8), (3, 3, 3), (1, 1, 1)) for n in "pr"]
    for asked, said in (
        (("--metrics", "hd"), "distances are measured on the whole volume, or up to --max-distance MM"),
        (("--metrics", "surface:surfel", "--max-distance", "5"), "boundaries of surfels"),
        (("--metrics", "nsd:tau=7", "--max-distance", "5"), "nsd tolerates 7 mm, which is beyond it"),
        (("--metrics", "nsd", "--tau", "1=6,*=2", "--max-distance", "5"), "nsd tolerates 6 mm"),
        (("--metrics", "nsd", "--max-distance", "0"), "write a distance above 0 in mm"),
    ):
        run = segeval("score", *files, "--workers", "2", *asked)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
        assert said in run.err
    with pytest.raises(UsageError, match="nsd tolerates 7 mm"):
        evaluate_arrays(np.ones((3, 3)), np.ones((3, 3)), metrics="nsd:tau=7", max_distance=2)


def test_workers_print_the_same_bytes(tmp_path: Path, segeval: Run) -> None:
    block = np.random.default_rng(3).integers(0, 2, (8, 9, 10)).astype(np.uint8)
    files = [with_blocks(tmp_path / f"{name}.zarr", block, (x, 126, 255)) for name, x in (("p", 256), ("r", 255))]
    asked = ("--metrics", "hd,nsd,assd", "--max-distance", "4", "-f", "json")
    one, several = segeval("score", *files, *asked), segeval("score", *files, *asked, "--workers", "2")
    assert (several.code, several.out) == (0, one.out), several.err
    assert json.loads(one.out)["cases"][0]["rows"][0]["hd"] is not None


def test_a_mean_does_not_leave_out_what_lies_beyond() -> None:
    """Label 1 is 2 mm away, label 2 is 9: with a limit of 5 the mean of both is not 2."""
    reference, prediction = np.zeros((2, 24, 12, 3), np.uint8)
    for label, row, away in ((1, 2, 2), (2, 10, 9)):
        reference[row, 2, 1], prediction[row, 2 + away, 1] = label, label
    rows = {
        limit: {row.label: row.values.get("hd") for row in evaluate_arrays(
            prediction, reference, spacing=(1, 1, 1), metrics="hd", max_distance=limit
        ).cases[0].rows}
        for limit in (5.0, 9.0)
    }  # fmt: skip
    assert (rows[9.0][1], rows[9.0][2], rows[9.0]["mean"]) == (2, 9, 5.5)
    assert rows[5.0][1] == 2
    assert math.isnan(rows[5.0][2] or 0)
    assert math.isnan(rows[5.0]["mean"] or 0)

"""Instances and topology of one pair, counted box by box: the numbers are those of the whole volume."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyramids import stored, with_blocks

from segeval import evaluate, evaluate_arrays
from segeval.errors import LabelError, UsageError
from segeval.volumes import tiles

Run = Callable[..., Any]
INSTANCES = "pq,instance_tp,instance_fp,instance_fn,instance_f1,instance_dice,missed_volume_ml,invented_volume_ml"
BETTI = "betti0_error,betti1_error,betti2_error,euler_error"


def blobs(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, most: int) -> np.ndarray[Any, Any]:
    coarse = rng.choice(most + 1, size=[-(-n // 3) for n in shape])
    whole = np.kron(coarse, np.ones([3] * len(shape), dtype=int))[tuple(slice(n) for n in shape)]
    specks = rng.random(shape) < 0.15
    return np.where(specks, rng.integers(0, most + 1, shape), whole).astype(dtype)


def cases_of(report: Any) -> Any:
    """All that a report holds of its case, but for what names and verifies files."""
    case = json.loads(report.to_json())["cases"][0]
    return {key: case[key] for key in case if key not in ("case", "prediction", "reference", "remarks")}


@pytest.fixture
def small_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "PART_VOXELS", 200)
    monkeypatch.setattr(tiles, "_BOX_VOXELS", 60)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "ignore_label": st.sampled_from([2, 3]),
        "background": st.just(True),
        "labels": st.sampled_from(["1,2", "1,3,7"]),
        "regions": st.sampled_from([{"both": (1, 2)}, {"any": "*", "odd": (1, 3)}]),
        "matching": st.sampled_from(["any-overlap", "many-to-one", "greedy"]),
        "iou": st.sampled_from([0.1, 0.3]),
        "min_volume_mm3": st.just(3.0),
    },
)


@pytest.mark.usefixtures("small_boxes")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), options=OPTIONS)
def test_any_cut_gives_what_the_whole_gives(
    data: st.DataObject, options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Chunks of any size, two and three axes, all options of instances; to the last bit, with boxes and centroids."""
    folder = tmp_path_factory.mktemp("cut")
    axes = data.draw(st.integers(2, 3))
    shape = data.draw(st.tuples(*[st.integers(1, 9)] * axes).filter(lambda s: sum(n > 1 for n in s) > 1 or len(s) == 2))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    flat = sum(n > 1 for n in shape) < 3
    if data.draw(st.booleans()):
        options = {**options, "instances": True}
    else:
        options = {**options, "connectivity": data.draw(st.sampled_from([4, 8] if flat else [6, 18, 26]))}
    dtypes = data.draw(st.sampled_from([("u1", "i2"), ("u8", "u8"), ("i4", "u1")]))
    p, r = (blobs(rng, shape, dtype, 3) for dtype in dtypes)
    if dtypes[0] == "u8":
        p, r = (np.where(m == 3, np.uint64(2**63 + 9), m) for m in (p, r))
    files = [
        stored(folder / f"{name}.zarr", m, data.draw(st.tuples(*(st.integers(1, n) for n in shape))))
        for name, m in (("p", p), ("r", r))
    ]
    metrics = data.draw(st.sampled_from([INSTANCES, BETTI, f"dice,{INSTANCES},{BETTI}"]))
    found = evaluate(*files, metrics=metrics, **options)
    expected = evaluate_arrays(p.T, r.T, metrics=metrics, **options)
    assert cases_of(found) == cases_of(expected)


@pytest.mark.usefixtures("small_boxes")
def test_a_spiral_through_all_regions_is_one_body_with_one_tunnel(tmp_path: Path) -> None:
    """By hand: a closed frame through a dozen boxes, and a ball with a hollow; the prediction is cut open twice."""
    reference = np.zeros((12, 14, 16), np.uint8)
    reference[2, 1:13, 1:15] = 1
    reference[2, 2:12, 2:14] = 0
    reference[5:10, 4:9, 4:9] = 2
    reference[6:9, 5:8, 5:8] = 0
    prediction = reference.copy()
    prediction[2, 1, 7] = prediction[2, 12, 7] = 0  # two pieces, no tunnel
    prediction[5, 6, 6] = 0  # the hollow is open
    files = [stored(tmp_path / f"{n}.zarr", m, (4, 5, 6)) for n, m in (("p", prediction), ("r", reference))]
    rows = evaluate(*files, metrics=f"{BETTI},instance_fp,instance_tp").cases[0].rows
    frame, ball = rows[0].values, rows[1].values
    assert [frame[name] for name in BETTI.split(",")] == [1, 1, 0, 2]
    assert [ball[name] for name in BETTI.split(",")] == [0, 0, 1, 1]
    assert (frame["instance_fp"], frame["instance_tp"], ball["instance_tp"]) == (2, 0, 1)


BLOCK = np.random.default_rng(5).integers(0, 3, (40, 50, 60)).astype(np.uint8)


def pair_of_parts(folder: Path) -> list[Path]:
    """Two parts, and bodies that reach across them; few chunks hold something."""
    return [
        with_blocks(folder / f"{name}.zarr", BLOCK, (245 + shift, 100, 230), (100 + shift, 0, 80))
        for name, shift in (("p", 1), ("r", 0))
    ]


def test_workers_print_the_same_bytes(tmp_path: Path, segeval: Run) -> None:
    files = pair_of_parts(tmp_path)
    metrics = f"{INSTANCES.partition(',missed')[0]},{BETTI}"
    asked = ("--metrics", metrics, "--connectivity", "6", "-f", "json")
    one = segeval("score", *files, *asked)
    several = segeval("score", *files, *asked, "--workers", "2")
    assert (one.code, several.code) == (0, 0), one.err + several.err
    assert several.out == one.out
    for name, path in zip("pr", files, strict=True):
        array = zarr.open_array(str(path))[90:300, :160, 70:300]  # all that is not 0, up to the face that it touches
        assert np.count_nonzero(array) == 2 * np.count_nonzero(BLOCK)
        nibabel.Nifti1Image(array.transpose(2, 1, 0), np.eye(4)).to_filename(tmp_path / f"{name}.nii")
    whole = segeval("score", tmp_path / "p.nii", tmp_path / "r.nii", *asked, "--geometry", "ignore")
    found, expected = (json.loads(run.out)["cases"][0]["rows"] for run in (one, whole))
    assert found == expected


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("instances", "instance_hd95 is a distance"),
        ("instance_nsd", "instance_nsd is of distances"),
        ("lesionwise_dice,lesionwise_hd95", "measured on the whole volume (lesionwise_dice, lesionwise_hd95)"),
        ("cldice", "skeletons are made of the whole volume"),
        ("hd", "distances are measured on the whole volume, or up to --max-distance MM"),
    ],
)
def test_what_needs_the_whole_volume_is_refused_before_reading(
    metrics: str, said: str, tmp_path: Path, segeval: Run
) -> None:
    """A chunk that cannot be read is not met."""
    files = [stored(tmp_path / f"{n}.zarr", np.ones((6, 6, 6), np.uint8), (3, 3, 3)) for n in "pr"]
    for chunk in (tmp_path / "p.zarr" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"\0")
    run = segeval("score", *files, "--metrics", metrics, "--workers", "2")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert said in run.err


def test_other_dimensions_are_refused(tmp_path: Path) -> None:
    files = [stored(tmp_path / f"{n}.zarr", np.ones((6, 6), np.uint8), (3, 3)) for n in "pr"]
    with pytest.raises(UsageError, match="connectivity 26 does not exist in 2 dimensions"):
        evaluate(*files, metrics="pq", connectivity=26)
    files = [stored(tmp_path / f"{n}.zarr", np.ones((2, 2, 2, 2), np.uint8), (2, 2, 2, 2)) for n in "qs"]
    with pytest.raises(LabelError):
        evaluate(*files, metrics="pq")

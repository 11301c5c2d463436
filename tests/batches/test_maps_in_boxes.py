"""Probability maps cut into boxes: what is measured of their winning channels is what the whole map gives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyramids import stored, with_blocks
from scipy import ndimage

from segeval import evaluate, evaluate_arrays
from segeval.errors import LabelError
from segeval.volumes import tiles

Run = Callable[..., Any]
METRICS = (
    "dice,pq,instance_tp,instance_fp,instance_fn,missed_volume_ml,betti0_error,betti1_error,betti2_error,euler_error"
)
DISTANCES = "hd,hd95,assd,nsd"


def case_of(report: Any) -> Any:
    """All that a report holds of its case, but for what names and verifies files."""
    case = json.loads(report.to_json())["cases"][0]
    return {key: case[key] for key in case if key not in ("case", "prediction", "reference", "remarks")}


@pytest.fixture
def small_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "PART_VOXELS", 200)
    monkeypatch.setattr(tiles, "_BOX_VOXELS", 150)


def a_map(rng: np.random.Generator, channels: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Probabilities of blocks and specks, (channels, z, y, x); of one foreground where there is one channel."""
    count = max(channels, 2)
    coarse = rng.choice(count, size=[-(-n // 3) for n in shape])
    whole = np.kron(coarse, np.ones([3] * len(shape), dtype=int))[tuple(slice(n) for n in shape)]
    winner = np.where(rng.random(shape) < 0.15, rng.integers(0, count, shape), whole)
    noise = rng.dirichlet(np.ones(count), shape)
    found = 0.4 * noise + 0.6 * (winner[..., np.newaxis] == np.arange(count))
    ties = rng.random(shape) < 0.05
    found[ties] = 1 / count
    channel_first: NDArray[np.float32] = np.moveaxis(found, -1, 0).astype(np.float32)
    return channel_first if channels > 1 else channel_first[1:]


@pytest.mark.usefixtures("small_boxes")
@settings(
    max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.data(),
    channels=st.sampled_from([1, 2, 4]),
    options=st.fixed_dictionaries(
        {},
        optional={
            "background": st.just(True),
            "ignore_label": st.just(3),
            "matching": st.sampled_from(["any-overlap", "many-to-one"]),
            "min_volume_mm3": st.just(3.0),
            "connectivity": st.sampled_from([6, 18]),
            "instances": st.just(True),
            "threshold": st.sampled_from([0.3, 0.9]),
        },
    ),
)
def test_any_cut_gives_what_the_whole_gives(
    data: st.DataObject, channels: int, options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """To the last bit, with boxes and centroids; distances to rounding."""
    folder = tmp_path_factory.mktemp("cut")
    shape = data.draw(st.tuples(*[st.integers(2, 9)] * 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    probabilities = a_map(rng, channels, shape)
    label = data.draw(st.sampled_from([1, 7, 200]))  # of a foreground, which the reference alone tells
    if channels == 1:
        reference = np.where(np.roll(probabilities[0], 1, 2) > 0.5, label, 0).astype(np.uint8)
        choices: list[dict[str, Any]] = [{}, {"labels": str(label)}, {"regions": {"any": "*"}}]
    else:
        reference = np.roll(probabilities, 1, 2).argmax(axis=0).astype(np.uint8)
        choices = [{}, {"labels": "1"}, {"regions": {"any": "*", "one": (1,)}}]
    if "ignore_label" in options:
        reference[rng.random(shape) < 0.2] = 3
    channel = (data.draw(st.integers(1, channels)),) if channels > 1 else ()
    chunks = [data.draw(st.tuples(*(st.integers(1, n) for n in shape))) for _ in range(2)]
    p = stored(folder / "p.zarr", probabilities if channels > 1 else probabilities[0], (*channel, *chunks[0]))
    r = stored(folder / "r.zarr", reference, chunks[1])
    asked = {**options, **data.draw(st.sampled_from(choices)), "kind": "probabilities"}
    asked.pop("threshold" if channels > 1 else "", None)
    asked.pop("connectivity" if "instances" in asked else "", None)
    turned = probabilities.transpose(0, 3, 2, 1) if channels > 1 else probabilities[0].T
    found, expected = (
        evaluate(p, r, metrics=METRICS, **asked),
        evaluate_arrays(turned, reference.T, metrics=METRICS, **asked),
    )
    assert case_of(found) == case_of(expected)
    asked = {
        name: value
        for name, value in asked.items()
        if name not in ("matching", "min_volume_mm3", "connectivity", "instances")
    }
    asked |= {"metrics": DISTANCES, "max_distance": data.draw(st.sampled_from([2.0, 50.0]))}
    found, expected = evaluate(p, r, **asked), evaluate_arrays(turned, reference.T, **asked)
    for one, other in zip(found.cases[0].rows, expected.cases[0].rows, strict=True):
        assert one.values == pytest.approx(other.values, rel=1e-12, nan_ok=True)


@pytest.mark.usefixtures("small_boxes")
@pytest.mark.parametrize("metrics", [METRICS, "brier,dice"])
def test_logits_become_probabilities_in_each_box(metrics: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    probabilities = a_map(rng, 3, (9, 8, 11)).astype(np.float64)
    logits = (np.log(probabilities) + rng.normal(0, 5, (1, 9, 8, 11))).astype(np.float32)
    reference = np.roll(probabilities, 1, 2).argmax(axis=0).astype(np.uint8)
    p = stored(tmp_path / "p.zarr", logits, (2, 4, 5, 6))
    r = stored(tmp_path / "r.zarr", reference, (5, 5, 5))
    turned = logits.transpose(0, 3, 2, 1)
    found = evaluate(p, r, activation="softmax", metrics=metrics)
    expected = evaluate_arrays(turned, reference.T, activation="softmax", metrics=metrics)
    soft = evaluate_arrays(probabilities.transpose(0, 3, 2, 1), reference.T, metrics=metrics)
    for one, other, third in zip(*(report.cases[0].rows for report in (found, expected, soft)), strict=True):
        assert one.values == pytest.approx(other.values, rel=1e-12, nan_ok=True)
        assert one.values == pytest.approx(third.values, rel=1e-5, nan_ok=True)


def test_logits_are_counted_by_workers(tmp_path: Path, segeval: Run) -> None:
    rng = np.random.default_rng(8)
    p = stored(tmp_path / "p.zarr", rng.normal(0, 3, (3, 9, 8, 11)).astype(np.float32), (3, 4, 4, 4))
    r = stored(tmp_path / "r.zarr", rng.integers(0, 3, (9, 8, 11)).astype(np.uint8), (4, 4, 4))
    asked = ("--activation", "softmax", "--metrics", "brier,instance_tp,hd", "--max-distance", "2", "-f", "json")
    one, several = segeval("score", p, r, *asked), segeval("score", p, r, *asked, "--workers", "2")
    assert (several.code, several.out) == (0, one.out), several.err


@pytest.mark.usefixtures("small_boxes")
@pytest.mark.parametrize("channels", [1, 3])
def test_components_are_those_that_scipy_finds(channels: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(channels)
    probabilities = a_map(rng, channels, (13, 11, 17))
    winners = (probabilities[0] >= np.float32(0.4)).astype(int) if channels == 1 else probabilities.argmax(axis=0)
    reference = np.roll(winners, 1, 0).astype(np.uint8)
    chunks = (4, 5, 6) if channels == 1 else (1, 4, 5, 6)
    p = stored(tmp_path / "p.zarr", probabilities[0] if channels == 1 else probabilities, chunks)
    r = stored(tmp_path / "r.zarr", reference, (5, 5, 5))
    metrics = "ref_instances,pred_instances,instance_tp,betti0_error"
    rows = evaluate(p, r, kind="probabilities", threshold=0.4, metrics=metrics, iou=0.3).cases[0].rows
    for label in range(1, max(channels, 2)):
        ours, n = ndimage.label(winners == label, np.ones((3, 3, 3)))
        theirs, m = ndimage.label(reference == label, np.ones((3, 3, 3)))
        assert n != m or n > 3
        shared = np.zeros((m + 1, n + 1))
        np.add.at(shared, (theirs, ours), 1)
        union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0, keepdims=True) - shared
        assert (shared / union)[1:, 1:].max() < 0.7
        values = rows[label - 1].values
        assert (values["pred_instances"], values["ref_instances"]) == (n, m)
        assert values["betti0_error"] == abs(n - m)


COMMAND = [sys.executable, "-m", "segeval", "score"]
BLOCK = np.random.default_rng(6).random((30, 40, 50)).astype(np.float32)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two parts, and bodies that reach across them."""
    folder = tmp_path_factory.mktemp("large")
    reference = (np.roll(BLOCK, 1, 2) > 0.6).astype(np.uint8)
    blocks = ("p.zarr", BLOCK), ("r.zarr", reference)
    return [with_blocks(folder / name, block, (245, 100, 230), (100, 0, 80)) for name, block in blocks]


ASKED = ("--threshold", "0.8", "--kind", "probabilities", "-f", "json", "--metrics")


def test_workers_print_the_same_bytes(large: list[Path], segeval: Run) -> None:
    asked = (*ASKED, "brier,instance_tp,instance_fp,pq,betti1_error,betti2_error,hd,nsd", "--max-distance", "3")
    one = segeval("score", *large, *asked)
    for workers in "12":
        several = segeval("score", *large, *asked, "--workers", workers)
        assert (several.code, several.out) == (0, one.out), several.err
    row = json.loads(one.out)["cases"][0]["rows"][0]
    count = 2 * ndimage.label(np.float32(0.8) <= BLOCK, np.ones((3, 3, 3)))[1]
    assert row["instance_tp"] + row["instance_fp"] == count


def test_less_memory_will_do_than_the_volumes_would_take(large: list[Path]) -> None:
    """Both label maps are 268 MiB."""
    asked = [*COMMAND, *map(str, large), *ASKED, "pq,euler_error", "--max-memory", "320M"]
    run = subprocess.run(asked, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    whole = subprocess.run(
        [*asked[:-3], "pq,cldice", *asked[-2:]], capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert "keeping both label maps for distances, instances and topology needs 268 MiB" in whole.stderr


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("--metrics", "cldice"), 2, "skeletons are made of the whole volume"),
        (("--metrics", "hd"), 2, "or up to --max-distance MM"),
        (("--metrics", "lesion_ap"), 2, "detection maps and losses of whole maps are measured on the whole volume"),
        (("--metrics", "instance_hd95"), 2, "is measured on the whole volume"),
        (("--metrics", "pq", "--channels", "independent"), 3, "independent channels have no label map"),
    ],
)
def test_what_needs_the_whole_volume_is_refused_before_reading(
    asked: tuple[str, ...], code: int, said: str, tmp_path: Path, segeval: Run
) -> None:
    """A chunk that cannot be read is not met."""
    p = stored(tmp_path / "p.zarr", np.full((2, 6, 6, 6), 0.5, np.float32), (1, 3, 3, 3))
    r = stored(tmp_path / "r.zarr", np.ones((6, 6, 6), np.uint8), (3, 3, 3))
    for chunk in (tmp_path / "p.zarr" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"\0")
    run = segeval("score", p, r, "--workers", "2", *asked)
    assert (run.code, run.out, run.err.count("\n")) == (code, "", 1)
    assert said in run.err


def test_labels_stored_as_floats_are_refused(tmp_path: Path, segeval: Run) -> None:
    p, r = (stored(tmp_path / f"{n}.zarr", np.ones((4, 4, 4), np.float32), (2, 2, 2)) for n in "pr")
    run = segeval("score", p, r, "--workers", "2", "--metrics", "pq", "--kind", "labels")
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "must be stored so that any place can be read" in run.err
    assert "as integers or as probabilities" in run.err
    run = segeval("score", p, r, "--workers", "2", "--metrics", "pq")
    assert "its values say whether it holds labels or probabilities; say so with --kind" in run.err


@pytest.mark.usefixtures("small_boxes")
def test_a_foreground_of_several_labels_is_an_error(tmp_path: Path) -> None:
    p = stored(tmp_path / "p.zarr", np.full((6, 6, 6), 0.7, np.float32), (3, 3, 3))
    r = stored(tmp_path / "r.zarr", np.arange(216, dtype=np.uint8).reshape(6, 6, 6) % 3, (3, 3, 3))
    with pytest.raises(LabelError, match=r"is a single foreground map, but the reference .* holds 2 labels"):
        evaluate(p, r, kind="probabilities", metrics="pq")

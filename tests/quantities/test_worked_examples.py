"""Every value of the worked examples, through the command line's JSON, however the voxels arrive."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval import evaluate_arrays
from segeval.kernels import numpy_soft
from segeval.quantities import select
from segeval.readers import layout, npz
from segeval.volumes import volume

DEFAULT = [selection.quantity for selection in select()]

DOCUMENT = json.loads((Path(__file__).parents[1] / "examples.json").read_text())
EXAMPLES: dict[str, dict[str, Any]] = {example["id"]: example for example in DOCUMENT["examples"]}
SOFT = [name for name, example in EXAMPLES.items() if isinstance(example["prediction"][0], list)]
HARD = [name for name in EXAMPLES if name not in SOFT]
TWO_CHANNELS = [name for name in SOFT if len(EXAMPLES[name]["prediction"][0]) == 2]
VOLUMES = {"ref_volume_ml": "ref_voxels", "pred_volume_ml": "pred_voxels"}
COUNTS = {quantity.name for quantity in DEFAULT if quantity.is_count}

LABEL_MAP_TOLERANCE = 1e-9
PROBABILITY_TOLERANCE = 1e-6


def arguments(example: dict[str, Any], background: str = "--background") -> list[str]:
    """The options of an example; label 0's row by ``--background``, or by listing 0."""
    if background == "--background":
        options = ["--labels", ",".join(str(label) for label in example["labels"] if label), "--background"]
    else:
        options = ["--labels", ",".join(map(str, example["labels"]))]
    if "ignore" in example:
        options += ["--ignore-label", str(example["ignore"])]
    if "empty" in example:
        options += ["--empty", example["empty"]]
    return [*options, "--format", "json"]


def reference_of(example: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.array(example["reference"], dtype=np.int16).reshape(-1, 1, 1)


def channels_of(example: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Shape (voxels, channels)."""
    return np.array(example["prediction"], dtype=np.float64)


def require_rows(rows: list[dict[str, Any]], example: dict[str, Any], tolerance: float) -> None:
    """Every row and every quantity of the example, no row more, and only the volumes as further quantities."""
    assert [str(row["label"]) for row in rows] == list(example["expected"])
    for row in rows:
        expected = dict(example["expected"][str(row["label"])])
        if row["label"] != "all":
            voxel_ml = {name: expected[source] for name, source in VOLUMES.items()}
            expected |= {name: None if count is None else count / 1000 for name, count in voxel_ml.items()}
        found = {name: value for name, value in row.items() if name not in ("label", "name", "n")}
        assert found.keys() == expected.keys()
        wrong = {
            name: (found[name], value)
            for name, value in expected.items()
            if not agrees(found[name], value, 0.0 if name in COUNTS and row["label"] != "mean" else tolerance)
        }
        assert not wrong, f"row {row['label']}: (found, expected) {wrong}"


def agrees(found: float | None, expected: float | None, tolerance: float) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=tolerance, abs_tol=1e-12 if tolerance else 0.0)


@pytest.fixture(params=[None, 8, 24, 64], ids=["whole", "8-bytes", "24-bytes", "64-bytes"])
def cut(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """Volumes are read and counted in pieces of this many bytes."""
    size: int | None = request.param
    if size is not None:
        monkeypatch.setattr(layout, "PIECE_BYTES", size)
        monkeypatch.setattr(npz, "PIECE_BYTES", size)
        monkeypatch.setattr(volume, "PIECE_VOXELS", size // 8)
        monkeypatch.setattr(numpy_soft, "BLOCK", max(1, size // 16))
    return size


def test_the_document_holds_every_quantity_of_every_kind_of_row() -> None:
    per_label = {quantity.name for quantity in DEFAULT} - set(VOLUMES)
    over_all = {quantity.name for quantity in DEFAULT if quantity.over_all is not None}
    for example in EXAMPLES.values():
        assert list(example["expected"])[-2:] == ["mean", "all"]
        for label, row in example["expected"].items():
            assert set(row) == (over_all if label == "all" else per_label)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", HARD)
@pytest.mark.usefixtures("cut")
def test_label_maps_give_the_worked_values(
    name: str, ending: str, segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    example = EXAMPLES[name]
    prediction = nifti("p" + ending, np.array(example["prediction"], dtype=np.int16).reshape(-1, 1, 1))
    run = segeval("score", prediction, nifti("r" + ending, reference_of(example)), *arguments(example))
    assert run.code == 0, run.err
    require_rows(run.json["cases"][0]["rows"], example, LABEL_MAP_TOLERANCE)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint64, np.float32, np.float64])
@pytest.mark.parametrize("name", ["hand", "ignore", "unlisted", "empty-one"])
def test_label_maps_give_the_worked_values_in_every_type(
    name: str, dtype: type[np.generic], segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    example = EXAMPLES[name]
    prediction = nifti("p.nii", np.array(example["prediction"], dtype=dtype).reshape(-1, 1, 1))
    reference = nifti("r.nii", reference_of(example).astype(dtype))
    run = segeval("score", prediction, reference, *arguments(example, "0 listed"), "--kind", "labels")
    assert run.code == 0, run.err
    require_rows(run.json["cases"][0]["rows"], example, LABEL_MAP_TOLERANCE)


@pytest.mark.parametrize("form", [".nii", ".nii.gz", "vector.nii", "probabilities.npz", "softmax.npz"])
@pytest.mark.parametrize("name", SOFT)
@pytest.mark.usefixtures("cut")
def test_probability_maps_give_the_worked_values(
    name: str, form: str, segeval: Callable[..., Any], nifti: Callable[..., Path], tmp_path: Path
) -> None:
    example = EXAMPLES[name]
    channels = channels_of(example)
    voxels, count = channels.shape
    if form.endswith(".npz"):
        prediction = tmp_path / "p.npz"
        np.savez_compressed(prediction, **{form.removesuffix(".npz"): channels.T.reshape(count, 1, 1, voxels)})
    elif form == "vector.nii":
        prediction = nifti("p.nii", channels.reshape(voxels, 1, 1, 1, count))
    else:
        prediction = nifti("p" + form, channels.reshape(voxels, 1, 1, count))
    run = segeval("score", prediction, nifti("r.nii", reference_of(example)), *arguments(example))
    assert run.code == 0, run.err
    require_rows(run.json["cases"][0]["rows"], example, PROBABILITY_TOLERANCE)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", TWO_CHANNELS)
@pytest.mark.usefixtures("cut")
def test_a_single_foreground_map_gives_the_values_of_its_two_channels(
    name: str, ending: str, segeval: Callable[..., Any], nifti: Callable[..., Path]
) -> None:
    example = EXAMPLES[name]
    prediction = nifti("p" + ending, channels_of(example)[:, 1].reshape(-1, 1, 1))
    above_a_tie = ["--threshold", "0.5000001"]  # of two equal channels the lowest wins, a threshold is inclusive
    run = segeval("score", prediction, nifti("r.nii", reference_of(example)), *arguments(example), *above_a_tie)
    assert run.code == 0, run.err
    require_rows(run.json["cases"][0]["rows"], example, PROBABILITY_TOLERANCE)


@pytest.mark.parametrize("name", EXAMPLES)
def test_arrays_in_memory_give_the_worked_values(name: str) -> None:
    example = EXAMPLES[name]
    prediction = np.array(example["prediction"])
    report = evaluate_arrays(
        prediction.T if name in SOFT else prediction,
        np.array(example["reference"]),
        labels=example["labels"],
        ignore_label=example.get("ignore"),
        empty=example.get("empty", "nan"),
        voxel_volume_mm3=1.0,
    )
    rows = json.loads(report.to_json())["cases"][0]["rows"]
    require_rows(rows, example, PROBABILITY_TOLERANCE if name in SOFT else LABEL_MAP_TOLERANCE)

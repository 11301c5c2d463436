"""``--backend``: an error where there is no device, and ``auto`` that nobody notices there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segeval.kernels import NumpyBackend, choose_backend, choosing
from segeval.kernels.cupy_device import missing_device

Segeval = Callable[..., Any]

SAMPLES = Path(__file__).parents[2] / "sample_data"
PREDICTION, REFERENCE = SAMPLES / "prediction.nii.gz", SAMPLES / "reference.nii.gz"
SOFTMAX = SAMPLES / "prediction_softmax.nii.gz"

without_a_device = pytest.mark.skipif(missing_device() is None, reason="there is a CUDA device")


@without_a_device
@pytest.mark.parametrize("prediction", [PREDICTION, SOFTMAX])
def test_cupy_without_a_device_is_a_line_that_says_what_to_do(prediction: Path, segeval: Segeval) -> None:
    run = segeval("score", prediction, REFERENCE, "--backend", "cupy")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert "--backend cupy: " in run.err
    assert "CuPy is not installed" in run.err or "no CUDA device" in run.err or "NVRTC" in run.err
    assert "leave --backend out" in run.err


@without_a_device
def test_a_batch_on_cupy_without_a_device_scores_nothing(tmp_path: Path, segeval: Segeval) -> None:
    for folder, file in (("p", PREDICTION), ("r", REFERENCE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "case.nii.gz").write_bytes(file.read_bytes())
    run = segeval("batch", tmp_path / "p", tmp_path / "r", "--backend", "cupy", "-o", tmp_path / "out.csv")
    assert (run.code, run.out) == (2, "")
    assert "--backend cupy: " in run.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "r"]


@without_a_device
@pytest.mark.parametrize("prediction", [PREDICTION, SOFTMAX])
@pytest.mark.parametrize("worthwhile", [1, 1 << 25])
def test_auto_without_a_device_is_silent(
    prediction: Path, worthwhile: int, segeval: Segeval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "_WORTHWHILE", worthwhile)
    plain, auto = (
        segeval("score", prediction, REFERENCE, "--backend", name, "--format", "json") for name in ("numpy", "auto")
    )
    assert (plain.json["settings"].pop("backend"), auto.json["settings"]["backend"]) == ("numpy", "auto")
    assert auto.code == 0
    assert auto.err == plain.err
    assert auto.out.replace('"backend": "auto"', '"backend": "numpy"') == plain.out


@pytest.mark.skipif(missing_device() is not None, reason="there is no CUDA device")
def test_auto_says_that_it_took_the_device() -> None:
    _, remarks = choose_backend("auto", "probabilities", (1 << 23,), 4, hold=False, histogram=False)
    assert len(remarks) == 1
    assert "counted on the CUDA device" in remarks[0]


def test_auto_leaves_label_maps_undecided_maps_and_small_maps_on_the_processor() -> None:
    for kind, voxels, channels in (("labels", 1 << 40, 1), (None, 1 << 40, 1), ("probabilities", (1 << 23) - 1, 4)):
        backend, remarks = choose_backend("auto", kind, (voxels,), channels, hold=False, histogram=False)
        assert isinstance(backend, NumpyBackend)
        assert remarks == []


def test_the_default_never_imports_cupy() -> None:
    code = (
        "import sys, segeval\n"
        f"segeval.evaluate({str(SOFTMAX)!r}, {str(REFERENCE)!r})\n"
        "assert not any(name.startswith('cupy') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shards_of_other_backends_merge(tmp_path: Path, segeval: Segeval) -> None:
    for folder, file in (("p", PREDICTION), ("r", REFERENCE)):
        (tmp_path / folder).mkdir()
        for case in ("a", "b"):
            (tmp_path / folder / f"{case}.nii.gz").write_bytes(file.read_bytes())
    parts = {"1/2": "numpy", "2/2": "auto"}
    for number, name in parts.items():
        part = tmp_path / f"{name}.json"
        segeval("batch", tmp_path / "p", tmp_path / "r", "--shard", number, "--backend", name, "-o", part)
    merged = segeval("merge", *(tmp_path / f"{name}.json" for name in parts.values()), "--format", "json")
    assert merged.json["settings"]["backend"] == "numpy + auto"
    assert [case["case"] for case in merged.json["cases"]] == ["a", "b"]


def test_an_unknown_backend_is_refused_with_the_known_ones(segeval: Segeval) -> None:
    run = segeval("score", PREDICTION, REFERENCE, "--backend", "gpu")
    assert run.code == 2
    assert all(name in run.err for name in ("numpy", "cupy", "auto"))

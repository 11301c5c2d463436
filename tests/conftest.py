"""What tests share: the command line in this process, and volumes written as files."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy, as on the command line

import nibabel
import numpy as np
import pytest
from hypothesis import settings

from segeval.batches.socket_folder import sweep
from segeval.cli.app import main

settings.register_profile("segeval", deadline=None, derandomize=True)
settings.load_profile("segeval")


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as strict JSON: a bare NaN is refused."""

        def refuse(constant: str) -> Any:
            raise AssertionError(f"bare {constant} in JSON")

        return json.loads(self.out, parse_constant=refuse)

    def row(self, label: int | str) -> dict[str, Any]:
        """The row of a label in the only case of a JSON report."""
        (case,) = self.json["cases"]
        (row,) = [row for row in case["rows"] if row["label"] == label]
        return row

    @property
    def remarks(self) -> list[str]:
        """The remarks of the only case of a JSON report."""
        return self.json["cases"][0]["remarks"]


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The folder for temporary files is one of the tests' own, and empty at their end, whoever was killed meanwhile."""
    folder = tmp_path_factory.mktemp("t")  # a short name: sockets are made in it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("DASK_TEMPORARY_DIRECTORY", str(folder / "dask"))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
    sweep(str(folder), age_s=0)  # as the next batch does: of batches that were killed whole
    own = str(multiprocessing.process.current_process()._config.get("tempdir"))  # type: ignore[attr-defined]
    shutil.rmtree(folder / "dask", ignore_errors=True)  # a scheduler's, which the library leaves where it is told to
    patience = time.monotonic() + 10
    while (left := [path for path in folder.iterdir() if str(path) != own]) and time.monotonic() < patience:
        time.sleep(0.05)  # what is killed takes a moment to be gone
    assert left == []


@pytest.fixture
def segeval(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run the command line in this process: ``segeval("score", prediction, reference, "--format", "json")``."""
    monkeypatch.delenv("SEGEVAL_FORMAT", raising=False)
    monkeypatch.setenv("SEGEVAL_MAX_MEMORY", "")  # what --max-memory leaves there ends with the test

    def run(*arguments: object) -> Run:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Run(code, captured.out, captured.err)

    return run


@pytest.fixture
def nifti(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as NIfTI-1: ``nifti("p.nii.gz", array, affine)``; sform and qform both state the affine."""

    def write(name: str, array: Any, affine: Any = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = nibabel.Nifti1Image(
            np.asarray(array), np.eye(4) if affine is None else affine, dtype=np.asarray(array).dtype
        )
        image.header.set_xyzt_units("mm")
        image.set_sform(image.affine, 1)
        image.set_qform(image.affine, 1)
        nibabel.save(image, path)
        return path

    return write


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pairs with known values; the test is skipped where there is none."""
    return _folder_of("SEGEVAL_REAL_DATA")


@pytest.fixture(scope="session")
def real_packages() -> Path:
    """The folder of packages that .ci/real fetches; the test is skipped where there is none."""
    return _folder_of("SEGEVAL_REAL_PACKAGES")


def _folder_of(variable: str) -> Path:
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"{variable} is not set")
    return Path(folder)

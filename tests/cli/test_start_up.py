"""What a command costs: the modules that it imports and the memory that it holds."""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segeval.cli.app import _COMMANDS

SAMPLES = Path(__file__).parents[2] / "sample_data"
LABEL_MAPS = ["score", str(SAMPLES / "prediction.nii.gz"), str(SAMPLES / "reference.nii.gz")]
PROBABILITIES = ["score", str(SAMPLES / "prediction_softmax.nii.gz"), str(SAMPLES / "reference.nii.gz")]
LABELS = ["--labels", str(SAMPLES / "labels.json")]

RENDERER = {"table": "sheet", "csv": "csv_output", "json": "", "markdown": "markdown"}

IMPORTS = """
import json, sys
from segeval.cli.app import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""

PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def imported(*arguments: str) -> set[str]:
    """The modules that are loaded when a command ends well."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments], capture_output=True, encoding="utf-8", check=True
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    return set(modules)


# What a pair of NIfTI label maps can do without; pydantic, where Typer brings it, loads some of the standard library.
UNUSED = {"pandas", "SimpleITK", "scipy", "nibabel", "cupy", "distributed", "lark", "filelock", "pyarrow"}
UNUSED_PARTS = {
    "numpy.ma",
    "rich.console",
    "rich.table",
    "rich.progress",
    "segeval.kernels.numpy_soft",
    "segeval.kernels.weighted_pairs",
    "segeval.quantities.expressions",
    "segeval.quantities.more_losses",
    "segeval.quantities.summary",
    "segeval.quantities.surface",
    "segeval.cases.labelled_slices",
    "segeval.results.comparison",
    "segeval.results.formulas",
    "segeval.settings.challenge_columns",
    "segeval.volumes.resampling",
    "segeval.readers.masks",
    "segeval.readers.label_files",
}
UNUSED_STANDARD = {"_hashlib", "tomllib", "xml", "email", "http", "concurrent.futures", "multiprocessing", "tempfile"}


@pytest.mark.parametrize("arguments", [["--help"], ["score", "--help"], ["quantities", "--help"], ["--version"]])
def test_help_imports_no_heavy_library(arguments: list[str]) -> None:
    assert imported(*arguments) & {"numpy", "isal", "sklearn", "rich.console", "typer.rich_utils", *UNUSED} == set()


def test_a_command_does_not_import_the_others() -> None:
    commands = {name for name in imported("score", "--help") if name.startswith("segeval.cli.")}
    assert commands & {f"segeval.cli.{name}" for name in ("batch", "check", "compare", "merge", "quantities")} == set()


@pytest.mark.parametrize("name", _COMMANDS)
def test_the_line_in_the_help_is_that_of_the_command(name: str) -> None:
    assert getattr(import_module(f"segeval.cli.{name}"), name).__doc__ == _COMMANDS[name]


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_scoring_label_maps_imports_only_what_it_uses(form: str) -> None:
    loaded = imported(*LABEL_MAPS, "--format", form)
    drawn = {"rich.console", "rich.table"} if form == "table" else set()
    assert loaded & (UNUSED | UNUSED_PARTS | (set() if "pydantic" in loaded else UNUSED_STANDARD)) - drawn == set()
    assert {name for name in loaded if name.startswith("segeval.outputs.")} & {
        f"segeval.outputs.{name}"
        for name in {"sheet", "csv_output", "markdown", "nnunet", "parquet"} - {RENDERER[form]}
    } == set()


@pytest.mark.parametrize("form", ["csv", "json", "markdown"])
def test_a_comparison_that_draws_nothing_imports_nothing_to_draw(form: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    imported(*LABEL_MAPS, "--metrics", "dice", "--format", "json", "--output", str(report))
    assert imported("compare", str(report), str(report), "--format", form) & {"rich.console", "rich.table"} == set()


@pytest.mark.parametrize("arguments", [LABEL_MAPS, PROBABILITIES])
def test_a_label_file_imports_no_heavy_library(arguments: list[str]) -> None:
    assert imported(*arguments, *LABELS) & UNUSED == set()


def test_a_batch_without_an_output_imports_nothing_to_lock_it(nifti: Any) -> None:
    folders = [str(nifti(f"{side}/case.nii.gz", np.ones((3, 3, 3), np.uint8)).parent) for side in ("p", "r")]
    assert imported("batch", *folders, "--workers", "1", "--format", "csv") & UNUSED == set()


def test_explaining_the_quantities_reads_no_file() -> None:
    assert imported("quantities") & UNUSED == set()


# Memory


def write_nifti(path: Path, shape: tuple[int, ...], dtype: str, slabs: Iterable[bytes]) -> None:
    """A NIfTI-1 file of 1 mm voxels, written slab by slab."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    code, bits = {"u1": (2, 8), "f4": (16, 32)}[dtype]
    struct.pack_into("<2h", header, 70, code, bits)
    struct.pack_into("<8f", header, 76, 1, *[1] * 7)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[123] = 2
    struct.pack_into("<2h", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    header[344:348] = b"n+1\0"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header)
        for slab in slabs:
            file.write(slab)


def peak_mib(report: Path, *arguments: object) -> float:
    """The peak resident size of a scoring process, started from a small one so that no other size is inherited."""
    pytest.importorskip("resource")
    command = [sys.executable, "-m", "segeval", "score", *map(str, arguments), "-o", str(report)]
    done = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, encoding="utf-8", check=True)
    code, peak = map(int, done.stdout.split())
    assert code == 0, done.stderr
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


@pytest.mark.skipif(os.name != "posix", reason="needs the resource module")
def test_a_pair_of_large_label_maps_needs_little_memory(tmp_path: Path) -> None:
    shape = (512, 512, 600)  # 150 MiB a volume

    def slabs(shift: int) -> Iterable[bytes]:
        for z in range(shape[2]):
            slab = np.zeros(shape[:2], np.uint8)
            for label in range(1, 6):
                if 60 * label <= z < 60 * label + 100:
                    slab[80 * label + shift : 80 * label + 50, 200 + label : 300] = label
            yield slab.tobytes(order="F")

    p, r = tmp_path / "p.nii.gz", tmp_path / "r.nii.gz"
    write_nifti(p, shape, "u1", slabs(10))
    write_nifti(r, shape, "u1", slabs(0))
    assert peak_mib(tmp_path / "x.json", p, r) < 80
    (case,) = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["cases"]
    assert case["rows"][1]["tp"] == case["rows"][1]["pred_voxels"] == 40 * 98 * 100
    assert case["rows"][1]["ref_voxels"] == 50 * 98 * 100
    assert sum(count for _, _, count in case["confusion"]) == 512 * 512 * 600


@pytest.mark.skipif(os.name != "posix", reason="needs the resource module")
def test_a_large_softmax_map_needs_little_memory(tmp_path: Path) -> None:
    shape, channels = (128, 128, 96), 5  # 30 MiB in float32, 60 in float64
    sure, rest = np.float32(0.75), np.float32(0.0625)

    def channel(k: int) -> Iterable[bytes]:
        for z in range(shape[2]):
            winner = min(z // 20, channels - 1)
            yield np.full(shape[:2], sure if k == winner else rest, np.float32).tobytes()

    p, r = tmp_path / "p.nii.gz", tmp_path / "r.nii.gz"
    write_nifti(p, (*shape, channels), "f4", (slab for k in range(channels) for slab in channel(k)))
    write_nifti(r, shape, "u1", (bytes([min(z // 24, 4)]) * 128 * 128 for z in range(shape[2])))
    assert peak_mib(tmp_path / "x.json", p, r) < 110
    (case,) = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["cases"]
    assert [row["pred_voxels"] for row in case["rows"][:4]] == [128 * 128 * depth for depth in (20, 20, 20, 16)]
    assert [row["tp"] for row in case["rows"][:4]] == [128 * 128 * depth for depth in (16, 12, 8, 0)]


# The end

LEAVING = """
import atexit, sys, threading, time
sys.argv = ["segeval", "score"]
atexit.register(print, "registered")
{before}
from segeval.__main__ import run
try:
    run()
finally:
    print("unwound", flush=True)
"""


@pytest.mark.parametrize(
    ("before", "printed"),
    [
        ("", "registered"),  # at once: nothing is unwound
        ("threading.Thread(target=lambda: (time.sleep(1), print('thread'))).start()", "unwound\nthread\nregistered"),
        ("sys.setprofile(lambda *_: None)", "unwound\nregistered"),
        ("sys.settrace(lambda *_: None)", "unwound\nregistered"),
    ],
)
def test_the_process_ends_at_once_where_nobody_else_has_a_say(before: str, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEAVING.format(before=before)], capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.stdout.split("\n")[:-1] == printed.split("\n")
    assert done.returncode == 2  # no volumes were named
    assert "Missing argument" in done.stderr

"""Softmax and label arrays scored by NumPy and on a CUDA device: time and the largest difference of any value.

Run where CuPy finds a device: python benchmarks/gpu.py [--size X Y Z]
Prints the tables of docs/performance.md's section "On a GPU". Arrays lie in memory, so that no decoding is timed.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cupy
import numpy as np
from phantoms import Phantom, Style

from segeval import Report, evaluate_arrays

_ROUNDS = 7
_say = partial(print, flush=True)
_LABELS = 4
_STYLE = Style(bodies=3, radius=28.0)

Array = np.ndarray[Any, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=3, default=(256, 256, 200), metavar=("X", "Y", "Z"))
    nx, ny, nz = shape = tuple(parser.parse_args().size)
    phantom = Phantom(shape, _LABELS, _STYLE, seed=20)
    softmax = np.stack([phantom.softmax_at(z, seed=1) for z in range(nz)], axis=1)
    prediction, reference = (np.stack(side) for side in zip(*map(phantom.pair_at, range(nz)), strict=True))
    device = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    versions = f"CuPy {cupy.__version__}, Python {platform.python_version()}"
    _say(f"{device}; {_processor()}, {os.cpu_count()} cores; {versions}.")
    _say(f"{nx}×{ny}×{nz}, {_LABELS + 1} classes. Medians of {_ROUNDS} rounds, in turn.\n")
    _say("| work | NumPy | arrays in memory, cupy | arrays on the device | values differ by |\n" + "| --- " * 5 + "|")
    for title, left, options in (
        ("softmax, default report", softmax, {}),
        ("softmax, every loss by sums", softmax, {"metrics": "losses,more_losses"}),
        ("labels, default report", prediction, {}),
    ):
        _say(_row(title, left, reference, options))


def _row(title: str, left: Array, right: Array, options: dict[str, Any]) -> str:
    on_device = cupy.asarray(left), cupy.asarray(right)
    axis = {"class_axis": 0} if left.ndim > right.ndim else {}
    contenders: list[Callable[[], Report]] = [
        lambda: evaluate_arrays(left, right, **axis, **options),
        lambda: evaluate_arrays(left, right, backend="cupy", **axis, **options),
        lambda: evaluate_arrays(*on_device, **axis, **options),
    ]
    reports = [run() for run in contenders]  # the warm-up: kernels are compiled when first used
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(_ROUNDS):
        for run, taken in zip(contenders, times, strict=True):
            start = time.perf_counter()
            run()
            taken.append(time.perf_counter() - start)
    cells = [f"{1000 * median(taken):.0f} ms" for taken in times]
    return f"| {' | '.join([title, *cells, f'{_difference(reports):.0e}'])} |"


def _difference(reports: Iterable[Report]) -> float:
    """The largest relative difference of any value to the first report's; values undefined in one only are infinite."""
    first, *others = ([v for row in report.cases[0].rows for v in row.values.values()] for report in reports)
    expected = np.array(first, float)
    worst = 0.0
    for other in others:
        found = np.array(other, float)
        if not np.array_equal(np.isnan(found), np.isnan(expected)):
            return float("inf")
        known = np.isfinite(expected)
        distance = np.abs(found - expected)[known] / np.maximum(np.abs(expected[known]), 1e-12)
        worst = max(worst, float(distance.max(initial=0.0)))
    return worst


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "a processor")


if __name__ == "__main__":
    main()

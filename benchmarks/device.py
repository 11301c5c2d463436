"""What runs on a CUDA device: the same values as NumPy's, in which time, beside whose; and volumes beyond 2^31 voxels.

Run where CuPy finds a device: python benchmarks/device.py [--size X Y Z] [--tests]
--tests runs the kernels' test modules first. Prints the tables of docs/performance.md's section "On a GPU"; arrays lie
in memory, so that no decoding is timed. PyTorch, MONAI and torchmetrics are timed on the same device where they are
installed.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
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
    parser.add_argument("--tests", action="store_true")
    options = parser.parse_args()
    if options.tests:
        modules = ["tests/kernels", "tests/cli/test_backend.py", "tests/test_evaluate_arrays.py"]
        subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *modules], check=True)  # noqa: S603
    nx, ny, nz = shape = tuple(options.size)
    phantom = Phantom(shape, _LABELS, _STYLE, seed=20)
    softmax = np.stack([phantom.softmax_at(z, seed=1) for z in range(nz)], axis=1)
    prediction, reference = (np.stack(side) for side in zip(*map(phantom.pair_at, range(nz)), strict=True))
    device = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    versions = f"CuPy {cupy.__version__}, Python {platform.python_version()}"
    _say(f"{device}; {_processor()}, {os.cpu_count()} cores; {versions}.")
    _say(f"{nx}×{ny}×{nz}, {_LABELS + 1} classes. Medians of {_ROUNDS} rounds, in turn.\n")
    _say("| work | NumPy | arrays in memory, cupy | arrays on the device | values differ by |\n" + "| --- " * 5 + "|")
    for title, left, asked in (
        ("softmax, default report", softmax, {}),
        ("softmax, every loss by sums", softmax, {"metrics": "losses,more_losses"}),
        ("labels, default report", prediction, {}),
    ):
        _say(_row(title, left, reference, asked))
    _say("\n| on the device | time | |\n| --- | --- | --- |")
    for line in peers(softmax, reference):
        _say(line)
    _say("\n| beyond 2^31 voxels | time | |\n| --- | --- | --- |")
    for line in large():
        _say(line)


def peers(softmax: Array, reference: Array) -> Iterator[str]:
    """segeval on PyTorch's tensors, and what PyTorch's libraries take for a part of the same numbers."""
    try:
        import torch
    except ImportError:
        return
    p, y = torch.from_numpy(softmax).cuda(), torch.from_numpy(reference.astype(np.int64)).cuda()
    y8 = y.to(torch.uint8)
    every = {"metrics": "overlap,losses,more_losses"}
    ours = evaluate_arrays(p, y8, **every)
    took = _time(lambda: evaluate_arrays(p, y8, **every))
    yield f"| segeval, PyTorch's tensors: {len(ours.columns)} quantities of {_LABELS} labels | {took} | |"
    batch, hot = p[None], torch.nn.functional.one_hot(y, p.shape[0]).movedim(-1, 0)[None]
    dice = ours.cases[0].rows[0].values["dice"]
    try:
        from torchmetrics.functional.segmentation import dice_score
    except ImportError:
        pass
    else:
        winners = torch.nn.functional.one_hot(p.argmax(0), p.shape[0]).movedim(-1, 0)[None]
        found = float(dice_score(winners, hot, p.shape[0], average="none", input_format="one-hot")[0, 1])
        took = _time(lambda: dice_score(winners, hot, p.shape[0], average="none", input_format="one-hot").cpu())
        yield f"| torchmetrics, Dice alone, from one-hot maps | {took} | differs by {abs(found - dice):.0e} |"
    try:
        from monai.losses import DiceLoss, FocalLoss, GeneralizedDiceLoss, TverskyLoss
    except ImportError:
        return
    for loss in (DiceLoss(), GeneralizedDiceLoss(), TverskyLoss(), FocalLoss()):
        took = _time(lambda loss=loss: loss(batch, hot.float()).item())
        yield f"| MONAI, {type(loss).__name__} alone, from one-hot maps | {took} | |"


def large() -> Iterator[str]:
    """Volumes whose counts are known by arithmetic: labels 0, 1, 2 in turn, of which every thousandth is missed."""
    n = (1 << 31) + 3000
    reference = cupy.arange(n, dtype=cupy.uint32)
    missed = reference % 3000 == 1
    reference = (reference % 3).astype(cupy.uint8)
    prediction = cupy.where(missed, 0, reference).astype(cupy.uint8)
    start = time.perf_counter()
    (one, two, *_) = evaluate_arrays(prediction, reference, metrics="overlap").cases[0].rows
    seconds = time.perf_counter() - start
    ones, lost = len(range(1, n, 3)), len(range(1, n, 3000))
    expected = [(ones - lost, 0, lost), (len(range(2, n, 3)), 0, 0)]
    found = [tuple(int(row.values[key]) for key in ("tp", "fp", "fn")) for row in (one, two)]
    outcome = "counts as known" if found == expected else f"{found} for {expected}"
    yield f"| labels, {n} voxels | {seconds:.2f} s | {outcome} |"
    probabilities = cupy.where(reference == 1, cupy.float32(0.75), cupy.float32(0.25))
    start = time.perf_counter()
    asked: dict[str, Any] = {"labels": [1], "threshold": 0.5, "metrics": "dice,soft_dice,bce"}
    (row, *_) = evaluate_arrays(probabilities, (reference == 1).astype(cupy.uint8), **asked).cases[0].rows
    seconds = time.perf_counter() - start
    others = n - ones
    soft = 1 - 2 * 0.75 * ones / (ones * (1 + 0.5625) + others * 0.0625)
    off = max(abs(row.values["soft_dice"] - soft), abs(row.values["bce"] + math.log(0.75)), abs(row.values["dice"] - 1))
    yield f"| one probability map, {n} voxels | {seconds:.2f} s | off by {off:.0e} |"


def _time(run: Callable[[], object]) -> str:
    run()
    times = []
    for _ in range(_ROUNDS):
        cupy.cuda.Device().synchronize()
        start = time.perf_counter()
        run()
        cupy.cuda.Device().synchronize()
        times.append(time.perf_counter() - start)
    return f"{1000 * median(times):.1f} ms"


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

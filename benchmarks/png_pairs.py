"""Thousands of small pictures: ``segeval batch`` beside a loop of Pillow and NumPy, and what a pair costs a processor.

Run in the development environment: ``python benchmarks/png_pairs.py [--pairs 1000]``. Pairs of 512×512 with four
labels, as grey values, whose rows Pillow filters in five ways, and as indices of a palette, whose rows it leaves
alone. Each contender is a process, in turn, with the files in the page cache; times are the least of three runs, as the
machine may be busy. The processor time is the least of many runs of each pair: the start of a process is not in it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import zoom

HERE = Path(__file__).parent
SIDE, LABELS, ROUNDS, TIMED, REPEATS = 512, 4, 3, 8, 40
QUANTITIES = ("dice", "iou", "sensitivity", "specificity")
ONE_PAIR = """
import sys, time
from pathlib import Path
def least(call, pairs, repeats):
    best = {}
    for _ in range(repeats):
        for pair in pairs:
            start = time.thread_time()
            call(*pair)
            best[pair] = min(best.get(pair, 9.0), time.thread_time() - start)
    print(1000 * sum(best.values()) / len(best))
ours, theirs, count, repeats = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
pairs = [(path, theirs / path.name) for path in sorted(ours.glob("*.png"))[:count]]
"""
OURS = """
from segeval.cases.case import score_files
from segeval.readers import Input
from segeval.settings import settings_of
from segeval.volumes.allocator import keep_freed_memory
keep_freed_memory()  # as the workers of a batch do
settings = settings_of({"metrics": "dice,iou,sensitivity,specificity"})
least(lambda p, r: score_files(Input(p), Input(r), settings), pairs, repeats)
"""
LOOP = """
import numpy as np
from PIL import Image
def call(p, r):
    p, r = np.asarray(Image.open(p)), np.asarray(Image.open(r))
    for label in np.union1d(np.unique(p), np.unique(r)).tolist():
        if label:
            a, b = p == label, r == label
            tp, fp, fn = np.count_nonzero(a & b), np.count_nonzero(a & ~b), np.count_nonzero(~a & b)
            tn = a.size - tp - fp - fn
            2 * tp / (2 * tp + fp + fn), tp / (tp + fp + fn), tp / max(tp + fn, 1), tn / max(tn + fp, 1)
least(call, pairs, repeats)
"""


def main() -> None:
    """Make the pairs, run the contenders, print a table."""
    parser = argparse.ArgumentParser(description="segeval batch beside a loop of Pillow and NumPy")
    parser.add_argument("--pairs", type=int, default=1000)
    asked = parser.parse_args()
    sys.stdout.write(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {asked.pairs} pairs\n\n")
    sys.stdout.write("| pictures | work | time | processor per pair | × loop |\n| --- | --- | --- | --- | --- |\n")
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("grey values", "palette"):
            where = Path(folder) / kind
            _make(where, asked.pairs, kind)
            _compare(where, kind)


def _make(folder: Path, pairs: int, kind: str) -> None:
    """Smooth bodies, and the same ones a little to the side; a hundred of them, and then again."""
    rng = np.random.default_rng(0)
    shapes: list[np.ndarray] = []
    for side in ("p", "r"):
        (folder / side).mkdir(parents=True)
    for number in range(pairs):
        if len(shapes) < min(pairs, 100):
            fields = [zoom(rng.normal(size=(9, 9)), SIDE / 9, order=3)[:SIDE, :SIDE] for _ in range(LABELS + 1)]
            fields[0] += 1
            shapes.append(np.argmax(fields, axis=0).astype(np.uint8))
        reference = shapes[number % len(shapes)]
        for side, array in (("p", np.roll(reference, (3, -2), (0, 1))), ("r", reference)):
            image = Image.fromarray(array)
            if kind == "palette":
                image = image.convert("P")
                image.putpalette([value * 37 % 256 for value in range(768)])  # 256 colours, as VOC's have
            image.save(folder / side / f"{number:05}.png")


def _compare(folder: Path, kind: str) -> None:
    sides = str(folder / "p"), str(folder / "r")
    segeval = [str(Path(sys.executable).parent / "segeval"), "batch", *sides, "--metrics", ",".join(QUANTITIES)]
    commands = {
        "loop": [sys.executable, str(HERE / "peers" / "pillow_loop.py"), *sides],
        "segeval, 1 worker": [*segeval, "--format", "json", "--workers", "1"],
        "segeval, 2 workers": [*segeval, "--format", "json", "--workers", "2"],
    }
    seconds, outputs = dict.fromkeys(commands, math.inf), dict.fromkeys(commands, "")
    for _ in range(ROUNDS):
        for name, command in commands.items():
            start = time.perf_counter()
            ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
            seconds[name] = min(seconds[name], time.perf_counter() - start)
            outputs[name] = ran.stdout
    _require_the_same(json.loads(outputs["loop"]), json.loads(outputs["segeval, 1 worker"]))
    loop, ours = _processor(LOOP, sides), _processor(OURS, sides)
    for name, taken in seconds.items():
        cost = loop if name == "loop" else ours
        faster = f"{seconds['loop'] / taken:.1f} by time, {loop / cost:.1f} by processor"
        sys.stdout.write(f"| {kind} | {name} | {taken:.1f} s | {cost:.2f} ms | {faster} |\n")


def _processor(call: str, sides: tuple[str, str]) -> float:
    """Milliseconds of a pair."""
    command = [sys.executable, "-c", ONE_PAIR + call, *sides, str(TIMED), str(REPEATS)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603


def _require_the_same(loop: dict[str, dict[str, float]], report: dict[str, list[dict[str, object]]]) -> None:
    """Raises ValueError where the two disagree."""
    rows = {
        f"{case['case']} {row['label']}": row
        for case in report["cases"]
        for row in case["rows"]  # type: ignore[attr-defined]
        if isinstance(row["label"], int)
    }
    if rows.keys() != loop.keys():
        raise ValueError("the loop and segeval have other labels")
    for key, values in loop.items():
        for name, value in values.items():
            if abs(value - rows[key][name]) > 1e-12:
                raise ValueError(f"{key}: {name} is {value} by the loop, {rows[key][name]} by segeval")


if __name__ == "__main__":
    main()

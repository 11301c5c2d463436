"""What do the pictures of a case cost beside scoring it twice, in time and memory?

Run in the development environment: ``python benchmarks/pictures.py PREDICTION REFERENCE [--image SCAN]``; the volumes
of ``make_volumes.py`` will do. Each time is the median of five calls in a process that has imported everything, as of
the cases of a batch; the memory is that process's peak.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import segeval

TIMED = """
import statistics, sys, time
def median(call):
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    print(statistics.median(seconds[1:]))
"""
SCORE = (
    TIMED
    + """
import segeval
def twice():
    for _ in range(2):
        segeval.evaluate(*sys.argv[1:], metrics="overlap,losses")
median(twice)
"""
)
DRAW = (
    TIMED
    + """
from pathlib import Path
from segeval.pictures.drawing import pictures_of
from segeval.reports.report_files import read_report
from segeval.settings import settings_of
results, labels, image = sys.argv[1:]
(case,) = read_report(Path(results)).cases
every = [row.label for row in case.rows if row.label not in ("mean", "all")]
chosen = every if labels == "all" else every[: int(labels)]
def draw():
    found = pictures_of(case, chosen, settings_of({}), Path(image) if image else None)
    if not all(picture.slices for picture in found):
        raise SystemExit(str(found))
median(draw)
"""
)


def measured(code: str, *words: str) -> tuple[float, float]:
    """(median seconds, peak in MB) of a process that runs the code."""
    process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True)  # noqa: S603
    text = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(status)
    return float(text), usage.ru_maxrss / 1000


def main() -> None:
    """Print a line for one label, three, and all; score and pictures against scoring twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prediction", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--image", default="")
    given = parser.parse_args()
    files = [str(given.prediction), str(given.reference)]
    twice, peak = measured(SCORE, *files)
    sys.stdout.write(f"scored twice: {twice:.2f} s, {peak:.0f} MB\n")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        results.write_text(segeval.evaluate(*files, metrics="overlap,losses").to_json(), encoding="utf-8")
        for labels in ("1", "3", "all"):
            seconds, peak = measured(DRAW, str(results), labels, given.image)
            sys.stdout.write(f"drawn, labels {labels:3}: {seconds:.2f} s, {seconds / twice:.2f} x, {peak:.0f} MB\n")


if __name__ == "__main__":
    main()
